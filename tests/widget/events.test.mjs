import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EventParser } from '../../widget/panel/api.js'

const STREAM = ': still here\n\nevent: message\nid: 7\ndata: {"n": 7,\ndata: "html": "<p>é 😀</p>"}\n\nevent: state\ndata: {}\n\n'
const EVENTS = [{ name: 'message', data: '{"n": 7,\n"html": "<p>é 😀</p>"}' }, { name: 'state', data: '{}' }]

test('it reads events', () => assert.deepEqual(new EventParser().feed(STREAM), EVENTS))

test('the same events come out wherever the text is cut, with every kind of line end', () => {
  for (const end of ['\n', '\r\n', '\r']) {
    const text = STREAM.replaceAll('\n', end) + (end === '\r' ? ':' : '')
    for (let cut = 0; cut <= text.length; cut += 1) {
      const parser = new EventParser()
      const events = [...parser.feed(text.slice(0, cut)), ...parser.feed(text.slice(cut))]
      assert.deepEqual(events, EVENTS, `cut at ${cut}, line end ${JSON.stringify(end)}`)
    }
    const parser = new EventParser()
    assert.deepEqual([...text].flatMap(letter => parser.feed(letter)), EVENTS)
  }
})

test('a heartbeat is no event, and an event without data neither', () => {
  assert.deepEqual(new EventParser().feed(': still here\n\nevent: message\n\n'), [])
})

test('a name does not pass over to the next event', () => {
  const events = new EventParser().feed('event: state\ndata: 1\n\ndata: 2\n\n')
  assert.deepEqual(events.map(event => event.name), ['state', 'message'])
})

test('an event that is not complete yet is kept back', () => {
  const parser = new EventParser()
  assert.deepEqual(parser.feed('data: half'), [])
  assert.deepEqual(parser.feed(' a word\n'), [])
  assert.deepEqual(parser.feed('\n'), [{ name: 'message', data: 'half a word' }])
})

test('colons and spaces in the data are left alone', () => {
  const [event] = new EventParser().feed('data:  a: b:c \n\n')
  assert.equal(event.data, ' a: b:c ')
})
