/** What the patient writes and picks with. Rule: what is typed is never cut and never lost; Escape closes. */

const WARN_FROM = 0.9
const SAVE_AFTER_MS = 300
const TYPING_EACH_MS = 3000

/** As the server counts: code points, without the space around. */
export function countCharacters (text) { return [...text.trim()].length }

export class Composer {
  #saving = null
  #saidTypingAt = 0

  constructor (parts) {
    Object.assign(this, parts)
    this.$text.value = this.memory.get('draft', '')
    this.#fit()
    this.$text.addEventListener('input', () => this.#changed())
    this.$text.addEventListener('keydown', event => {
      // While a syllable is being composed, Enter is the keyboard's.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
      event.preventDefault()
      this.#send()
    })
    this.$form.addEventListener('submit', event => {
      event.preventDefault()
      this.#send()
    })
  }

  focus () { this.$text.focus() }

  /** In front of what was typed since. */
  giveBack (text) {
    this.$text.value = [text, this.$text.value].filter(Boolean).join('\n')
    this.#changed()
    this.focus()
  }

  save () {
    clearTimeout(this.#saving)
    if (this.$text.value) this.memory.set('draft', this.$text.value)
    else this.memory.remove('draft')
  }

  showCount () {
    const left = this.limit - countCharacters(this.$text.value)
    const isOver = left < 0
    const isNear = left <= this.limit * (1 - WARN_FROM)
    this.$counter.textContent = !isNear ? '' : this.strings().count(isOver ? 'too_many' : 'left', Math.abs(left))
    this.$counter.classList.toggle('kb-composer__counter--over', isOver)
    this.$text.ariaInvalid = isOver ? 'true' : null
    return isOver
  }

  #changed () {
    this.#fit()
    if (this.showCount()) this.status.announce(this.$counter.textContent)
    clearTimeout(this.#saving)
    this.#saving = setTimeout(() => this.save(), SAVE_AFTER_MS)
    if (this.$text.value && Date.now() - this.#saidTypingAt > TYPING_EACH_MS) {
      this.#saidTypingAt = Date.now()
      this.onTyping()
    }
  }

  #send () {
    const text = this.$text.value.trim()
    if (!text) return this.focus()
    if (this.showCount()) {
      this.status.announce(this.$counter.textContent)
      return this.focus()
    }
    this.$text.value = ''
    this.save()
    this.#changed()
    this.onSend(text)
  }

  /** For browsers without `field-sizing: content`. */
  #fit () {
    if (CSS.supports('field-sizing', 'content')) return
    this.$text.style.blockSize = 'auto'
    this.$text.style.blockSize = `${this.$text.scrollHeight + 2}px`
  }
}

/** The menu in the head. */
export class Menu {
  constructor ({ $button, $menu, onPick }) {
    Object.assign(this, { $button, $menu })
    $button.addEventListener('click', () => this.toggle($menu.hidden))
    $menu.addEventListener('click', event => {
      const $item = event.target.closest('[data-menu]')
      if (!$item) return
      this.close()
      onPick($item.dataset.menu)
    })
    document.addEventListener('pointerdown', event => {
      if (!$menu.contains(event.target) && !$button.contains(event.target)) this.toggle(false)
    })
    $menu.addEventListener('focusout', event => {
      if (event.relatedTarget && !$menu.contains(event.relatedTarget)) this.toggle(false)
    })
  }

  get isOpen () { return !this.$menu.hidden }

  toggle (opens) {
    this.$menu.hidden = !opens
    this.$button.ariaExpanded = String(opens)
  }

  close () {
    this.toggle(false)
    this.$button.focus()
  }
}

/** Ask before something that cannot be undone. */
export function confirmIn ($dialog, $text, $yes, question, yes) {
  $text.textContent = question
  $yes.textContent = yes
  $dialog.returnValue = 'no'
  $dialog.showModal()
  return new Promise(resolve => {
    $dialog.addEventListener('close', () => resolve($dialog.returnValue === 'yes'), { once: true })
  })
}
