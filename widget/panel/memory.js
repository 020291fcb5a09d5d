/**
 * What the panel keeps in the browser, in the frame's own partition. Rule: where storage is blocked or full, memory
 * serves until the page goes; nothing here ever throws.
 */
export class Memory {
  #fallback = new Map()

  /** @param {?Storage} storage  @param {string} prefix names the site, so that two sites never share a conversation */
  constructor (storage, prefix) {
    this.storage = storage
    this.prefix = prefix
  }

  get (key, otherwise = null) {
    try {
      const text = this.storage?.getItem(this.prefix + key) ?? this.#fallback.get(key)
      return text == null ? otherwise : JSON.parse(text)
    } catch {
      return otherwise
    }
  }

  set (key, value) {
    const text = JSON.stringify(value)
    try {
      if (!this.storage) throw new Error('no storage')
      this.storage.setItem(this.prefix + key, text)
      this.#fallback.delete(key)
    } catch {
      this.#fallback.set(key, text)
    }
  }

  remove (key) {
    this.#fallback.delete(key)
    try { this.storage?.removeItem(this.prefix + key) } catch { /* blocked: there is nothing to take away */ }
  }
}

/** @returns {?Storage} null where the browser refuses even to be asked */
export function localStorageOrNull () {
  try { return window.localStorage } catch { return null }
}
