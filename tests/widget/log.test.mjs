import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Log } from '../../widget/panel/log.js'

const row = (n, more = {}) => ({ n, author: 'bot', kind: 'text', client_id: null, ...more })
const patient = (n, clientId) => row(n, { author: 'patient', client_id: clientId })
const danger = (n, clientId) => row(n, { kind: 'danger', client_id: clientId })

/** Every order of the numbers. */
function orders (numbers) {
  if (numbers.length < 2) return [numbers]
  return numbers.flatMap(first => orders(numbers.filter(each => each !== first)).map(rest => [first, ...rest]))
}

test('rows stand in order and once, in whatever order and however often they come', () => {
  for (const order of orders([1, 2, 3, 4, 5])) {
    const log = new Log()
    const shown = []
    for (const n of [...order, ...order]) {
      const placing = log.accept(row(n))
      if (!placing) continue
      const at = placing.before === null ? shown.length : shown.indexOf(placing.before)
      shown.splice(at, 0, n)
    }
    assert.deepEqual(shown, [1, 2, 3, 4, 5], order.join())
  }
})

test('a card that came with the response takes the place of its row', () => {
  const log = new Log()
  assert.equal(log.takeCard('a'), true)
  assert.equal(log.accept(patient(1, 'a')).cardOf, null)
  assert.equal(log.accept(danger(2, 'a')).cardOf, 'a')
})

test('a row that names no client_id is known by the message above it', () => {
  const log = new Log()
  log.takeCard('a')
  log.accept(patient(1, 'a'))
  assert.equal(log.accept(danger(2, null)).cardOf, 'a')
})

test('a card is shown once when the stream is faster than the response', () => {
  const log = new Log()
  log.accept(patient(1, 'a'))
  assert.equal(log.accept(danger(2, 'a')).cardOf, null)
  assert.equal(log.takeCard('a'), false)
})

test('a card is shown once over several tries of one message', () => {
  const log = new Log()
  assert.deepEqual([log.takeCard('a'), log.takeCard('a')], [true, false])
})

test('another danger row is never taken for one that is shown', () => {
  const log = new Log()
  log.takeCard('a')
  log.accept(danger(2, 'a'))
  assert.equal(log.accept(danger(3, 'a')).cardOf, null)
  assert.equal(log.accept(danger(5, 'b')).cardOf, null)
})

test('it knows which of the messages the server has', () => {
  const log = new Log()
  log.accept(patient(1, 'a'))
  assert.deepEqual([log.knows('a'), log.knows('b')], [true, false])
})

test('the cursor goes on over what is complete, and says where rows are missing', () => {
  const log = new Log()
  assert.equal(log.advance(0, 2), true)
  assert.equal(log.advance(4, 5), false)
  assert.equal(log.cursor, 2)
  assert.equal(log.advance(2, 5), true)
  assert.equal(log.advance(0, 1), true)
  assert.equal(log.cursor, 5)
})
