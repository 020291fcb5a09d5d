/** Short states, said once. Rule: what is heard comes after a pause and only if it is still true. */
const PAUSE_MS = 900

export class StatusLine {
  #timer = null

  /** @param {HTMLElement} $said role="status", for the ears  @param {HTMLElement} $seen the same, for the eyes */
  constructor ($said, $seen) {
    if (!$said || !$seen) throw new Error('StatusLine: an element is missing')
    this.$said = $said
    this.$seen = $seen
  }

  /** A state that stays, such as a place in the queue. Empty takes it away. */
  show (text) {
    if (this.$seen.textContent === text) return
    this.$seen.textContent = text
    this.$seen.hidden = !text
    this.announce(text)
  }

  /** Something that happened; it is heard and not shown. */
  announce (text) {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => { this.$said.textContent = text }, PAUSE_MS)
  }
}
