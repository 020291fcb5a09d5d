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
  agree (version) { return this.#own('POST', '/consent', { version }) }
  mail (email) { return this.#own('POST', '/transcript', { email }) }
  held () { return this.#own('GET', '/data') }
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

/** Who looks has everything within 5 s of the line being back: docs/website.md */
export const WATCHED_CEILING_MS = 3000
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

/** The heartbeat comes each 15 s. */
const SILENCE_MS = 35000
/** Some proxies hold a stream back. */
const FIRST_SIGN_MS = 8000
const STALE_AFTER_MS = 17000
const POLLS_BEFORE_NEXT_STREAM = 12
const STREAM_TRIES = 3
const POLL_PAUSE_MS = 300
const QUIET_POLL_MS = 15000
const QUIET_POLL_SLOW_MS = 60000
const QUIET_POLLS_BEFORE_SLOW = 20

/**
 * The rows as they come: by stream, by long poll where streams fail. Rule: goes on from the last row seen and never
 * gives up.
 */
export class Feed {
  #mode = 'off'
  #run = null
  #waiting = null
  #failures = 0
  #streamFailures = 0
  #pollsLeft = 0
  #quietPolls = 0
  #lastSignAt = 0

  constructor (parts) { this.parts = parts }

  /** @param {'off'|'live'|'quiet'} mode quiet: closed, for the unread badge */
  set mode (mode) {
    if (mode === this.#mode) return
    this.#mode = mode
    this.#run?.abort()
    this.#run = null
    this.#quietPolls = 0
    if (mode !== 'off') this.#start()
  }

  get mode () { return this.#mode }

  /** Try now, and trust no silent stream. */
  nudge () {
    this.#waiting?.abort()
    if (this.#mode !== 'live' || this.parts.now() - this.#lastSignAt < STALE_AFTER_MS) return
    this.#run?.abort()
    this.#start()
  }

  #start () {
    this.#run = new AbortController()
    this.#loop(this.#run.signal)
  }

  async #loop (signal) {
    while (!signal.aborted) {
      const outcome = await this.#once(signal)
      if (signal.aborted) return
      if (outcome === 'gone') return this.parts.onGone()
      if (outcome === 'up') await this.#wasUp(signal)
      if (outcome === 'down') await this.#wasDown(signal)
    }
  }

  #once (signal) {
    if (this.#mode === 'quiet') return this.#poll(false, signal)
    if (this.#pollsLeft === 0) return this.#stream(signal)
    this.#pollsLeft -= 1
    return this.#poll(true, signal)
  }

  async #wasUp (signal) {
    if (this.#mode !== 'quiet') return this.#wait(POLL_PAUSE_MS, signal)
    this.#quietPolls += 1
    const isSlow = this.#quietPolls > QUIET_POLLS_BEFORE_SLOW || this.parts.isHidden()
    await this.#wait(isSlow ? QUIET_POLL_SLOW_MS : QUIET_POLL_MS, signal)
  }

  async #wasDown (signal) {
    this.#failures += 1
    this.parts.onLine(false)
    const ceiling = this.parts.isHidden() || this.#mode === 'quiet' ? HIDDEN_CEILING_MS : WATCHED_CEILING_MS
    await this.#wait(backoffMs(this.#failures, ceiling, this.parts.random), signal)
  }

  async #wait (ms, signal) {
    this.#waiting = new AbortController()
    await this.parts.sleep(ms, AbortSignal.any([signal, this.#waiting.signal]))
  }

  async #poll (waits, signal) {
    const after = this.parts.cursor()
    // After a failure it answers at once: the line may be back, and all the tabs wait for a sign.
    const { status, body } = await this.parts.api.log(after, waits && this.#failures === 0, signal)
    if (signal.aborted) return 'down'
    if (isGone(status)) return 'gone'
    if (status !== 200 || !body) return 'down'
    this.#sign()
    let before = after
    for (const row of body.messages) {
      this.parts.onRow(row, before)
      before = row.n
    }
    if (body.state) this.parts.onState(body.state)
    return 'up'
  }

  async #stream (signal) {
    const own = new AbortController()
    const both = AbortSignal.any([signal, own.signal])
    const watch = this.#watch(own)
    try {
      const { status, chunks } = await this.parts.api.stream(this.parts.cursor(), both)
      if (isGone(status)) return 'gone'
      if (!chunks) return this.#noStream(status === 429 || status === 503)
      // One that spoke and ended: a restart, a proxy's limit.
      return await this.#read(chunks, both, watch) ? 'down' : this.#noStream(false)
    } finally {
      watch.stop()
      own.abort()
    }
  }

  #noStream (isFull) {
    this.#streamFailures += 1
    if (isFull || this.#streamFailures >= STREAM_TRIES) {
      this.#pollsLeft = POLLS_BEFORE_NEXT_STREAM
      this.#streamFailures = 0
    }
    return isFull ? 'up' : 'down'
  }

  async #read (chunks, signal, watch) {
    const parser = new EventParser()
    let heard = false
    try {
      for await (const text of chunks) {
        if (signal.aborted) break
        heard = true
        this.#streamFailures = 0
        watch.sign()
        this.#sign()
        for (const event of parser.feed(text)) this.#take(event)
      }
    } catch { /* cut in the middle: the next one goes on from the cursor */ }
    return heard
  }

  #take ({ name, data }) {
    if (name === 'message') this.parts.onRow(JSON.parse(data), this.parts.cursor())
    if (name === 'state') this.parts.onState(JSON.parse(data))
  }

  #sign () {
    this.#lastSignAt = this.parts.now()
    this.#failures = 0
    this.parts.onLine(true)
  }

  #watch (controller) {
    let timer = setTimeout(() => controller.abort(), FIRST_SIGN_MS)
    return {
      sign: () => {
        clearTimeout(timer)
        timer = setTimeout(() => controller.abort(), SILENCE_MS)
      },
      stop: () => clearTimeout(timer)
    }
  }
}

function isGone (status) { return status === 404 || status === 401 }

/** Server-sent events. Rule: the same come out however the text was cut on its way. */
export class EventParser {
  #rest = ''
  #name = ''
  #data = []

  feed (text) {
    // \r\n may be cut in the middle.
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/)
    this.#rest = lines.pop()
    return lines.map(line => this.#line(line)).filter(Boolean)
  }

  #line (line) {
    if (line === '') return this.#dispatch()
    const [, field, value] = line.match(/^([^:]*):? ?(.*)$/s)
    if (field === 'event') this.#name = value
    if (field === 'data') this.#data.push(value)
  }

  #dispatch () {
    const event = { name: this.#name || 'message', data: this.#data.join('\n') }
    const isEmpty = this.#data.length === 0
    this.#name = ''
    this.#data = []
    return isEmpty ? null : event
  }
}
