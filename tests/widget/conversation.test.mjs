import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Api, WATCHED_CEILING_MS, backoffMs, sleep } from '../../widget/panel/api.js'
import { Conversation, Memory, newId } from '../../widget/panel/conversation.js'
import { FakeLocks, FakeStorage } from './fakes.mjs'

function reply (status, body, headers = {}) {
  return new Response(body === undefined ? null : JSON.stringify(body), { status, headers })
}

const MADE = { id: 'c1', token: 't1' }
const conversationOf = (api, memory, locks) => new Conversation({ api, memory, locks, lockName: 'create', facts: () => ({ lang: 'en' }) })

test('a conversation is made with the first words and survives a reload', async () => {
  const storage = new FakeStorage()
  const asked = []
  const api = new Api('/api/v1', async (url, options) => {
    asked.push([options.method, url, options.headers.Authorization])
    return url.endsWith('/conversations') ? reply(201, MADE) : reply(202, { n: 1 })
  })
  const conversation = conversationOf(api, new Memory(storage, 'p:'), null)
  assert.equal(conversation.isThere, false)
  assert.equal(await conversation.ensure(), null)
  assert.equal((await api.post({ client_id: 'a', text: 'b' })).status, 202)
  assert.deepEqual(asked, [['POST', '/api/v1/conversations', undefined], ['POST', '/api/v1/conversations/c1/messages', 'Bearer t1']])
  const reloaded = new Api('/api/v1', null)
  assert.equal(conversationOf(reloaded, new Memory(storage, 'p:'), null).isThere, true)
  assert.deepEqual(reloaded.conversation, MADE)
})

test('two tabs that begin at once make one conversation', async () => {
  const [storage, locks] = [new FakeStorage(), new FakeLocks()]
  let made = 0
  const tab = () => new Api('', async () => {
    made += 1
    return reply(201, { id: `c${made}`, token: 't' })
  })
  const [first, second] = [tab(), tab()]
  await Promise.all([first, second].map(api => conversationOf(api, new Memory(storage, ''), locks).ensure()))
  assert.equal(made, 1)
  assert.deepEqual(first.conversation, second.conversation)
})

test('a site the server does not know is no conversation that is gone', async () => {
  const conversation = conversationOf(new Api('', async () => reply(404, { error: { code: 'not_found' } })), new Memory(null, ''), null)
  assert.equal((await conversation.ensure()).status, 503)
  assert.equal(conversation.isThere, false)
})

test('a tab takes up what another one began, and notices that it is gone', () => {
  const memory = new Memory(new FakeStorage(), '')
  const conversation = conversationOf(new Api('', null), memory, null)
  assert.equal(conversation.adopt(), false)
  memory.set('conversation', MADE)
  assert.equal(conversation.adopt(), true)
  memory.remove('conversation')
  assert.equal(conversation.adopt(), true)
  assert.equal(conversation.isThere, false)
})

test('where storage is blocked or full, memory serves', () => {
  const refuses = { getItem () { throw new Error('blocked') }, setItem () { throw new Error('blocked') }, removeItem () { throw new Error('blocked') } }
  for (const storage of [null, refuses]) {
    const memory = new Memory(storage, 'p:')
    assert.equal(memory.get('draft', ''), '')
    memory.set('draft', 'half a')
    assert.equal(memory.get('draft'), 'half a')
    memory.remove('draft')
    assert.equal(memory.get('draft', ''), '')
  }
})

test('what is stored and cannot be read counts as nothing', () => {
  const storage = new FakeStorage()
  storage.setItem('p:outbox', '{"cut')
  assert.deepEqual(new Memory(storage, 'p:').get('outbox', []), [])
})

test('two sites of one server share nothing', () => {
  const storage = new FakeStorage()
  new Memory(storage, 'a:').set('draft', 'mine')
  assert.equal(new Memory(storage, 'b:').get('draft'), null)
})

test('a call never throws: no line, no JSON and no body come back as an answer', async () => {
  const cases = [
    [async () => { throw new TypeError('failed to fetch') }, { status: 0, body: null, retry_after_s: 0 }],
    [async () => new Response('<h1>Bad gateway</h1>', { status: 502 }), { status: 502, body: null, retry_after_s: 0 }],
    [async () => reply(429, { error: { code: 'too_many_messages' } }, { 'Retry-After': '9' }), { status: 429, body: { error: { code: 'too_many_messages' } }, retry_after_s: 9 }],
    [async () => new Response(null, { status: 204 }), { status: 204, body: null, retry_after_s: 0 }]
  ]
  for (const [fetch, expected] of cases) assert.deepEqual(await new Api('', fetch).create({}), expected)
})

test('the stream asks for what comes after the last row, with the token in a header', async () => {
  let asked
  const api = new Api('/api/v1', async (url, options) => {
    asked = [url, options.headers]
    return new Response('data: 1\n\n')
  })
  api.conversation = MADE
  const { chunks } = await api.stream(7)
  let text = ''
  for await (const chunk of chunks) text += chunk
  assert.equal(text, 'data: 1\n\n')
  assert.deepEqual(asked, ['/api/v1/conversations/c1/stream?after=7', { Authorization: 'Bearer t1', 'Last-Event-ID': '7' }])
})

test('waits grow, have a ceiling, and are never in step', () => {
  const longest = Array.from({ length: 12 }, (_, at) => backoffMs(at + 1, WATCHED_CEILING_MS, () => 1))
  assert.deepEqual(longest.slice(0, 5), [500, 1000, 2000, 3000, 3000])
  assert.equal(Math.max(...longest), WATCHED_CEILING_MS)
  assert.equal(backoffMs(1, WATCHED_CEILING_MS, () => 0), 250)
  assert.equal(backoffMs(10 ** 6, WATCHED_CEILING_MS, () => 1), WATCHED_CEILING_MS)
})

test('sleep ends early and quietly', async () => {
  const controller = new AbortController()
  const slept = sleep(60000, controller.signal)
  controller.abort()
  await slept
  await sleep(60000, controller.signal)
})

test('no two ids are alike', () => {
  assert.equal(new Set(Array.from({ length: 1000 }, newId)).size, 1000)
})
