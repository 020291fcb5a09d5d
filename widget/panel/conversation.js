/**
 * Which conversation this browser has. Rule: one per site and browser, made when the first words are sent and not
 * before; its token leaves the frame's own storage only in the Authorization header.
 */
const KEY = 'conversation'

export class Conversation {
  /**
   * @param {{api: object, memory: object, locks: ?LockManager, lockName: string,
   *   facts: () => object}} parts  facts: what the server is told about a new one
   */
  constructor (parts) {
    this.parts = parts
    this.adopt()
  }

  get isThere () { return this.parts.api.conversation !== null }

  /** Take up what is stored, perhaps by another tab. @returns {boolean} whether it changed */
  adopt () {
    const { api, memory } = this.parts
    const before = api.conversation?.id
    api.conversation = memory.get(KEY)
    return before !== api.conversation?.id
  }

  /** @returns {Promise<object>} an answer: 200 when there is a conversation, else what the server said */
  ensure () {
    if (this.isThere) return Promise.resolve({ status: 200, body: null, retry_after_s: null })
    // Two tabs that send their first words at once must not make two conversations.
    if (this.parts.locks) return this.parts.locks.request(this.parts.lockName, () => this.#make())
    return this.#make()
  }

  drop () {
    this.parts.memory.remove(KEY)
    this.parts.api.conversation = null
  }

  async #make () {
    this.adopt()
    if (this.isThere) return { status: 200, body: null, retry_after_s: null }
    const answer = await this.parts.api.create(this.parts.facts())
    if (answer.status !== 201 || !answer.body?.token) return answer.status === 404 ? { ...answer, status: 503 } : answer
    const { id, token } = answer.body
    this.parts.memory.set(KEY, { id, token })
    this.parts.api.conversation = { id, token }
    return answer
  }
}

/** An id nobody else has. crypto.randomUUID is missing on plain http. */
export function newId () {
  if (crypto.randomUUID) return crypto.randomUUID()
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, '0')).join('')
}
