/** What is held, to read and take away. Rule: the server's words, put in as text; the file is made in the browser. */
import { errorKey } from './forms.js'
import { make } from './elements.js'

export class Paper {
  constructor ($, api) {
    this.$ = $
    this.api = api
    $['paper-save'].addEventListener('click', () => save(`${this.name}.txt`, 'text/plain', $['paper-text'].textContent))
    $['paper-data'].addEventListener('click', () => save(`${this.name}.json`, 'application/json', this.data))
    $['paper-print'].addEventListener('click', () => window.print())
    $['mail-address'].addEventListener('input', () => this.#ask(false))
    $.mail.addEventListener('submit', event => {
      event.preventDefault()
      this.#mail()
    })
  }

  /** kind: 'held' for all of it, 'save' for what was said. */
  show (strings, kind, { as_text: all, transcript, mails, ...data }) {
    const { $ } = this
    this.strings = strings
    this.name = strings.say('saved_name')
    this.data = JSON.stringify(data, null, 2)
    $['paper-title'].textContent = strings.say(`menu_${kind}`)
    $['paper-text'].textContent = kind === 'held' ? all : transcript ?? all
    $['paper-data'].hidden = kind !== 'held'
    $.mail.hidden = !mails || kind !== 'save'
    this.#ask(false)
    $.paper.showModal()
  }

  /** The address is shown once more before anything is sent. */
  async #mail () {
    const { $, strings } = this
    const $address = $['mail-address']
    const fault = errorKey($address.validity, 'email')
    if (fault) return this.#say(strings.say(fault), true)
    if (!this.isAsked) return this.#ask(true)
    $['mail-send'].disabled = true
    const answer = await this.api.mail($address.value.trim())
    $['mail-send'].disabled = false
    if (answer.status !== 202) return this.#say(answer.body?.error?.message || strings.say('not_done'), true)
    const sent = strings.say('mail_sent', { address: $address.value.trim() })
    $address.value = ''
    this.#ask(false)
    this.#say(sent, false)
  }

  #ask (isAsked) {
    const { $, strings } = this
    this.isAsked = isAsked
    $['mail-send'].textContent = strings.say(isAsked ? 'mail_yes' : 'mail')
    this.#say(isAsked ? strings.say('mail_sure', { address: $['mail-address'].value.trim() }) : '', false)
  }

  #say (text, isFault) {
    const { 'mail-said': $said, 'mail-address': $address } = this.$
    $said.textContent = text
    $said.classList.toggle('kb-form__error', isFault)
    $address.ariaInvalid = isFault ? 'true' : null
    if (isFault) $address.focus()
  }
}

function save (name, type, text) {
  const $link = make('a')
  $link.href = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }))
  $link.download = name
  $link.click()
  setTimeout(() => URL.revokeObjectURL($link.href), 1000)
}
