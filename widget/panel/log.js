/** The order of the log. Rule: each row is placed once, by its number, wherever it came from and however often. */

/**
 * @typedef {{n: number, author: string, kind: string, client_id: ?string, at: string, html: string}} Row
 * @typedef {{act: 'ignore'}
 *   | {act: 'place', before: ?number, replaces: ?string}
 *   | {act: 'adopt', client_id: string}} Placing
 *   `before`: number of the row it goes in front of, null at the end; `replaces`: client_id of the pending line it takes
 *   the place of; `adopt`: a danger card already shown is this row.
 */

export class Log {
  #numbers = []
  #pending = new Set()
  #cards = new Map()
  #patientRows = new Map()
  #own = new Set()

  /** All rows up to this one are here. The stream and the long poll go on from it. */
  cursor = 0

  /** A line of the patient's is on the screen before the server has it. */
  expect (clientId) { this.#pending.add(clientId) }

  /** Whether the server's own row of this line stands here already. */
  knows (clientId) { return this.#own.has(clientId) }

  /** The line was taken off the screen again. */
  forget (clientId) { this.#pending.delete(clientId) }

  /**
   * A danger card came with a response. @returns {boolean} whether it is to be shown: false when it already stands there,
   * from an earlier try or because the stream was faster.
   */
  takeCard (clientId) {
    if (this.#cards.has(clientId)) return false
    this.#cards.set(clientId, 'response')
    return true
  }

  /** @param {Row} row  @returns {Placing} */
  accept (row) {
    if (this.#numbers.includes(row.n)) return { act: 'ignore' }
    const before = this.#place(row.n)
    if (row.kind === 'danger') {
      const clientId = row.client_id ?? this.#patientRows.get(row.n - 1)
      if (clientId && this.#cards.get(clientId) === 'response') {
        this.#cards.set(clientId, 'row')
        return { act: 'adopt', client_id: clientId }
      }
      if (clientId) this.#cards.set(clientId, 'row')
      return { act: 'place', before, replaces: null }
    }
    if (row.author !== 'patient' || !row.client_id) return { act: 'place', before, replaces: null }
    this.#patientRows.set(row.n, row.client_id)
    this.#own.add(row.client_id)
    const replaces = this.#pending.delete(row.client_id) ? row.client_id : null
    return { act: 'place', before, replaces }
  }

  /** From a source that has sent everything after `after` up to `n`. @returns {boolean} false: rows between are missing. */
  advance (after, n) {
    if (after > this.cursor) return false
    this.cursor = Math.max(this.cursor, n)
    return true
  }

  #place (n) {
    const at = this.#numbers.findLastIndex(other => other < n) + 1
    this.#numbers.splice(at, 0, n)
    return this.#numbers[at + 1] ?? null
  }
}
