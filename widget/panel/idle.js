/**
 * A screen that others use next, e.g. a tablet in the waiting room: cleared when nobody is there any more.
 * Rule: said a minute before, and one tap or key gives all the time again.
 */
const WARNING_MS = 60000
const SIGNS = ['pointerdown', 'keydown', 'input', 'scroll']

export class Idle {
  #timer = null

  /** onClear is called after idleMs without a sign of life and a minute's warning. */
  constructor ({ $dialog, idleMs, onClear }) {
    Object.assign(this, { $dialog, idleMs, onClear })
    for (const name of SIGNS) document.addEventListener(name, () => this.stay(), { capture: true, passive: true })
    $dialog.addEventListener('close', () => this.stay())
    this.stay()
  }

  /** All the time again. */
  stay () {
    clearTimeout(this.#timer)
    if (this.$dialog.open) this.$dialog.close()
    this.#timer = setTimeout(() => this.#warn(), this.idleMs)
  }

  #warn () {
    this.$dialog.showModal()
    this.#timer = setTimeout(() => {
      this.onClear()
      this.stay()
    }, WARNING_MS)
  }
}
