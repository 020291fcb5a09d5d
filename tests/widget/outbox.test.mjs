import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Outbox, TRIES, decide, makeItem } from '../../widget/panel/outbox.js'
import { fakeSleep, heldSleep, settle } from './fakes.mjs'

const item = (id = 'a', text = 'where do I park') => makeItem(id, { text }, text)
const answer = (status, code, more = {}) => ({ status, body: code ? { error: { code, message: `words for ${code}` } } : null, retry_after_s: 0, ...more })
const half = () => 0.5

function outboxWith (answers, { sleep = fakeSleep().sleep, stored = [] } = {}) {
  const seen = { posted: [], sent: [], changes: [], answers: [], gone: 0, stored }
  const outbox = new Outbox({
    post: async each => {
      seen.posted.push(each)
      const next = answers.shift()
      return typeof next === 'function' ? next(each) : next
    },
    store: { load: () => seen.stored, save: items => { seen.stored = structuredClone(items) } },
    onChange: each => seen.changes.push([each.client_id, each.state]),
    onAnswer: (each, got) => seen.answers.push(got.status),
    onSent: each => seen.sent.push(each.client_id),
    onGone: async () => { seen.gone += 1 },
    sleep,
    random: half
  })
  return { outbox, seen }
}

test('a message is sent, and kept until the server has it', async () => {
  const { outbox, seen } = outboxWith([each => {
    assert.equal(seen.stored.length, 1)
    return answer(202)
  }])
  await outbox.add(item())
  assert.deepEqual([seen.sent, seen.stored], [['a'], []])
})

test('what each answer means', () => {
  const outcomes = [
    [answer(202), 'sent'], [answer(200), 'sent'],
    [answer(0), 'wait'], [answer(503, 'unavailable'), 'wait'], [answer(500), 'wait'], [answer(408), 'wait'],
    [answer(429, 'too_many_messages', { retry_after_s: 5 }), 'wait'],
    [answer(429, 'too_many_messages', { retry_after_s: 3600 }), 'fail'],
    [answer(413, 'message_too_long'), 'fail'], [answer(403, 'blocked'), 'fail'],
    [answer(409, 'client_id_reused'), 'fail'], [answer(409, 'conversation_ended'), 'fail'],
    [answer(404, 'not_found'), 'gone'], [answer(401), 'gone']
  ]
  for (const [got, act] of outcomes) assert.equal(decide(item(), got, half).act, act, `status ${got.status}`)
})

test('it waits as long as the server asks', () => {
  assert.equal(decide(item(), answer(429, 'too_many_messages', { retry_after_s: 7 }), half).wait_ms, 7000)
})

test('however long the line was down, the next try is at most 3 s away: the goal is 5 s after it is back', () => {
  for (let tries = 0; tries < TRIES - 1; tries++) {
    const next = decide({ ...item(), tries }, answer(0), () => 1)
    assert.equal(next.act, 'wait')
    assert.ok(next.wait_ms <= 3000, `try ${tries + 1}: ${next.wait_ms} ms`)
  }
})

test('the words of the server go with the message', () => {
  const { item: failed } = decide(item(), answer(413, 'message_too_long'), half)
  assert.deepEqual([failed.said, failed.state, failed.can_retry], ['words for message_too_long', 'failed', false])
})

test('only what may help is offered: another try, or the words back', () => {
  const canRetry = got => decide({ ...item(), tries: TRIES }, got, half).item.can_retry
  assert.equal(canRetry(answer(0)), true)
  assert.equal(canRetry(answer(503, 'unavailable')), true)
  assert.equal(canRetry(answer(409, 'conversation_ended')), true)
  assert.equal(canRetry(answer(403, 'blocked')), false)
  assert.equal(canRetry(answer(413, 'message_too_long')), false)
})

test('a line that is cut is tried again under the same client_id', async () => {
  const { outbox, seen } = outboxWith([answer(0), answer(503, 'unavailable'), answer(202)])
  await outbox.add(item())
  assert.deepEqual(seen.posted.map(each => each.client_id), ['a', 'a', 'a'])
  assert.deepEqual(seen.sent, ['a'])
})

test('after some tries it says so and stays, and can be sent by hand', async () => {
  const { outbox, seen } = outboxWith([...Array(TRIES).fill(answer(503, 'unavailable')), answer(202)])
  await outbox.add(item())
  assert.equal(seen.posted.length, TRIES)
  assert.deepEqual(seen.changes.at(-1), ['a', 'failed'])
  assert.equal(seen.stored[0].said, 'words for unavailable')
  await outbox.retry('a')
  assert.deepEqual(seen.sent, ['a'])
})

test('what only the line had held up goes out when the line is back', async () => {
  const { outbox, seen } = outboxWith([...Array(TRIES).fill(answer(0)), answer(202)])
  await outbox.add(item())
  assert.equal(outbox.items[0].state, 'failed')
  await outbox.nudge()
  assert.deepEqual(seen.sent, ['a'])
})

test('what the server refused is not sent again by itself', async () => {
  const { outbox, seen } = outboxWith([answer(403, 'blocked')])
  await outbox.add(item())
  await outbox.nudge()
  assert.equal(seen.posted.length, 1)
})

test('what waits for a yes to the privacy note is sent with the yes, not before', async () => {
  const { outbox, seen } = outboxWith([answer(403, 'consent_needed'), answer(202)])
  await outbox.add(item())
  assert.deepEqual([outbox.items[0].state, outbox.items[0].needs_yes], ['failed', true])
  await outbox.nudge()
  assert.equal(seen.posted.length, 1)
  await outbox.nudge(true)
  assert.deepEqual(seen.sent, ['a'])
})

test('messages go in order, one at a time, and a refused one does not hold up the next', async () => {
  let running = 0
  const one = status => async () => {
    running += 1
    assert.equal(running, 1)
    await settle(2)
    running -= 1
    return answer(status, status === 202 ? null : 'blocked')
  }
  const { outbox, seen } = outboxWith([one(202), one(403), one(202)])
  await Promise.all([outbox.add(item('a')), outbox.add(item('b')), outbox.add(item('c'))])
  await settle()
  assert.deepEqual(seen.posted.map(each => each.client_id), ['a', 'b', 'c'])
  assert.deepEqual(seen.sent, ['a', 'c'])
})

test('a nudge ends the wait', async () => {
  const { sleep, held } = heldSleep()
  const { outbox, seen } = outboxWith([answer(0), answer(202)], { sleep })
  outbox.add(item())
  await settle()
  assert.equal(held.length, 1)
  outbox.nudge()
  await settle()
  assert.deepEqual(seen.sent, ['a'])
})

test('a conversation that is gone: the same words go into a new one, once', async () => {
  const { outbox, seen } = outboxWith([answer(404, 'not_found'), answer(202)])
  await outbox.add(item())
  assert.deepEqual([seen.gone, seen.sent], [1, ['a']])
  const again = outboxWith([answer(404), answer(404)])
  await again.outbox.add(item())
  assert.deepEqual([again.seen.gone, again.seen.changes.at(-1)], [1, ['a', 'failed']])
})

test('a conversation that expired during an outage is noticed after it', async () => {
  const { outbox, seen } = outboxWith([answer(0), answer(0), answer(404), answer(202)])
  await outbox.add(item())
  assert.deepEqual([seen.gone, seen.sent], [1, ['a']])
})

test('another id where the old one may not be used again', async () => {
  const { outbox, seen } = outboxWith([answer(409, 'client_id_reused'), answer(202)])
  await outbox.add(item())
  assert.equal(outbox.items[0].needs_new_id, true)
  await outbox.retry('a', 'b')
  assert.deepEqual(seen.sent, ['b'])
})

test('a reload finds what was not sent, and what had failed waits for the patient', async () => {
  const stored = [{ ...item('a'), state: 'waiting', tries: 4 }, { ...item('b'), state: 'failed', said: 'words' }]
  const { outbox, seen } = outboxWith([answer(202)], { stored })
  await outbox.run()
  assert.deepEqual(seen.sent, ['a'])
  assert.deepEqual(outbox.items.map(each => [each.client_id, each.state]), [['b', 'failed']])
})

test('an answer that comes after its message was taken back changes nothing', async () => {
  const { outbox, seen } = outboxWith([async () => {
    outbox.remove('a')
    return answer(202)
  }])
  await outbox.add(item())
  assert.deepEqual([seen.sent, outbox.items], [[], []])
})

test('every answer is seen, whatever its status: a danger card may be in it', async () => {
  const { outbox, seen } = outboxWith([answer(503, 'unavailable'), answer(429, 'too_many_messages'), answer(202)])
  await outbox.add(item())
  assert.deepEqual(seen.answers, [503, 429, 202])
})
