/**
 * The panel: puts its parts together. Rule: the server's log is the truth; the panel shows it, and keeps what the
 * patient typed until the server has it.
 */
import { Api } from './panel/api.js'
import { sleep } from './panel/backoff.js'
import { Composer } from './panel/composer.js'
import { Conversation, newId } from './panel/conversation.js'
import { Feed } from './panel/feed.js'
import { Forms } from './panel/forms.js'
import { Host } from './panel/host.js'
import { LogView } from './panel/log-view.js'
import { Memory, localStorageOrNull } from './panel/memory.js'
import { Menu, confirmIn } from './panel/menu.js'
import { Outbox, makeItem } from './panel/outbox.js'
import { makeRating } from './panel/rating.js'
import { beep } from './panel/sound.js'
import { StatusLine } from './panel/status.js'
import { Strings, LANGUAGES, loadTexts, pickLanguage } from './panel/strings.js'
import { Tabs } from './panel/tabs.js'

const REST_AFTER_HIDDEN_MS = 120000
const BANNER_AFTER_MS = 2500
const NOTHING = { status: 'bot', working: false, agent: null, agent_typing: false, rating_due: false, text: '' }

export class Panel {
  #isOpen = false
  #unread = 0
  #page = ''
  #isUp = true
  #bannerTimer = null
  #restTimer = null
  #state = NOTHING

  /** @param {HTMLElement} $root  @param {DOMStringMap} facts the body's data-* attributes  @param {Strings} strings */
  constructor ($root, facts, strings) {
    if ($root.dataset.started) throw new Error('Panel: started twice')
    $root.dataset.started = 'yes'
    const say = () => this.strings
    this.$ = findParts($root)
    this.facts = facts
    this.strings = strings
    this.memory = new Memory(localStorageOrNull(), `front-desk:${facts.site}:`)
    this.api = new Api(facts.api, (...asked) => fetch(...asked))
    this.conversation = new Conversation({
      api: this.api, memory: this.memory, locks: navigator.locks, lockName: `front-desk:${facts.site}:create`,
      facts: () => ({ lang: this.strings.lang, site: facts.site, page_url: this.#page || undefined })
    })
    this.status = new StatusLine(this.$.said, this.$.state)
    this.view = new LogView({ $log: this.$.log, $scroll: this.$.scroll, $newer: this.$.newer, strings: say })
    this.composer = new Composer({
      $form: this.$.composer, $text: this.$.text, $counter: this.$.counter, limit: Number(facts.maxCharacters) || 2000,
      memory: this.memory, strings: say, status: this.status,
      onSend: text => this.send({ text }, text), onTyping: () => this.#tellTyping()
    })
    this.forms = new Forms({ $log: this.$.log, send: body => this.api.sendForm(body), strings: say, status: this.status })
    this.menu = new Menu({ $button: this.$['menu-button'], $menu: this.$.menu, onPick: name => this.#pick(name) })
    this.feed = new Feed({
      api: this.api, cursor: () => this.view.log.cursor, isHidden: () => document.hidden,
      onRow: (row, after) => this.#takeOwnRow(row, after), onState: state => this.#takeOwnState(state),
      onLine: isUp => this.#showLine(isUp), onGone: () => this.#startFresh('gone'),
      sleep, now: () => Date.now(), random: Math.random
    })
    this.tabs = new Tabs({
      name: `front-desk:${facts.site}`, locks: navigator.locks, Channel: window.BroadcastChannel, sleep,
      onLead: () => { this.feed.mode = 'live' },
      onFollow: () => { this.feed.mode = 'off'; this.#catchUp() },
      onMessage: message => this.#hearTab(message)
    })
    this.outbox = new Outbox({
      post: item => this.#post(item), sleep, random: Math.random,
      store: { load: () => this.memory.get('outbox', []), save: items => this.memory.set('outbox', items) },
      onChange: (item, oldId) => this.view.showPending(item, oldId),
      onAnswer: (item, answer) => this.#takeAnswer(item, answer),
      onSent: (item, answer) => this.#sent(item, answer),
      onGone: () => this.#startFresh('gone')
    })
    this.host = new Host({
      window,
      onOpen: (page, question) => this.#open(page, question),
      onClose: () => this.#close()
    })
    this.#listen()
  }

  async start () {
    this.#speak()
    for (const item of this.outbox.items) this.view.showPending(item)
    if (this.conversation.isThere) this.$.welcome.hidden = true
    if (this.host.isFramed) this.host.hello()
    else this.#open('', '')
    if (this.outbox.items.length) await this.outbox.run()
  }

  /** Send words, or a picked button, as the patient's own. */
  send (body, label) {
    if (this.#state.status === 'ended') this.#startFresh(null)
    this.$.notice.hidden = true
    return this.outbox.add(makeItem(newId(), body, label))
  }

  // --- open and closed ---

  async #open (page, question) {
    this.#isOpen = true
    this.#page = page
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

  /** Somebody is looking: have the stream, here or through the tab that leads. */
  async #attend () {
    clearTimeout(this.#restTimer)
    if (!this.conversation.isThere || this.#state.status === 'ended') return
    if (this.view.log.cursor === 0) await this.#catchUp()
    if (this.#isOpen) this.tabs.join()
  }

  /** Nobody is looking: hold no stream; ask now and then while a person may answer. */
  #rest () {
    this.tabs.leave()
    const { status, working } = this.#state
    const mayHear = this.conversation.isThere && (working || status === 'waiting' || status === 'agent')
    this.feed.mode = mayHear ? 'quiet' : 'off'
  }

  #wake () {
    if (document.hidden) {
      this.composer.save()
      if (this.#isOpen) this.#restTimer = setTimeout(() => this.#rest(), REST_AFTER_HIDDEN_MS)
      return
    }
    this.#countUnread(this.#isOpen ? 0 : this.#unread)
    this.outbox.nudge()
    this.feed.nudge()
    if (!this.#isOpen) return
    this.#attend()
    this.tabs.checkLeader()
  }

  // --- rows and states ---

  async #catchUp () {
    if (!this.conversation.isThere) return
    const after = this.view.log.cursor
    const { status, body } = await this.api.log(after, false)
    if (status === 404 || status === 401) return this.#startFresh('gone')
    this.#showLine(status !== 0 && status < 500)
    if (status !== 200) return
    if (after === 0) this.view.readQuietly()
    let before = after
    for (const row of body.messages) {
      this.#takeRow(row, before, after !== 0)
      before = row.n
    }
    if (body.state) this.#takeState(body.state)
    if (after === 0) this.view.scrollToEnd()
  }

  #takeOwnRow (row, after) {
    this.#takeRow(row, after, true)
    this.tabs.send({ type: 'row', row, after, id: this.api.conversation?.id })
  }

  #takeOwnState (state) {
    this.#takeState(state)
    this.tabs.send({ type: 'state', state, id: this.api.conversation?.id })
  }

  #takeRow (row, after, isLive) {
    if (!this.view.log.advance(after, row.n)) return this.#catchUp()
    this.$.welcome.hidden = true
    const isNew = this.view.place(row, isLive)
    if (!isNew || !isLive || row.author === 'patient') return
    if (this.memory.get('sound', false)) beep()
    if (!this.#isOpen || document.hidden) this.#countUnread(this.#unread + 1)
  }

  #takeState (state) {
    const before = this.#state
    this.#state = { ...NOTHING, ...state }
    this.#showState()
    if (this.#state.agent && this.#state.agent !== before.agent) {
      this.status.announce(this.strings.say('joined', { agent: this.#state.agent }))
    }
    if (this.#state.status !== 'ended') return
    this.tabs.leave()
    this.feed.mode = 'off'
  }

  #hearTab (message) {
    if (message.type === 'conversation') return this.#adopt()
    if (message.id !== this.api.conversation?.id) return
    if (message.type === 'row') this.#takeRow(message.row, message.after, true)
    if (message.type === 'state') this.#takeState(message.state)
    if (message.type === 'line') this.#showLine(message.isUp)
  }

  /** Another tab began, ended or deleted the conversation. */
  #adopt () {
    if (!this.conversation.adopt()) return
    this.#reset()
    if (this.#isOpen) this.#attend()
  }

  // --- sending ---

  async #post (item) {
    const hadOne = this.conversation.isThere
    const made = await this.conversation.ensure()
    if (!this.conversation.isThere) return made
    if (!hadOne) this.#begun()
    return this.api.post({ client_id: item.client_id, ...item.body })
  }

  #begun () {
    this.tabs.send({ type: 'conversation' })
    if (this.#isOpen) this.tabs.join()
  }

  /** Whatever the status: a danger card in the answer is shown first. */
  #takeAnswer (item, answer) {
    const card = answer.body?.card
    if (card?.html) this.view.alert(item.client_id, card.html)
    this.#showLine(answer.status !== 0)
  }

  #sent (item) {
    // "Continue" is no line of the log: nothing comes to take its place.
    if ('continue' in item.body) this.view.dropPending(item.client_id)
    else this.view.markSent(item.client_id)
    this.feed.nudge()
  }

  #tellTyping () {
    const { status } = this.#state
    if (this.conversation.isThere && (status === 'agent' || status === 'waiting')) this.api.typing()
  }

  async #askForPerson () {
    const { status } = this.#state
    if (status === 'waiting') return this.status.announce(this.strings.say('person_again'))
    if (status === 'agent') return
    if (status === 'ended') this.#startFresh(null)
    this.$.person.disabled = true
    const hadOne = this.conversation.isThere
    let answer = await this.conversation.ensure()
    if (this.conversation.isThere) {
      if (!hadOne) this.#begun()
      answer = await this.api.askForPerson()
    }
    this.$.person.disabled = false
    if (answer.status === 404) return this.#startFresh('gone')
    if (answer.status !== 202) return this.#explain(answer)
    this.$.welcome.hidden = true
    if (answer.body?.state) this.#takeState(typeof answer.body.state === 'string' ? { ...this.#state, status: answer.body.state } : answer.body.state)
    this.feed.nudge()
  }

  /** What failed, in the server's words or ours, where nothing else on the screen says it. */
  #explain (answer) {
    this.#showLine(answer.status !== 0)
    this.status.show(answer.body?.error?.message || this.strings.say('not_done'))
  }

  // --- beginning, ending ---

  /** @param {?string} why key of what the patient is told */
  async #startFresh (why) {
    this.conversation.drop()
    this.#reset()
    this.tabs.send({ type: 'conversation' })
    this.$.notice.hidden = !why
    if (why) this.$.notice.textContent = this.strings.say(why)
    if (why) this.status.announce(this.strings.say(why))
  }

  #reset () {
    this.tabs.leave()
    this.feed.mode = 'off'
    this.view.clear()
    this.$.after.replaceChildren()
    this.$.notice.hidden = true
    this.$.welcome.hidden = this.conversation.isThere
    this.#takeState(NOTHING)
  }

  async #pick (name) {
    if (name === 'sound') return this.#toggleSound()
    if (name === 'size') return this.#toggleSize()
    if (this.conversation.isThere) {
      const { dialog } = this.$
      const words = [this.strings.say(`confirm_${name}`), this.strings.say(`yes_${name}`)]
      if (!await confirmIn(dialog, this.$['dialog-text'], this.$['dialog-yes'], ...words)) return
      const answer = name === 'forget' ? await this.api.forget() : await this.api.end()
      const isDone = answer.status < 300 || answer.status === 404 || answer.body?.error?.code === 'conversation_ended'
      if (answer.status === 0 || !isDone) return this.#explain(answer)
    }
    if (name === 'end' && this.conversation.isThere) return this.#takeEnd()
    this.outbox.clear()
    this.view.dropAllPending()
    this.#startFresh(name === 'forget' ? 'forgotten' : null)
    this.composer.focus()
  }

  /** The stream tells it too, with whether a rating is wanted; ask at once instead of waiting. */
  async #takeEnd () {
    await this.#catchUp()
    if (this.#state.status !== 'ended') this.#takeState({ ...NOTHING, status: 'ended' })
  }

  // --- what is seen ---

  /** Put everything in the patient's language. */
  #speak () {
    const { strings, facts } = this
    document.documentElement.lang = strings.lang
    document.title = strings.say('page_title')
    strings.apply(document)
    this.$.lang.textContent = strings.say('other_language')
    this.$.lang.lang = LANGUAGES.find(lang => lang !== strings.lang)
    this.$.emergency.textContent = strings.say('emergency')
    this.$.emergency.href = `tel:${facts.emergencyPhone}`
    this.$.help.href = `${facts.helpUrl}?lang=${strings.lang}`
    this.$.privacy.textContent = strings.say('privacy')
    this.$.suggestions.replaceChildren(...strings.list('suggestions').map(text => this.#suggestion(text)))
    this.$.banner.replaceChildren(`${strings.say('banner_down')} `, this.#phone())
    this.composer.showCount()
    this.#showState()
  }

  #suggestion (text) {
    const $item = document.createElement('li')
    const $button = document.createElement('button')
    $button.type = 'button'
    $button.className = 'kb-choices__button'
    $button.textContent = text
    $button.addEventListener('click', () => this.send({ text }, text))
    $item.append($button)
    return $item
  }

  #phone () {
    const $phone = document.createElement('a')
    $phone.href = this.facts.clinicPhoneHref
    $phone.textContent = this.facts.clinicPhone
    return $phone
  }

  #showState () {
    const { strings } = this
    const { status, working, agent, agent_typing: isTyping, text } = this.#state
    const isWithPerson = status === 'agent' && agent
    const who = isWithPerson ? 'who_agent' : status === 'waiting' ? 'who_waiting' : 'who_bot'
    this.$.who.textContent = strings.say(who, { agent })
    const person = isWithPerson ? 'person_here' : status === 'waiting' ? 'person_asked' : 'person'
    this.$.person.textContent = strings.say(person, { agent })
    this.$.person.setAttribute('aria-disabled', String(person !== 'person'))
    const doing = isWithPerson && isTyping ? strings.say('agent_typing', { agent }) : working ? strings.say('working') : ''
    const wasHidden = this.$.working.hidden
    this.$.working.hidden = !doing
    this.$['working-text'].textContent = doing
    if (doing && wasHidden) this.view.keepEnd()
    this.status.show(text)
    if (doing) this.status.announce(doing)
    this.#showEnd()
  }

  #showEnd () {
    const { status, rating_due: isDue } = this.#state
    const hasEnded = status === 'ended'
    this.$.composer.hidden = hasEnded
    if (!hasEnded && !isDue) return this.$.after.replaceChildren()
    if (hasEnded && !this.$.after.querySelector('[data-ended]')) this.$.after.append(this.#ended())
    if (isDue && !this.$.after.querySelector('[data-rating]')) this.$.after.append(this.#rating())
    this.view.keepEnd()
  }

  #ended () {
    const $box = document.createElement('div')
    $box.className = 'kb-after'
    $box.dataset.ended = ''
    const $text = document.createElement('p')
    $text.className = 'kb-after__text'
    $text.textContent = this.strings.say('ended')
    const $new = document.createElement('button')
    $new.type = 'button'
    $new.className = 'kb-button'
    $new.textContent = this.strings.say('new_chat')
    $new.addEventListener('click', () => {
      this.#startFresh(null)
      this.composer.focus()
    })
    $box.append($text, $new)
    return $box
  }

  #rating () {
    const $rating = makeRating({ strings: this.strings, send: body => this.api.rate(body), onDone: () => {} })
    $rating.dataset.rating = ''
    return $rating
  }

  /** A short cut is not worth a word; one that lasts is said, with the way around it. */
  #showLine (isUp) {
    if (isUp === this.#isUp) return
    this.#isUp = isUp
    clearTimeout(this.#bannerTimer)
    if (this.tabs.isLeader) this.tabs.send({ type: 'line', isUp, id: this.api.conversation?.id })
    if (!isUp) {
      this.#bannerTimer = setTimeout(() => {
        this.$.banner.hidden = false
        this.status.announce(this.$.banner.textContent)
      }, BANNER_AFTER_MS)
      return
    }
    this.outbox.nudge()
    if (!this.$.banner.hidden) this.status.announce(this.strings.say('line_back'))
    this.$.banner.hidden = true
  }

  #countUnread (count) {
    this.#unread = count
    this.host.unread(count)
    document.title = (count ? `(${count}) ` : '') + this.strings.say('page_title')
  }

  async #switchLanguage () {
    const lang = this.$.lang.lang
    try {
      this.strings = await makeStrings(lang, this.facts)
    } catch {
      return this.#explain({ status: 0 })
    }
    this.memory.set('lang', lang)
    this.#speak()
    if (this.conversation.isThere) this.api.setLanguage(lang)
  }

  #toggleSound () {
    const isOn = !this.memory.get('sound', false)
    this.memory.set('sound', isOn)
    this.menu.press('sound', isOn)
    if (isOn) beep()
  }

  #toggleSize () {
    const isLarge = this.$.size.getAttribute('aria-pressed') !== 'true'
    this.menu.press('size', isLarge)
    this.host.size(isLarge ? 'large' : 'normal')
  }

  // --- what the patient does ---

  #listen () {
    this.$.lang.addEventListener('click', () => this.#switchLanguage())
    this.$.person.addEventListener('click', () => this.#askForPerson())
    this.$.close.addEventListener('click', () => this.host.close())
    this.$.close.hidden = !this.host.isFramed
    this.$.size.hidden = !this.host.isFramed || matchMedia('(max-width: 390px)').matches
    this.menu.press('sound', this.memory.get('sound', false))
    this.$.log.addEventListener('click', event => this.#press(event.target.closest('button')))
    document.addEventListener('keydown', event => {
      if (event.key !== 'Escape' || this.$.dialog.open) return
      if (this.menu.isOpen) this.menu.close()
      else if (this.host.isFramed) this.host.close()
    })
    document.addEventListener('visibilitychange', () => this.#wake())
    window.addEventListener('pageshow', () => this.#wake())
    window.addEventListener('online', () => this.#wake())
    window.addEventListener('pagehide', () => this.composer.save())
  }

  /** A button inside a message. */
  #press ($button) {
    if (!$button) return
    const { reply, choice, helpful, continue: goesOn, retry, edit, n } = $button.dataset
    if (reply !== undefined) return this.send({ text: reply }, reply)
    if (choice !== undefined) return this.send({ choice, n: Number(n ?? numberOf($button)) }, $button.textContent.trim())
    if (goesOn !== undefined) return this.send({ continue: Number(goesOn) }, $button.textContent.trim())
    if (helpful !== undefined) return this.#rateAnswer($button, helpful === 'yes')
    if (retry !== undefined) return this.#retry(retry)
    if (edit !== undefined) this.#edit(edit)
  }

  async #rateAnswer ($button, isHelpful) {
    const $rating = $button.closest('.kb-rating')
    const answer = await this.api.rateAnswer(Number($rating.dataset.n ?? numberOf($button)), isHelpful)
    if (answer.status !== 200) return this.#explain(answer)
    const $thanks = document.createElement('p')
    $thanks.className = 'kb-rating__thanks'
    $thanks.tabIndex = -1
    $thanks.textContent = this.strings.say('answer_thanks')
    $rating.replaceWith($thanks)
    $thanks.focus()
  }

  #retry (clientId) {
    const item = this.outbox.items.find(each => each.client_id === clientId)
    if (!item) return
    if (this.#state.status === 'ended') this.#startFresh(null)
    this.outbox.retry(clientId, item.needs_new_id ? newId() : undefined)
  }

  #edit (clientId) {
    const item = this.outbox.remove(clientId)
    this.view.dropPending(clientId)
    if (item?.body.text) this.composer.giveBack(item.body.text)
  }
}

function numberOf ($button) { return $button.closest('[data-n]')?.dataset.n }

/** Every element the panel drives carries data-part; a missing one is named at once. */
function findParts ($root) {
  const parts = {}
  for (const $each of $root.querySelectorAll('[data-part]')) parts[$each.dataset.part] = $each
  parts.size = $root.querySelector('[data-menu="size"]')
  return new Proxy(parts, {
    get (found, name) {
      if (!found[name]) throw new Error(`Panel: no element with data-part="${String(name)}"`)
      return found[name]
    }
  })
}

async function makeStrings (lang, facts) {
  const texts = await loadTexts(lang, async url => {
    const response = await fetch(url)
    if (!response.ok) throw new Error(`strings of ${lang}: ${response.status}`)
    return response.json()
  })
  return new Strings(lang, texts, {
    clinic: facts.clinicName, phone: facts.clinicPhone, emergency: facts.emergencyPhone
  })
}

async function main () {
  const facts = document.body.dataset
  const memory = new Memory(localStorageOrNull(), `front-desk:${facts.site}:`)
  const lang = pickLanguage(memory.get('lang'), facts.lang, navigator.language)
  const panel = new Panel(document.querySelector('[data-part="panel"]'), facts, await makeStrings(lang, facts))
  await panel.start()
}

main()
