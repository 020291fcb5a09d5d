import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Feed } from '../../widget/panel/api.js'
import { fakeSleep, heldSleep, settle } from './fakes.mjs'

const ROWS = Array.from({ length: 40 }, (_, at) => ({ n: at + 1, html: `<p>${at + 1}</p>` }))
const message = row => `event: message\nid: ${row.n}\ndata: ${JSON.stringify(row)}\n\n`
const STATE = 'event: state\ndata: {"status": "bot"}\n\n'

/** A server that holds ROWS; `plan` says for each call of stream() what becomes of it. */
class FakeApi {
  calls = []
  constructor (plan, logs = []) { Object.assign(this, { plan, logs }) }

  async stream (after, signal) {
    this.calls.push(['stream', after])
    const step = this.plan.shift() ?? { hangs: true }
    return { status: step.status ?? 200, chunks: step.status ? null : this.#chunks(step, after, signal) }
  }

  async * #chunks ({ sends = 0, cutsLast = false, hangs = false }, after, signal) {
    yield STATE
    const rows = ROWS.filter(row => row.n > after).slice(0, sends)
    for (const row of rows) {
      const text = message(row)
      yield cutsLast && row === rows.at(-1) ? text.slice(0, -10) : text
    }
    if (hangs) await new Promise((resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  }

  async log (after, waits) {
    this.calls.push(['log', after, waits])
    const step = this.logs.shift() ?? { status: 200, sends: 0 }
    const messages = ROWS.filter(row => row.n > after).slice(0, step.sends)
    return { status: step.status, body: step.status === 200 ? { messages, state: { status: 'bot' } } : null }
  }
}

function feedWith (plan, { logs, sleep = fakeSleep().sleep, isHidden = () => false, now = () => 0, random = () => 0.5 } = {}) {
  const seen = { rows: [], states: 0, lines: [], gone: 0, cursor: 0 }
  const api = new FakeApi(plan, logs)
  const feed = new Feed({
    api, sleep, now, isHidden,
    cursor: () => seen.cursor,
    random,
    onRow: (row, after) => {
      assert.ok(after <= seen.cursor, 'rows come without a hole')
      seen.rows.push(row.n)
      seen.cursor = row.n
    },
    onState: () => { seen.states += 1 },
    onLine: isUp => { if (seen.lines.at(-1) !== isUp) seen.lines.push(isUp) },
    onGone: () => { seen.gone += 1 }
  })
  return { feed, api, seen }
}

test('it hands on rows and states, and goes on from the last row after a cut', async () => {
  const { feed, api, seen } = feedWith([{ sends: 3 }, { sends: 2 }, { hangs: true }])
  feed.mode = 'live'
  await settle(60)
  feed.mode = 'off'
  assert.deepEqual(seen.rows, [1, 2, 3, 4, 5])
  assert.deepEqual(api.calls, [['stream', 0], ['stream', 3], ['stream', 5]])
})

test('a row cut in its middle is taken once, from the next stream', async () => {
  const { feed, seen } = feedWith([{ sends: 3, cutsLast: true }, { sends: 1 }, { hangs: true }])
  feed.mode = 'live'
  await settle(60)
  feed.mode = 'off'
  assert.deepEqual(seen.rows, [1, 2, 3])
})

test('after repeated failures it polls, and later tries the stream again', async () => {
  const { feed, api, seen } = feedWith([{ status: 502 }, { status: 502 }, { status: 502 }], { logs: [{ status: 200, sends: 2 }] })
  feed.mode = 'live'
  await settle(200)
  feed.mode = 'off'
  const kinds = api.calls.map(([kind]) => kind)
  assert.deepEqual(kinds.slice(0, 4), ['stream', 'stream', 'stream', 'log'])
  assert.deepEqual(api.calls.slice(3, 5), [['log', 0, false], ['log', 2, true]], 'the first one says at once that the line is back')
  assert.deepEqual(kinds.slice(4).filter(kind => kind === 'stream').length, 1)
  assert.deepEqual(seen.rows, [1, 2])
})

test('a server without room for a stream is polled at once', async () => {
  const { feed, api, seen } = feedWith([{ status: 503 }], { sleep: heldSleep().sleep })
  feed.mode = 'live'
  await settle()
  feed.mode = 'off'
  assert.deepEqual(api.calls, [['stream', 0]])
  assert.deepEqual(seen.lines, [])
  const next = feedWith([{ status: 503 }])
  next.feed.mode = 'live'
  await settle(40)
  next.feed.mode = 'off'
  assert.equal(next.api.calls[1][0], 'log')
})

test('it waits longer after each failure, and the shortest time after a stream that had spoken', async () => {
  const { sleep, slept } = fakeSleep()
  const { feed } = feedWith([{ status: 502 }, { status: 502 }, { sends: 1 }], { sleep })
  feed.mode = 'live'
  await settle(60)
  feed.mode = 'off'
  assert.deepEqual(slept.slice(0, 3), [375, 750, 375])
})

test('however long the line was down, a watched panel tries again within 3 s', async () => {
  const { sleep, slept } = fakeSleep()
  const { feed } = feedWith(Array(20).fill({ status: 502 }), { sleep, logs: Array(40).fill({ status: 502 }), random: () => 1 })
  feed.mode = 'live'
  await settle(200)
  feed.mode = 'off'
  assert.ok(slept.length > 10)
  assert.equal(Math.max(...slept), 3000)
})

test('nobody is told twice that the line is down', async () => {
  const { feed, seen } = feedWith([{ status: 502 }, { status: 502 }, { sends: 1, hangs: true }])
  feed.mode = 'live'
  await settle(60)
  feed.mode = 'off'
  assert.deepEqual(seen.lines, [false, true])
})

test('a conversation that is gone ends it', async () => {
  const { feed, api, seen } = feedWith([{ status: 404 }])
  feed.mode = 'live'
  await settle()
  assert.deepEqual([seen.gone, api.calls.length], [1, 1])
})

test('closed, it asks now and then without holding the line, and rarely when nobody can see it', async () => {
  for (const [isHidden, ms] of [[false, 15000], [true, 60000]]) {
    const { sleep, held } = heldSleep()
    const { feed, api } = feedWith([], { sleep, isHidden: () => isHidden })
    feed.mode = 'quiet'
    await settle()
    assert.deepEqual(api.calls, [['log', 0, false]])
    assert.equal(held[0].ms, ms)
    feed.mode = 'off'
  }
})

test('a nudge ends the wait at once', async () => {
  const { sleep, held } = heldSleep()
  const { feed, api } = feedWith([{ status: 502 }, { hangs: true }], { sleep, now: () => 10 ** 9 })
  feed.mode = 'live'
  await settle()
  assert.equal(held.length, 1)
  feed.nudge()
  await settle()
  assert.deepEqual(api.calls.map(([kind]) => kind), ['stream', 'stream'])
  feed.mode = 'off'
})

test('a nudge trusts a stream that has just spoken, and replaces a silent one', async () => {
  let time = 1000
  const { feed, api } = feedWith([{ hangs: true }, { hangs: true }], { now: () => time })
  feed.mode = 'live'
  await settle()
  feed.nudge()
  await settle()
  assert.equal(api.calls.length, 1)
  time += 20000
  feed.nudge()
  await settle()
  assert.equal(api.calls.length, 2)
  feed.mode = 'off'
})

test('off means off', async () => {
  const { feed, api } = feedWith([{ sends: 1 }, { sends: 1 }, { sends: 1 }])
  feed.mode = 'live'
  feed.mode = 'off'
  await settle(40)
  assert.equal(api.calls.length, 1)
})
