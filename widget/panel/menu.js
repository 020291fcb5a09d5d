/** The menu, with what patients may do with what is theirs. Loaded when it is first wanted. */
import { Paper } from './paper.js'

export class Menu {
  /** panel: what it may use of it. */
  constructor (panel) {
    Object.assign(this, panel)
    const { 'menu-button': $button, menu: $menu } = this.$
    $menu.addEventListener('click', event => {
      const $item = event.target.closest('[data-menu]')
      if (!$item) return
      this.close()
      this.#pick($item.dataset.menu)
    })
    document.addEventListener('pointerdown', event => {
      if (!$menu.contains(event.target) && !$button.contains(event.target)) this.toggle(false)
    })
    $menu.addEventListener('focusout', event => {
      if (event.relatedTarget && !$menu.contains(event.relatedTarget)) this.toggle(false)
    })
  }

  toggle (opens) {
    const { 'menu-button': $button, menu: $menu, sound: $sound } = this.$
    $sound.ariaPressed = String(this.memory.get('sound', false))
    $menu.hidden = !opens
    $button.ariaExpanded = String(opens)
  }

  close () {
    this.toggle(false)
    this.$['menu-button'].focus()
  }

  /** What a shared computer shows must not be seen by the next person. */
  async clearShared () {
    if (this.conversation.isThere) await this.api.end()
    this.#wipe('shared')
  }

  async #pick (picked) {
    if (picked === 'sound') return this.#toggleSound()
    if (picked === 'size') return this.#toggleSize()
    if (picked === 'save' || picked === 'held') return this.#showHeld(picked)
    if (this.conversation.isThere && !await this.#finish(picked)) return
    if (picked === 'end' && this.conversation.isThere) return
    this.#wipe(picked)
    this.composer.focus()
  }

  #wipe (picked) {
    for (const item of this.outbox.clear()) this.view.dropPending(item.client_id)
    if (picked !== 'end') {
      this.memory.clear()
      this.composer.clear()
      this.showConsent()
    }
    this.startFresh({ forget: 'forgotten', shared: 'cleared' }[picked] ?? null)
  }

  async #showHeld (picked) {
    const { strings } = this.face
    const { body } = this.conversation.isThere ? await this.api.held() : { body: { as_text: strings.say('nothing_held') } }
    if (!body || body.error) return this.face.explain({ body })
    this.paper ??= new Paper(this.$, this.api)
    this.paper.show(strings, picked, body)
  }

  async #finish (picked) {
    if (!await this.#isMeant(picked)) return false
    const answer = picked === 'forget' ? await this.api.forget() : await this.api.end()
    // A shared computer is cleared whether or not the clinic can be reached.
    if (picked === 'shared') return true
    const isDone = answer.status >= 200 && answer.status < 300
    const isOver = answer.status === 404 || answer.body?.error?.code === 'conversation_ended'
    if (!isDone && !isOver) {
      this.face.explain(answer)
      return false
    }
    // A stream that is down would say it late.
    if (picked === 'end') await this.catchUp()
    return true
  }

  #isMeant (picked) {
    const { $, face: { strings } } = this
    $['dialog-text'].textContent = strings.say(`confirm_${picked}`)
    $['dialog-yes'].textContent = strings.say(`yes_${picked}`)
    $.dialog.returnValue = 'no'
    $.dialog.showModal()
    return new Promise(resolve => {
      $.dialog.addEventListener('close', () => resolve($.dialog.returnValue === 'yes'), { once: true })
    })
  }

  async #toggleSound () {
    const isOn = !this.memory.get('sound')
    this.memory.set('sound', isOn)
    this.$.sound.ariaPressed = String(isOn)
    if (isOn) this.beep()
  }

  #toggleSize () {
    const isLarge = this.$.size.ariaPressed !== 'true'
    this.$.size.ariaPressed = String(isLarge)
    this.host.size(isLarge ? 'large' : 'normal')
  }
}
