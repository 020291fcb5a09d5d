/**
 * The chat's HTTP interface. Rule: a call never throws; whatever happened comes back as a status, 0 when nobody
 * answered, so that the callers decide in one place what to do.
 */
const ANSWER_WITHIN_MS = 12000
const POLL_WAIT_S = 25

/** @typedef {{status: number, body: ?object, retry_after_s: ?number}} Answer */

export class Api {
  /** @param {string} base for example /api/v1  @param {typeof fetch} fetch */
  constructor (base, fetch) {
    this.base = base
    this.fetch = fetch
    /** @type {?{id: string, token: string}} */
    this.conversation = null
  }

  create (facts) { return this.#call('POST', '/conversations', facts) }
  post (body) { return this.#own('POST', '/messages', body) }
  askForPerson () { return this.#own('POST', '/handoff', {}) }
  sendForm (body) { return this.#own('POST', '/forms', body) }
  rateAnswer (n, helpful) { return this.#own('POST', `/messages/${n}/rating`, { helpful }) }
  rate (body) { return this.#own('POST', '/rating', body) }
  typing () { return this.#own('POST', '/typing', {}) }
  setLanguage (lang) { return this.#own('POST', '/lang', { lang }) }
  end () { return this.#own('POST', '/end', {}) }
  forget () { return this.#own('DELETE', '') }

  /** @returns {Promise<Answer>} with the rows after `after`, at once or when there are some */
  log (after, waits, signal) {
    const waitS = waits ? POLL_WAIT_S : 0
    return this.#own('GET', `/log?after=${after}&wait_s=${waitS}`, undefined, signal, ANSWER_WITHIN_MS + waitS * 1000)
  }

  /** @returns {Promise<{status: number, retry_after_s: ?number, chunks: ?AsyncIterable<string>}>} */
  async stream (after, signal) {
    try {
      const headers = { ...this.#bearer(), Accept: 'text/event-stream', 'Last-Event-ID': String(after) }
      const response = await this.fetch(this.#path(`/stream?after=${after}`), { headers, signal, cache: 'no-store' })
      return { status: response.status, retry_after_s: retryAfter(response), chunks: response.ok ? texts(response.body) : null }
    } catch {
      return { status: 0, retry_after_s: null, chunks: null }
    }
  }

  #path (rest) { return `${this.base}/conversations/${encodeURIComponent(this.conversation.id)}${rest}` }

  #bearer () { return { Authorization: `Bearer ${this.conversation.token}` } }

  #own (method, rest, body, signal, withinMs) {
    return this.#call(method, this.#path(rest).slice(this.base.length), body, this.#bearer(), signal, withinMs)
  }

  async #call (method, path, body, headers = {}, signal = undefined, withinMs = ANSWER_WITHIN_MS) {
    const late = AbortSignal.timeout(withinMs)
    const asked = { method, headers: { ...headers, Accept: 'application/json' }, cache: 'no-store' }
    asked.signal = signal ? AbortSignal.any([signal, late]) : late
    if (body !== undefined) {
      asked.body = JSON.stringify(body)
      asked.headers['Content-Type'] = 'application/json'
    }
    try {
      const response = await this.fetch(this.base + path, asked)
      return { status: response.status, body: await jsonOrNull(response), retry_after_s: retryAfter(response) }
    } catch {
      return { status: 0, body: null, retry_after_s: null }
    }
  }
}

/** A proxy's error page is HTML: the status still counts. */
async function jsonOrNull (response) {
  const text = await response.text()
  try { return JSON.parse(text) } catch { return null }
}

/** @returns {?number} seconds; the header may also be a date, which our server never sends */
function retryAfter (response) {
  const seconds = Number.parseInt(response.headers.get('Retry-After') ?? '', 10)
  return Number.isNaN(seconds) ? null : seconds
}

async function * texts (body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  try {
    for (let piece; !(piece = await reader.read()).done;) yield piece.value
  } finally {
    reader.cancel().catch(() => { /* the line is gone already */ })
  }
}
