/** The windows around this one. */

const ANSWER_WITHIN_MS = 1500

/**
 * One tab holds the stream and tells the others. Rule: at most one leads; one that sleeps is replaced; without the
 * browser's locks every tab leads itself.
 */
export class Tabs {
  #release = null
  #asking = null
  #channel = null
  #sawLeader = false
  isLeader = false

  constructor (parts) {
    this.parts = parts
    if (!parts.Channel) return
    this.#channel = new parts.Channel(parts.name)
    this.#channel.addEventListener('message', event => this.#hear(event.data))
  }

  send (message) { this.#channel?.postMessage(message) }

  /** Lead now, or when the leader goes. */
  join () {
    if (this.#asking || this.isLeader) return
    if (!this.parts.locks || !this.#channel) return this.#lead()
    this.#asking = new AbortController()
    this.#request({ signal: this.#asking.signal })
    this.parts.onFollow()
    return this.checkLeader()
  }

  leave () {
    this.#asking?.abort()
    this.#asking = null
    this.isLeader = false
    this.#release?.()
    this.#release = null
  }

  /** A frozen page keeps its lock: take it. */
  async checkLeader () {
    if (this.isLeader || !this.#asking) return
    this.#sawLeader = false
    this.send({ type: 'ping' })
    await this.parts.sleep(ANSWER_WITHIN_MS)
    if (this.#sawLeader || this.isLeader || !this.#asking) return
    this.#asking.abort()
    this.#asking = new AbortController()
    this.#request({ steal: true })
  }

  #request (options) {
    const asking = this.#asking
    this.parts.locks.request(this.parts.name, options, () => {
      if (this.#asking !== asking) return
      this.#asking = null
      return new Promise(resolve => {
        this.#release = resolve
        this.#lead()
      })
    }).catch(() => this.#lost(asking))
  }

  #lost (asking) {
    if (!this.isLeader) return
    this.isLeader = false
    this.#release = null
    if (this.#asking === asking || this.#asking === null) this.join()
  }

  #lead () {
    this.isLeader = true
    this.send({ type: 'pong' })
    this.parts.onLead()
  }

  #hear (message) {
    if (message.type === 'pong') this.#sawLeader = true
    else if (message.type !== 'ping') this.parts.onMessage(message)
    else if (this.isLeader) this.send({ type: 'pong' })
  }
}

/** The clinic's page. Rule: hears and tells one exact origin. */
export class Host {
  constructor ({ window, onOpen, onClose, onLang }) {
    this.window = window
    this.isFramed = window.parent !== window
    this.origin = new URLSearchParams(window.location.search).get('host') ?? ''
    if (!this.isFramed) return
    window.addEventListener('message', event => {
      if (event.source !== window.parent || event.origin !== this.origin || event.data?.frontDesk !== 1) return
      if (event.data.type === 'open') onOpen(tidy(event.data.context), String(event.data.question ?? ''))
      if (event.data.type === 'close') onClose()
      if (event.data.type === 'lang') onLang(event.data.name)
    })
  }

  lang (name) { this.#tell({ type: 'lang', name }) }
  hello () { this.#tell({ type: 'hello' }) }
  close () { this.#tell({ type: 'close' }) }
  unread (count) { this.#tell({ type: 'unread', count }) }
  size (name) { this.#tell({ type: 'size', name }) }

  #tell (message) {
    if (!this.isFramed || !this.origin) return
    try {
      this.window.parent.postMessage({ frontDesk: 1, ...message }, this.origin)
    } catch { /* `host` is not an origin: nobody to tell */ }
  }
}

/** What the page says of itself: short texts, or nothing. */
function tidy ({ page_url: page, desk } = {}) {
  const short = (text, most) => text ? String(text).slice(0, most) : undefined
  return { page_url: short(page, 2000), desk: short(desk, 40) }
}
