/**
 * What the server does not have yet. Rule: kept until it has, sent in order, one at a time, always under the same
 * client_id, so that trying again never doubles a message.
 */
import { WATCHED_CEILING_MS, backoffMs } from './api.js'

export const TRIES = 8
const LONGEST_WAIT_MS = 60000

/** said: the server's message; state: sending, waiting (for another try) or failed. */
export function makeItem (clientId, body, label) {
  return { client_id: clientId, body, label, state: 'sending', tries: 0, said: '', can_retry: true }
}

/** What becomes of an item: sent, wait, fail, or gone: the conversation is not there any more. */
export function decide (item, { status, body, retry_after_s: retryAfterS }, random) {
  if (status >= 200 && status < 300) return { act: 'sent' }
  const tried = { ...item, tries: item.tries + 1, said: body?.error?.message ?? '', is_offline: status === 0 }
  const isGone = status === 404 || status === 401
  // The same words may go into a new conversation, once.
  if (isGone && !item.has_moved) return { act: 'gone', item: { ...item, has_moved: true } }
  const waitMs = Math.max(backoffMs(tried.tries, WATCHED_CEILING_MS, random), (retryAfterS ?? 0) * 1000)
  const mayPass = status === 0 || status === 408 || status === 429 || status >= 500
  if (mayPass && tried.tries < TRIES && waitMs <= LONGEST_WAIT_MS) {
    return { act: 'wait', item: { ...tried, state: 'waiting' }, wait_ms: waitMs }
  }
  const code = body?.error?.code
  const isReused = code === 'client_id_reused'
  const canRetry = mayPass || isGone || isReused || code === 'conversation_ended'
  const wants = { can_retry: canRetry, needs_new_id: isReused, needs_yes: code === 'consent_needed' }
  return { act: 'fail', item: { ...tried, ...wants, state: 'failed' } }
}

export function retried (item, newId) {
  return { ...item, client_id: newId ?? item.client_id, state: 'sending', tries: 0, said: '', has_moved: false, needs_yes: false }
}

export class Outbox {
  #items = []
  #isRunning = false
  #wake = null
  #held = new Set()

  constructor (parts) {
    this.parts = parts
    // What a closed tab left behind.
    this.#items = parts.store.load().map(item => item.state === 'failed' ? item : retried(item))
  }

  get items () { return [...this.#items] }

  add (item) {
    this.#items.push(item)
    this.#save()
    this.parts.onChange(item)
    return this.run()
  }

  retry (clientId, newId) {
    const old = this.#items.find(item => item.client_id === clientId && item.state === 'failed')
    if (!old) return
    this.#put(old, retried(old, newId))
    return this.run()
  }

  remove (clientId) {
    const item = this.#items.find(each => each.client_id === clientId) ?? null
    this.#items = this.#items.filter(each => each !== item)
    this.#save()
    return item
  }

  /** Do not sit out the wait, and send what only the line, or the missing yes, had held up. */
  nudge (hasYes = false) {
    this.#wake?.abort()
    for (const item of this.#items) {
      if (item.state === 'failed' && (item.is_offline || (hasYes && item.needs_yes))) this.#put(item, retried(item))
    }
    return this.run()
  }

  clear () {
    const dropped = this.#items
    this.#items = []
    this.#save()
    this.#wake?.abort()
    return dropped
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
      this.#put(item, next.item)
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

  /** Another tab keeps its own in the same place. */
  #save () {
    for (const item of this.#items) this.#held.add(item.client_id)
    this.parts.store.save(this.#items, this.#held)
  }
}
