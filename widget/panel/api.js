/** The chat's HTTP interface. Rule: a call never throws; the status is 0 when nobody answered. */
const ANSWER_WITHIN_MS = 12000
const POLL_WAIT_S = 25

/** An answer is {status, body: ?object, retry_after_s}. */
export class Api {
  /** {id, token} */
  conversation = null

  constructor (base, fetch) { Object.assign(this, { base, fetch }) }

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

  log (after, waits, signal) {
    const waitS = waits ? POLL_WAIT_S : 0
    return this.#own('GET', `/log?after=${after}&wait_s=${waitS}`, undefined, signal, ANSWER_WITHIN_MS + waitS * 1000)
  }

  async stream (after, signal) {
    try {
      const headers = { ...this.#bearer(), 'Last-Event-ID': String(after) }
      const response = await this.fetch(`${this.base}${this.#path()}/stream?after=${after}`, { headers, signal, cache: 'no-store' })
      return { status: response.status, chunks: response.ok ? texts(response.body) : null }
    } catch {
      return { status: 0, chunks: null }
    }
  }

  #path () { return `/conversations/${encodeURIComponent(this.conversation.id)}` }

  #bearer () { return { Authorization: `Bearer ${this.conversation.token}` } }

  #own (method, rest, body, signal, withinMs) {
    return this.#call(method, this.#path() + rest, body, this.#bearer(), signal, withinMs)
  }

  async #call (method, path, body, headers = {}, signal = undefined, withinMs = ANSWER_WITHIN_MS) {
    const late = AbortSignal.timeout(withinMs)
    const asked = { method, headers, cache: 'no-store' }
    asked.signal = signal ? AbortSignal.any([signal, late]) : late
    if (body !== undefined) {
      asked.body = JSON.stringify(body)
      asked.headers = { ...headers, 'Content-Type': 'application/json' }
    }
    try {
      const response = await this.fetch(this.base + path, asked)
      return { status: response.status, body: await jsonOrNull(response), retry_after_s: Number(response.headers.get('Retry-After')) || 0 }
    } catch {
      return { status: 0, body: null, retry_after_s: 0 }
    }
  }
}

/** A proxy's error page is HTML. */
async function jsonOrNull (response) {
  const text = await response.text()
  try { return JSON.parse(text) } catch { return null }
}

async function * texts (body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  try {
    for (let piece; !(piece = await reader.read()).done;) yield piece.value
  } finally {
    reader.cancel().catch(() => { /* the line is gone already */ })
  }
}

const FIRST_WAIT_MS = 500

export const WATCHED_CEILING_MS = 4000
export const HIDDEN_CEILING_MS = 30000

/** Half by chance: a restarted server is not stormed. `failures`: in a row, from 1. */
export function backoffMs (failures, ceilingMs, random) {
  const step = Math.min(ceilingMs, FIRST_WAIT_MS * 2 ** Math.min(failures - 1, 20))
  return Math.round(step / 2 + random() * step / 2)
}

/** An abort ends it early, without an error. */
export function sleep (ms, signal) {
  return new Promise(resolve => {
    if (signal?.aborted) return resolve()
    const timer = setTimeout(resolve, ms)
    signal?.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    }, { once: true })
  })
}
