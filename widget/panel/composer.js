/** The text box. Rule: what is typed is never cut and never lost. */

const WARN_FROM = 0.9
const SAVE_AFTER_MS = 300
const TYPING_EACH_MS = 3000

/** As the server counts. */
export function countCharacters (text) { return [...text.trim()].length }

export class Composer {
  #saving = null
  #saidTypingAt = 0

  constructor (parts) {
    Object.assign(this, parts)
    // On a slow line somebody types before this is here.
    this.$text.value ||= this.memory.get('draft', '')
    this.#fit()
    this.$text.addEventListener('input', () => this.#changed())
    this.$text.addEventListener('keydown', event => {
      // Enter also ends the composing of a syllable.
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

  clear () {
    this.$text.value = ''
    this.save()
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
