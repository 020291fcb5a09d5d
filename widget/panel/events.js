/** Server-sent events out of a byte stream. Rule: the same events come out however the text was cut on its way. */

/** @typedef {{name: string, id: string, data: string}} StreamEvent */

export class EventParser {
  #rest = ''
  #name = ''
  #data = []
  #id = ''
  #isFirst = true

  /**
   * @param {string} text the next piece
   * @returns {StreamEvent[]} the events completed by it, oldest first
   */
  feed (text) {
    if (this.#isFirst && text) {
      text = text.replace(/^\uFEFF/, '')
      this.#isFirst = false
    }
    this.#rest += text
    const events = []
    // A line may end with \r\n cut in the middle: a \r at the very end waits for what follows.
    const lineEnd = /\r\n|\n|\r(?!$)/g
    let from = 0
    for (let found; (found = lineEnd.exec(this.#rest)); from = lineEnd.lastIndex) {
      const event = this.#line(this.#rest.slice(from, found.index))
      if (event) events.push(event)
    }
    this.#rest = this.#rest.slice(from)
    return events
  }

  #line (line) {
    if (line === '') return this.#dispatch()
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'event') this.#name = value
    if (field === 'data') this.#data.push(value)
    if (field === 'id' && !value.includes('\0')) this.#id = value
  }

  #dispatch () {
    const event = { name: this.#name || 'message', id: this.#id, data: this.#data.join('\n') }
    const isEmpty = this.#data.length === 0
    this.#name = ''
    this.#data = []
    return isEmpty ? undefined : event
  }
}
