/** Around the log. Rule: who answers, a way to a person and the emergency line are always there. */
import { make, makeButton } from './elements.js'

const BANNER_AFTER_MS = 2500
const PAUSE_MS = 900

export class Face {
  #isUp = true
  #bannerTimer = null
  #unread = 0
  #survey = null

  constructor (parts) { Object.assign(this, parts) }

  speak () {
    const { $, facts, strings } = this
    document.documentElement.lang = strings.lang
    document.documentElement.dir = strings.say('direction')
    strings.apply(document)
    $.lang.textContent = strings.say('other_language')
    $.lang.lang = LANGUAGES.find(lang => lang !== strings.lang)
    $.emergency.textContent = strings.say('emergency')
    $.emergency.href = `tel:${facts.emergencyPhone}`
    if (facts.logo) Object.assign($.logo, { src: facts.logo, hidden: false })
    $.help.href = `${facts.helpUrl}?lang=${strings.lang}`
    $['note-link'].href = `${facts.privacyUrl}?lang=${strings.lang}`
    const { title, choices } = JSON.parse(facts.opening)[strings.lang]
    $.suggest.textContent = title
    $.suggestions.replaceChildren(...choices.map(({ label, body }) => {
      const $item = make('li')
      $item.append(makeButton('kb-choices__button', label, () => this.onAsk(body, label)))
      return $item
    }))
    const $phone = make('a', '', facts.clinicPhone)
    $phone.href = facts.clinicPhoneHref
    $.banner.replaceChildren(`${strings.say('banner_down')} `, $phone)
    this.clearAfter()
    this.showTitle()
  }

  async switchLanguage (lang) {
    this.strings = await makeStrings(lang, this.facts)
    this.speak()
  }

  showState ({ status, working, agent, agent_typing: isTyping, survey, text }) {
    const { $, strings } = this
    const isWithAgent = status === 'agent' && agent
    $.who.textContent = strings.say(isWithAgent ? 'who_agent' : 'who_bot', { agent })
    const person = isWithAgent ? 'person_here' : status === 'waiting' ? 'person_asked' : 'person'
    $.person.textContent = strings.say(person, { agent })
    $.person.setAttribute('aria-disabled', String(person !== 'person'))
    const doing = isWithAgent && isTyping ? strings.say('agent_typing', { agent }) : working ? strings.say('working') : ''
    // That it has ended is a line of the log.
    this.status.show(status === 'ended' ? '' : text)
    const before = $['working-text'].textContent
    if (!doing) this.status.withdraw(before)
    else if (before !== doing) this.status.announce(doing)
    $.working.hidden = !doing
    $['working-text'].textContent = doing
    this.#showEnd(status === 'ended')
    this.#showSurvey(survey)
  }

  #showEnd (hasEnded) {
    const { $, strings } = this
    $.composer.hidden = hasEnded
    const $there = $.after.querySelector('[data-ended]')
    if (!hasEnded) $there?.remove()
    if (!hasEnded || $there) return
    const $new = makeButton('kb-button', strings.say('new_chat'), this.onNew)
    $new.dataset.ended = ''
    $.after.append($new)
  }

  /** kind: who helped, until they said how it was. */
  async #showSurvey (kind = null) {
    const { $, strings } = this
    if (kind === this.#survey) return
    this.#survey = kind
    // One that is answered stands a little longer, for a word.
    $.after.querySelector('[data-survey]')?.remove()
    if (!kind) return
    const module = await import('./rating.js').catch(() => null)
    if (!module || this.#survey !== kind || strings !== this.strings) return
    const $rating = module.makeRating(kind, strings, this.rate)
    $rating.dataset.survey = kind
    $.after.prepend($rating)
    // Who ended the chat looks here; anybody else is not pulled away.
    if ($.composer.hidden) $rating.scrollIntoView({ block: 'nearest' })
  }

  clearAfter () {
    this.#survey = null
    this.$.after.replaceChildren()
  }

  showNotice (key) {
    const { notice } = this.$
    notice.hidden = !key
    notice.textContent = key ? this.strings.say(key) : ''
    if (!key) return
    this.$.scroll.scrollTop = 0
    this.status.announce(notice.textContent)
  }

  explain (answer) { this.status.show(answer?.body?.error?.message || this.strings.say('not_done')) }

  /** The privacy note: in view until there is a yes. */
  showConsent (hasYes, asks) {
    const { $ } = this
    $.consent.hidden = hasYes
    $.agree.hidden = !asks
    $['by-writing'].hidden = asks
    $.suggest.hidden = $.suggestions.hidden = asks && !hasYes
  }

  /** A short cut is not worth a word. @returns whether it is news */
  showLine (isUp) {
    if (isUp === this.#isUp) return false
    this.#isUp = isUp
    clearTimeout(this.#bannerTimer)
    const { banner } = this.$
    if (isUp) {
      if (!banner.hidden) this.status.announce(this.strings.say('line_back'))
      banner.hidden = true
    } else {
      this.#bannerTimer = setTimeout(() => {
        banner.hidden = false
        this.status.announce(banner.textContent)
      }, BANNER_AFTER_MS)
    }
    return true
  }

  showTitle (unread = this.#unread) {
    this.#unread = unread
    document.title = (unread ? `(${unread}) ` : '') + this.strings.say('page_title')
  }
}

/** A missing one is named at once. */
export function findParts ($root) {
  const parts = {}
  for (const $each of $root.querySelectorAll('[data-part]')) parts[$each.dataset.part] = $each
  return new Proxy(parts, {
    get (found, name) {
      if (!found[name]) throw new Error(`Panel: no element with data-part="${String(name)}"`)
      return found[name]
    }
  })
}

export async function makeStrings (lang, facts) {
  const texts = await loadTexts(lang, fetch)
  return new Strings(lang, texts, { clinic: facts.clinicName, phone: facts.clinicPhone, emergency: facts.emergencyPhone, days: facts.keptDays })
}

/** Short states. Rule: heard after a pause, once, and only if still true. */
export class StatusLine {
  #timer = null
  #due = []

  /** $said is for the ears, $seen for the eyes. */
  constructor ($said, $seen) { Object.assign(this, { $said, $seen }) }

  /** A state that stays. */
  show (text) {
    const before = this.$seen.textContent
    if (before === text) return
    this.$seen.textContent = text
    this.$seen.hidden = !text
    if (text) this.announce(text)
    else this.withdraw(before)
  }

  /** Heard, not shown. */
  announce (text, lang = '') {
    clearTimeout(this.#timer)
    this.#due = [...this.#due.filter(each => each !== text), text]
    this.#timer = setTimeout(() => {
      this.$said.lang = lang
      this.$said.textContent = this.#due.splice(0).join(' ')
    }, PAUSE_MS)
  }

  /** No longer true. */
  withdraw (text) {
    this.#due = this.#due.filter(each => each !== text)
    if (!this.#due.length) clearTimeout(this.#timer)
    if (this.$said.textContent === text) this.$said.textContent = ''
  }
}

/** Rule: every word a patient reads stands in strings/<lang>.json and is put in as text, not HTML. */
export const LANGUAGES = ['en', 'es']

export function pickLanguage (...wishes) {
  const spoken = wishes.map(wish => String(wish ?? '').slice(0, 2).toLowerCase())
  return spoken.find(wish => LANGUAGES.includes(wish)) ?? LANGUAGES[0]
}

/** A name without a value stays as written. */
export function fill (text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => Object.hasOwn(values, name) ? String(values[name]) : whole)
}

export class Strings {
  constructor (lang, texts, always = {}) { Object.assign(this, { lang, texts, always }) }

  say (key, values) {
    if (!Object.hasOwn(this.texts, key)) throw new Error(`Strings: no text "${key}" in ${this.lang}`)
    return fill(this.texts[key], { ...this.always, ...values })
  }

  /** Keys `<key>_one` and `<key>_other`. */
  count (key, count) {
    const form = new Intl.PluralRules(this.lang).select(count) === 'one' ? 'one' : 'other'
    return this.say(`${key}_${form}`, { count: new Intl.NumberFormat(this.lang).format(count) })
  }

  apply ($root) {
    for (const $each of $root.querySelectorAll('[data-string]')) $each.textContent = this.say($each.dataset.string)
    for (const $each of $root.querySelectorAll('[data-string-label]')) $each.ariaLabel = this.say($each.dataset.stringLabel)
    for (const $each of $root.querySelectorAll('[data-string-placeholder]')) $each.placeholder = this.say($each.dataset.stringPlaceholder)
  }
}

export async function loadTexts (lang, fetch) {
  const response = await fetch(new URL(`../strings/${lang}.json`, import.meta.url))
  if (!response.ok) throw new Error(`strings of ${lang}: ${response.status}`)
  return response.json()
}
