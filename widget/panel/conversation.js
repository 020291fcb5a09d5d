/**
 * What this browser keeps. Rule: one conversation per site and browser, made with the first words; nothing throws.
 */

export class Memory {
  #fallback = new Map()

  /** storage: null where blocked. */
  constructor (storage, prefix) { Object.assign(this, { storage, prefix }) }

  get (key, otherwise = null) {
    try {
      const text = this.#fallback.get(key) ?? this.storage?.getItem(this.prefix + key)
      return text == null ? otherwise : JSON.parse(text)
    } catch {
      return otherwise
    }
  }

  set (key, value) {
    const text = JSON.stringify(value)
    try {
      this.storage.setItem(this.prefix + key, text)
      this.#fallback.delete(key)
    } catch {
      this.#fallback.set(key, text) // blocked or full
    }
  }

  clear () {
    this.#fallback.clear()
    try {
      for (const key of Object.keys(this.storage)) if (key.startsWith(this.prefix)) this.storage.removeItem(key)
    } catch { /* blocked: nothing is there */ }
  }

  remove (key) {
    this.#fallback.delete(key)
    try { this.storage?.removeItem(this.prefix + key) } catch { /* blocked: nothing is there */ }
  }
}

export function localStorageOrNull () {
  try { return window.localStorage } catch { return null }
}

export class Conversation {
  constructor (parts) {
    this.parts = parts
    this.adopt()
  }

  get isThere () { return this.parts.api.conversation !== null }

  /** Take up what is stored, perhaps by another tab. */
  adopt () {
    const { api, memory } = this.parts
    const before = api.conversation?.id
    api.conversation = memory.get('conversation')
    return before !== api.conversation?.id
  }

  /** @returns null when there is a conversation, else the answer that says why not */
  async ensure () {
    if (this.isThere) return null
    // Two tabs may begin at once.
    const { locks, lockName } = this.parts
    return locks ? locks.request(lockName, () => this.#make()) : this.#make()
  }

  drop () {
    this.parts.memory.remove('conversation')
    this.parts.api.conversation = null
  }

  async #make () {
    const { api, memory, facts } = this.parts
    this.adopt()
    if (this.isThere) return null
    const answer = await api.create(facts())
    // A 404 here is about the site.
    if (!answer.body?.token) return { ...answer, status: answer.status === 404 ? 503 : answer.status }
    const { id, token } = answer.body
    api.conversation = { id, token }
    memory.set('conversation', api.conversation)
    return null
  }
}

/** crypto.randomUUID is missing on plain http. */
export function newId () {
  if (crypto.randomUUID) return crypto.randomUUID()
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, '0')).join('')
}
