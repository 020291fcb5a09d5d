/**
 * What the patient sent and the server does not have yet. Rule: kept until the server has it, sent in order, one at a
 * time, always under the same client_id, so that trying again can never double a message.
 */
import { WATCHED_CEILING_MS, backoffMs } from './backoff.js'

export const TRIES = 6
const LONGEST_WAIT_S = 60

/**
 * @typedef {{client_id: string, body: object, label: string, state: 'sending'|'waiting'|'failed', tries: number,
 *   said: string, can_retry: boolean, needs_new_id?: boolean}} Item  `label`: the words shown; `said`: the server's message
 * @typedef {{status: number, body: ?object, retry_after_s: ?number}} Answer  status 0: no answer at all
 */

/** @returns {Item} */
export function makeItem (clientId, body, label) {
  return { client_id: clientId, body, label, state: 'sending', tries: 0, said: '', can_retry: true }
}

/**
 * What becomes of an item after an answer.
 * @param {Item} item  @param {Answer} answer  @param {() => number} random
 * @returns {{act: 'sent'} | {act: 'gone'} | {act: 'wait', item: Item, wait_ms: number} | {act: 'fail', item: Item}}
 */
export function decide (item, answer, random) {
  const { status } = answer
  if (status >= 200 && status < 300) return { act: 'sent' }
  const code = answer.body?.error?.code
  const tried = { ...item, tries: item.tries + 1, said: answer.body?.error?.message ?? '' }
  // A conversation that expired was never written to: the same words may go into a new one, once.
  if ((status === 404 || status === 401) && item.tries === 0) return { act: 'gone' }
  const mayPass = status === 0 || status === 408 || status === 429 || status >= 500
  if (mayPass) {
    const waitMs = waitFor(tried.tries, answer, random)
    if (tried.tries < TRIES && waitMs <= LONGEST_WAIT_S * 1000) {
      return { act: 'wait', item: { ...tried, state: 'waiting' }, wait_ms: waitMs }
    }
    return { act: 'fail', item: { ...tried, state: 'failed', can_retry: true } }
  }
  const canRetry = code === 'conversation_ended' || code === 'client_id_reused' || status === 404 || status === 401
  return { act: 'fail', item: { ...tried, state: 'failed', can_retry: canRetry, needs_new_id: code === 'client_id_reused' } }
}

function waitFor (tries, answer, random) {
  const asked = (answer.retry_after_s ?? 0) * 1000
  return Math.max(asked, backoffMs(tries, 2 * WATCHED_CEILING_MS, random))
}

/** The same item for another try by hand. `newId`: when the old id may not be used again. @returns {Item} */
export function retried (item, newId) {
  return { ...item, client_id: newId ?? item.client_id, state: 'sending', tries: 0, said: '' }
}

export class Outbox {
  #items = []
  #isRunning = false
  #wake = null

  /**
   * @param {{post: (item: Item) => Promise<Answer>, store: {load: () => Item[], save: (items: Item[]) => void},
   *   onChange: (item: Item) => void, onSent: (item: Item, answer: Answer) => void,
   *   onAnswer: (item: Item, answer: Answer) => void, onGone: () => Promise<void>,
   *   sleep: (ms: number, signal: AbortSignal) => Promise<void>, random: () => number}} parts
   *   onAnswer is called for every answer, whatever its status: a danger card may be in it.
   */
  constructor (parts) {
    this.parts = parts
    // What a closed tab left behind. A message may have arrived although its answer did not: same id, no harm.
    this.#items = parts.store.load().map(item => item.state === 'failed' ? item : retried(item))
  }

  get items () { return [...this.#items] }

  add (item) {
    this.#items.push(item)
    this.#save()
    this.parts.onChange(item)
    return this.run()
  }

  /** The patient asks for another try. */
  retry (clientId, newId) {
    const old = this.#items.find(item => item.client_id === clientId)
    if (!old || old.state !== 'failed') return
    this.#put(old, retried(old, newId))
    return this.run()
  }

  /** @returns {?Item} the item taken out, so that its words can go back to the text box */
  remove (clientId) {
    const item = this.#items.find(each => each.client_id === clientId) ?? null
    this.#items = this.#items.filter(each => each !== item)
    this.#save()
    return item
  }

  /** The line is back, or the server has shown a sign of life: do not sit out the wait. */
  nudge () { this.#wake?.abort() }

  clear () {
    this.#items = []
    this.#save()
    this.nudge()
  }

  async run () {
    if (this.#isRunning) return
    this.#isRunning = true
    try {
      for (let item; (item = this.#items.find(each => each.state !== 'failed'));) await this.#send(item)
    } finally {
      this.#isRunning = false
    }
  }

  async #send (item) {
    const answer = await this.parts.post(item)
    if (!this.#items.includes(item)) return
    this.parts.onAnswer(item, answer)
    const next = decide(item, answer, this.parts.random)
    if (next.act === 'sent') {
      this.remove(item.client_id)
      return this.parts.onSent(item, answer)
    }
    if (next.act === 'gone') {
      this.#put(item, { ...item, tries: 1 })
      return this.parts.onGone()
    }
    this.#put(item, next.item)
    if (next.act === 'wait') await this.#wait(next.item, next.wait_ms)
  }

  async #wait (item, ms) {
    this.#wake = new AbortController()
    await this.parts.sleep(ms, this.#wake.signal)
    this.#wake = null
    if (this.#items.includes(item)) this.#put(item, { ...item, state: 'sending' })
  }

  #put (old, item) {
    this.#items = this.#items.map(each => each === old ? item : each)
    this.#save()
    this.parts.onChange(item, old.client_id)
  }

  #save () { this.parts.store.save(this.#items) }
}
