/** Stand-ins for the browser and the server. They keep the promises of the real ones that the panel relies on. */

/** A clock nobody waits for: sleeping ends at once and is written down. */
export function fakeSleep () {
  const slept = []
  const sleep = async (ms, signal) => {
    slept.push(ms)
    await new Promise(resolve => setImmediate(resolve))
    return signal?.aborted
  }
  return { sleep, slept }
}

/** Sleeping that ends when the test says so, or when the signal is aborted. */
export function heldSleep () {
  const held = []
  const sleep = (ms, signal) => new Promise(resolve => {
    held.push({ ms, wake: resolve })
    signal?.addEventListener('abort', () => resolve())
  })
  return { sleep, held }
}

export async function settle (turns = 20) {
  for (let turn = 0; turn < turns; turn += 1) await new Promise(resolve => setImmediate(resolve))
}

export class FakeStorage {
  items = new Map()
  getItem (key) { return this.items.get(key) ?? null }
  setItem (key, value) { this.items.set(key, value) }
  removeItem (key) { this.items.delete(key) }
}

/** navigator.locks: one holder per name, a queue behind it, abort and steal as in the Web Locks standard. */
export class FakeLocks {
  #held = new Map()
  #queues = new Map()

  request (name, options, act) {
    if (typeof options === 'function') [options, act] = [{}, options]
    return new Promise((resolve, reject) => {
      const wish = { act, resolve, reject }
      if (options.steal) {
        const old = this.#held.get(name)
        this.#held.delete(name)
        old?.reject(new DOMException('stolen', 'AbortError'))
        return this.#grant(name, wish)
      }
      const queue = this.#queues.get(name) ?? []
      this.#queues.set(name, queue)
      queue.push(wish)
      options.signal?.addEventListener('abort', () => {
        const at = queue.indexOf(wish)
        if (at < 0) return
        queue.splice(at, 1)
        reject(new DOMException('aborted', 'AbortError'))
      })
      this.#next(name)
    })
  }

  #next (name) {
    if (this.#held.has(name)) return
    const wish = this.#queues.get(name)?.shift()
    if (wish) this.#grant(name, wish)
  }

  async #grant (name, wish) {
    this.#held.set(name, wish)
    await null
    const result = await wish.act()
    if (this.#held.get(name) !== wish) return
    this.#held.delete(name)
    wish.resolve(result)
    this.#next(name)
  }
}

/** BroadcastChannel of one browser: everybody of the same name but the sender hears. */
export function fakeChannels () {
  const all = []
  return class FakeChannel extends EventTarget {
    constructor (name) {
      super()
      this.name = name
      this.isFrozen = false
      all.push(this)
    }

    postMessage (data) {
      for (const other of all) {
        if (other === this || other.name !== this.name || other.isFrozen) continue
        setImmediate(() => other.dispatchEvent(new MessageEvent('message', { data: structuredClone(data) })))
      }
    }
  }
}
