/**
 * The panel. Rule: the server's log is the truth; what the patient typed is kept until the server has it.
 */
import { Api, Feed, sleep } from './api.js'
import { Conversation, Memory, localStorageOrNull, newId } from './conversation.js'
import { Composer } from './composer.js'
import { makeButton, thank } from './elements.js'
import { Face, LANGUAGES, StatusLine, findParts, makeStrings, pickLanguage } from './face.js'
import { LogView } from './log.js'
import { Outbox, makeItem } from './outbox.js'
import { Host, Tabs } from './windows.js'

const REST_AFTER_HIDDEN_MS = 120000
const NOTHING = { status: 'bot', working: false, agent: null, agent_typing: false, survey: null, text: '' }

export class Panel {
  #isOpen = false
  #isBegunHere = false
  #unread = 0
  #context = {}
  #restTimer = null
  #state = NOTHING
  #afterYes = null
  #forms = null
  #menu = null

  /** facts: the body's data-* attributes. */
  constructor ($root, facts, memory, strings) {
    if ($root.dataset.started) throw new Error('Panel: started twice')
    $root.dataset.started = ''
    const $ = findParts($root)
    const say = () => this.face.strings
    const name = `front-desk:${facts.site}`
    const { locks } = navigator
    this.$ = $
    this.facts = facts
    this.memory = memory
    this.api = new Api(facts.api, (...asked) => fetch(...asked))
    this.conversation = new Conversation({
      api: this.api, memory, locks, lockName: `${name}:create`,
      facts: () => ({
        ...this.#context, lang: say().lang, site: facts.site, privacy_version: memory.get('agreed') ?? undefined
      })
    })
    this.status = new StatusLine($.said, $.state)
    this.face = new Face({
      $, facts, strings, status: this.status, rate: body => this.api.rate(body),
      onAsk: (body, label) => this.send(body, label),
      onNew: () => {
        this.#startFresh(null)
        this.composer.focus()
      }
    })
    this.view = new LogView({ $log: $.log, $scroll: $.scroll, $newer: $.newer, strings: say })
    this.composer = new Composer({
      $form: $.composer, $text: $.text, $counter: $.counter, limit: Number(facts.maxCharacters),
      memory, strings: say, status: this.status,
      onSend: text => this.send({ text }, text), onTyping: () => this.#tellTyping()
    })
    this.feed = new Feed({
      api: this.api, cursor: () => this.view.log.cursor, isHidden: () => document.hidden,
      onRow: (row, after) => {
        this.#takeRow(row, after, true)
        this.#tellTabs({ type: 'row', row, after })
      },
      onState: state => {
        this.#takeState(state)
        this.#tellTabs({ type: 'state', state })
      },
      onLine: isUp => this.#takeLine(isUp), onGone: () => this.#startFresh('gone'),
      sleep, now: () => Date.now(), random: Math.random
    })
    this.tabs = new Tabs({
      name, locks, Channel: window.BroadcastChannel, sleep,
      onLead: () => { this.feed.mode = 'live' },
      onFollow: () => {
        this.feed.mode = 'off'
        this.#catchUp()
      },
      onMessage: message => this.#hearTab(message)
    })
    this.outbox = new Outbox({
      post: item => this.#post(item), sleep, random: Math.random,
      store: {
        load: () => memory.get('outbox', []),
        save: (items, held) => memory.set('outbox', [...memory.get('outbox', []).filter(each => !held.has(each.client_id)), ...items])
      },
      onChange: (item, oldId) => {
        this.view.showPending(item, oldId)
        if (item.state === 'failed') this.status.announce(item.said || say().say('not_sent'))
      },
      onAnswer: (item, answer) => {
        // First, whatever the status.
        if (answer.body?.card?.html) this.view.alert(item.client_id, answer.body.card.html)
        if (isAsked(answer)) this.#askForYes()
        this.#takeLine(answer.status !== 0)
      },
      onSent: (item, { body }) => {
        this.view.markSent(item.client_id)
        this.feed.nudge()
        this.#offerLanguage(body?.written_in)
      },
      onGone: () => this.#startFresh('gone')
    })
    this.host = new Host({
      window,
      onOpen: (context, question) => this.#open(context, question),
      onClose: () => this.#close(),
      onLang: lang => this.#switchLanguage(lang)
    })
  }

  start () {
    this.#listen()
    this.#speak()
    this.$.send.disabled = false
    for (const item of this.outbox.items) this.view.showPending(item)
    this.$.welcome.hidden = this.conversation.isThere
    this.#showConsent()
    if (this.host.isFramed) this.host.hello()
    else this.#open({}, '')
    this.outbox.run()
    this.#watchIdle()
  }

  send (body, label) {
    if (this.#state.status === 'ended') this.#startFresh(null)
    this.face.showNotice(null)
    if (!this.#asks) this.#keepYes()
    return this.outbox.add(makeItem(newId(), body, label))
  }

  #open (context, question) {
    this.#isOpen = true
    this.#context = context
    this.#countUnread(0)
    this.composer.focus()
    this.#attend()
    if (question) this.send({ text: question }, question)
  }

  #close () {
    this.#isOpen = false
    this.composer.save()
    this.#rest()
  }

  /** Somebody is looking. */
  async #attend () {
    clearTimeout(this.#restTimer)
    if (!this.conversation.isThere || this.#state.status === 'ended') return
    this.feed.mode = this.tabs.isLeader ? 'live' : 'off'
    if (this.view.log.cursor === 0) await this.#catchUp()
    if (this.#isOpen && this.conversation.isThere && this.#state.status !== 'ended') this.tabs.join()
  }

  /** Nobody is looking: hold no stream. */
  #rest () {
    this.tabs.leave()
    const { status, working } = this.#state
    const mayHear = this.conversation.isThere && (working || status === 'waiting' || status === 'agent')
    this.feed.mode = mayHear ? 'quiet' : 'off'
  }

  #wake () {
    if (document.hidden) {
      this.composer.save()
      clearTimeout(this.#restTimer)
      this.#restTimer = setTimeout(() => this.#rest(), REST_AFTER_HIDDEN_MS)
      return
    }
    this.outbox.nudge()
    this.feed.nudge()
    if (!this.#isOpen) return
    this.#countUnread(0)
    this.#attend()
    this.tabs.checkLeader()
  }

  async #catchUp () {
    if (!this.conversation.isThere) return
    const after = this.view.log.cursor
    const state = this.#state
    const { status, body } = await this.api.log(after, false)
    if (status === 404 || status === 401) return this.#startFresh('gone')
    this.#takeLine(status !== 0 && status < 500)
    if (status !== 200) return
    const isLive = after !== 0 || this.#isBegunHere
    let before = after
    for (const row of body.messages) {
      this.#takeRow(row, before, isLive)
      before = row.n
    }
    // What the stream said meanwhile is newer.
    if (state === this.#state) this.#takeState(body.state)
  }

  #takeRow (row, after, isLive) {
    if (!this.view.log.advance(after, row.n)) return this.#catchUp()
    this.$.welcome.hidden = true
    const isNew = this.view.place(row, isLive)
    if (!isNew || !isLive || !['bot', 'agent'].includes(row.author)) return
    if (this.memory.get('sound')) this.#beep()
    if (!this.#isOpen || document.hidden) this.#countUnread(this.#unread + 1)
  }

  #takeState (state) {
    const before = this.#state
    this.#state = { ...NOTHING, ...state }
    this.face.showState(this.#state)
    if (this.#state.status !== 'ended') return
    if (before.status !== 'ended') this.view.showFrom(this.$.after)
    this.tabs.leave()
    this.feed.mode = 'off'
  }

  #takeLine (isUp) {
    if (!this.face.showLine(isUp)) return
    if (this.tabs.isLeader) this.#tellTabs({ type: 'line', isUp })
    if (isUp) this.outbox.nudge()
  }

  #tellTabs (message) { this.tabs.send({ ...message, id: this.api.conversation?.id }) }

  #hearTab (message) {
    if (message.type === 'conversation') return this.#adopt()
    if (message.id !== this.api.conversation?.id) return
    if (message.type === 'row') this.#takeRow(message.row, message.after, true)
    if (message.type === 'state') this.#takeState(message.state)
    if (message.type === 'line') this.#takeLine(message.isUp)
  }

  #adopt () {
    if (!this.conversation.adopt()) return
    this.#reset()
    if (this.#isOpen) this.#attend()
  }

  async #begin () {
    const hadOne = this.conversation.isThere
    const refused = await this.conversation.ensure()
    if (refused || hadOne) return refused
    this.#isBegunHere = true
    this.tabs.send({ type: 'conversation' })
    if (this.#isOpen) this.tabs.join()
    return null
  }

  #post (item) { return this.#write(() => this.api.post({ client_id: item.client_id, ...item.body })) }

  /** With a conversation; one that has not heard of the patient's yes is told. */
  async #write (act) {
    const refused = await this.#begin()
    if (refused) return refused
    const answer = await act()
    if (!isAsked(answer) || !this.#hasYes) return answer
    const told = await this.#tellYes()
    return told.status === 200 ? act() : told
  }

  get #asks () { return this.facts.consent === 'ask' }

  get #hasYes () { return this.memory.get('agreed') === this.facts.privacyVersion }

  #keepYes () {
    this.memory.set('agreed', this.facts.privacyVersion)
    this.#showConsent()
  }

  #showConsent () { this.face.showConsent(this.#hasYes, this.#asks) }

  /** Nothing was kept: the note is shown below what waits for the yes. */
  #askForYes () {
    this.#showConsent()
    if (!this.view.holdsCard) this.view.showFrom(this.$.consent)
  }

  async #tellYes () {
    const told = await this.api.agree(this.facts.privacyVersion)
    // The note has changed since this page was loaded.
    if (told.status === 409) location.reload()
    return told
  }

  async #agree () {
    this.#keepYes()
    this.composer.focus()
    if (this.conversation.isThere) await this.#tellYes()
    this.outbox.nudge(true)
    this.#afterYes?.()
    this.#afterYes = null
  }

  #tellTyping () {
    const { status } = this.#state
    if (this.conversation.isThere && (status === 'agent' || status === 'waiting')) this.api.typing()
  }

  async #askForPerson () {
    const { status } = this.#state
    if (status === 'waiting') return this.status.announce(this.face.strings.say('person_again'))
    if (status === 'agent') return
    if (status === 'ended') this.#startFresh(null)
    const answer = await this.#write(() => this.api.askForPerson())
    if (isAsked(answer)) {
      this.#afterYes = () => this.#askForPerson()
      this.#askForYes()
      return this.status.announce(answer.body.error.message)
    }
    if (answer.status === 404) return this.#startFresh('gone')
    if (answer.status !== 202) return this.face.explain(answer)
    if (answer.body?.state?.status) this.#takeState(answer.body.state)
    this.feed.nudge()
  }

  #startFresh (why) {
    this.conversation.drop()
    this.#reset()
    this.tabs.send({ type: 'conversation' })
    this.face.showNotice(why)
  }

  #reset () {
    this.#isBegunHere = false
    this.tabs.leave()
    this.feed.mode = 'off'
    this.view.clear()
    this.face.clearAfter()
    this.face.showNotice(null)
    this.$.welcome.hidden = this.conversation.isThere
    this.#takeState(NOTHING)
  }

  /** What few need is loaded when it is wanted. @returns null: it cannot be had now */
  async #load (load) {
    try { return await load() } catch {
      this.face.explain(null)
      return null
    }
  }

  async #toggleMenu () {
    const opens = this.$.menu.hidden
    if (!this.#menu) {
      const module = await this.#load(() => import('./menu.js'))
      if (!module) return
      this.#menu ??= this.#makeMenu(module)
    }
    this.#menu.toggle(opens)
  }

  #makeMenu ({ Menu }) {
    const { $, api, composer, conversation, face, host, memory, outbox, view } = this
    return new Menu({
      $, api, composer, conversation, face, host, memory, outbox, view, beep: () => this.#beep(),
      catchUp: () => this.#catchUp(), showConsent: () => this.#showConsent(), startFresh: why => this.#startFresh(why)
    })
  }

  async #submitForm ($form) {
    const module = await this.#load(() => import('./forms.js'))
    if (!module) return
    this.#forms ??= new module.Forms({
      send: body => this.#write(() => this.api.sendForm(body)), strings: () => this.face.strings, status: this.status
    })
    this.#forms.submit($form)
  }

  async #beep () { (await this.#load(() => import('./sound.js')))?.beep() }

  /** lang: what the first words were written in, where that is another one. */
  async #offerLanguage (lang) {
    if (!LANGUAGES.includes(lang) || lang === this.face.strings.lang || this.memory.get('offered')) return
    this.memory.set('offered', true)
    try {
      const { offerLanguage } = await import('./offer.js')
      const back = () => this.composer.focus()
      const question = await offerLanguage(this.$.composer, lang, this.facts, {
        onYes: () => this.#switchLanguage(lang).then(back), onNo: back
      })
      this.status.announce(question, lang)
    } catch { /* nobody misses an offer; the switch is in the head */ }
  }

  async #watchIdle () {
    const idleMs = Number(this.facts.clearAfterMin) * 60000
    if (!idleMs) return
    const { Idle } = await import('./idle.js')
    const onClear = async () => {
      const module = await this.#load(() => import('./menu.js'))
      this.#menu ??= this.#makeMenu(module)
      await this.#menu.clearShared()
    }
    this.idle = new Idle({ $dialog: this.$.idle, idleMs, onClear })
  }

  #listen () {
    const { $ } = this
    $.lang.addEventListener('click', () => this.#switchLanguage($.lang.lang))
    $.agree.addEventListener('click', () => this.#agree())
    $.person.addEventListener('click', () => this.#askForPerson())
    $.close.addEventListener('click', () => this.host.close())
    $.close.hidden = $.size.parentElement.hidden = !this.host.isFramed
    $['menu-button'].addEventListener('click', () => this.#toggleMenu())
    $.log.addEventListener('click', event => this.#press(event.target.closest('button')))
    $.log.addEventListener('submit', event => {
      event.preventDefault()
      this.#submitForm(event.target)
    })
    document.addEventListener('keydown', event => {
      if (event.key !== 'Escape' || $.dialog.open || $.paper.open || $.idle.open) return
      if ($.menu.hidden) this.host.close()
      else this.#menu.close()
    })
    document.addEventListener('visibilitychange', () => this.#wake())
    for (const name of ['pageshow', 'online']) window.addEventListener(name, () => this.#wake())
    window.addEventListener('pagehide', () => this.composer.save())
  }

  #press ($button) {
    if (!$button) return
    const { handoff, reply, choice, helpful, continue: goesOn, retry, edit } = $button.dataset
    const label = $button.textContent.trim()
    const n = Number($button.closest('[data-n]')?.dataset.n)
    if (handoff !== undefined) this.#askForPerson()
    else if (reply !== undefined) this.send({ text: reply }, reply)
    if (choice !== undefined) this.send({ choice, n }, label)
    if (goesOn !== undefined) this.send({ continue: Number(goesOn) }, label)
    if (helpful !== undefined) this.#rateAnswer($button, n, helpful === 'yes')
    if (retry !== undefined) this.#retry(retry)
    if (edit !== undefined) this.#edit(edit)
  }

  async #rateAnswer ($button, n, isHelpful) {
    const answer = await this.api.rateAnswer(n, isHelpful)
    if (answer.status !== 200) return this.face.explain(answer)
    const { strings } = this.face
    const $thanks = thank($button.closest('.kb-rating'), strings.say(isHelpful ? 'answer_thanks' : 'answer_no'))
    if (!isHelpful) $thanks.append(' ', makeButton('kb-rating__button', strings.say('person'), () => this.#askForPerson()))
  }

  #retry (clientId) {
    const item = this.outbox.items.find(each => each.client_id === clientId)
    if (this.#state.status === 'ended') this.#startFresh(null)
    if (item) this.outbox.retry(clientId, item.needs_new_id ? newId() : undefined)
  }

  #edit (clientId) {
    const item = this.outbox.remove(clientId)
    this.view.dropPending(clientId)
    if (item?.body.text) this.composer.giveBack(item.body.text)
  }

  #speak () {
    this.face.speak()
    this.face.showState(this.#state)
    this.composer.showCount()
  }

  async #switchLanguage (lang) {
    if (!LANGUAGES.includes(lang) || lang === this.face.strings.lang) return
    try { await this.face.switchLanguage(lang) } catch { return this.face.explain(null) }
    this.host.lang(lang)
    this.memory.set('lang', lang)
    this.#speak()
    if (this.conversation.isThere) this.api.setLanguage(lang)
  }

  #countUnread (count) {
    this.#unread = count
    this.host.unread(count)
    this.face.showTitle(count)
  }
}

/** @returns whether the server wants a yes to the privacy note first */
function isAsked (answer) { return answer.body?.error?.code === 'consent_needed' }

async function main () {
  const facts = document.body.dataset
  const memory = new Memory(localStorageOrNull(), `front-desk:${facts.site}:`)
  const lang = pickLanguage(memory.get('lang'), facts.lang, navigator.language)
  new Panel(document.querySelector('[data-part="panel"]'), facts, memory, await makeStrings(lang, facts)).start()
}

main()
