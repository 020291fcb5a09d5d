import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Host, Tabs } from '../../widget/panel/windows.js'
import { FakeLocks, fakeChannels, fakeSleep, settle } from './fakes.mjs'

function browser () {
  const locks = new FakeLocks()
  const channels = fakeChannels()
  return (parts = {}) => {
    const tab = { heard: [], leads: 0, follows: 0 }
    class Channel extends channels {
      constructor (name) {
        super(name)
        tab.channel = this
      }
    }
    const slow = async () => { await settle(5) }
    tab.tabs = new Tabs({
      name: 'chat', locks, Channel, sleep: slow,
      onLead: () => { tab.leads += 1 }, onFollow: () => { tab.follows += 1 },
      onMessage: message => tab.heard.push(message), ...parts
    })
    return tab
  }
}

test('one of eight tabs leads', async () => {
  const open = browser()
  const all = Array.from({ length: 8 }, () => open())
  for (const tab of all) tab.tabs.join()
  await settle(40)
  assert.equal(all.filter(tab => tab.tabs.isLeader).length, 1)
})

test('when the leader goes, another takes over, and so on to the last', async () => {
  const open = browser()
  const all = Array.from({ length: 4 }, () => open())
  for (const tab of all) tab.tabs.join()
  for (let left = 4; left > 0; left -= 1) {
    await settle(40)
    const leaders = all.filter(tab => tab.tabs.isLeader)
    assert.equal(leaders.length, 1, `${left} tabs`)
    leaders[0].tabs.leave()
  }
})

test('what the leader tells is heard by the others, and by them alone', async () => {
  const open = browser()
  const [first, second] = [open(), open()]
  first.tabs.send({ type: 'row', n: 1 })
  await settle()
  assert.deepEqual([first.heard, second.heard], [[], [{ type: 'row', n: 1 }]])
})

test('a leader that is asleep is replaced, and follows when it wakes', async () => {
  const open = browser()
  const old = open()
  const next = open({ onLead: () => { old.channel.isFrozen = false } })
  old.tabs.join()
  await settle(40)
  old.channel.isFrozen = true
  next.tabs.join()
  await settle(80)
  assert.deepEqual([old.tabs.isLeader, next.tabs.isLeader], [false, true])
  assert.equal(old.follows, 2)
})

test('a leader that answers is left alone', async () => {
  const open = browser()
  const [first, second] = [open(), open()]
  first.tabs.join()
  await settle(40)
  second.tabs.join()
  await settle(80)
  await second.tabs.checkLeader()
  assert.deepEqual([first.tabs.isLeader, second.tabs.isLeader], [true, false])
})

test('a tab that has left leads no more', async () => {
  const open = browser()
  const [first, second] = [open(), open()]
  first.tabs.join()
  await settle(40)
  second.tabs.join()
  second.tabs.leave()
  first.tabs.leave()
  await settle(80)
  assert.deepEqual([first.tabs.isLeader, second.tabs.isLeader], [false, false])
})

test('without locks every tab leads itself', () => {
  const open = browser()
  const tab = open({ locks: undefined })
  tab.tabs.join()
  assert.deepEqual([tab.tabs.isLeader, tab.leads], [true, 1])
})

function page ({ host = 'https://clinic.example' } = {}) {
  const window = new EventTarget()
  const posted = []
  window.parent = { postMessage: (...sent) => posted.push(sent) }
  window.location = { search: `?lang=en&host=${encodeURIComponent(host)}` }
  const opened = []
  const panel = new Host({ window, onOpen: (...facts) => opened.push(facts), onClose: () => opened.push('closed') })
  const say = (data, { origin = host, source = window.parent } = {}) => {
    window.dispatchEvent(Object.assign(new Event('message'), { data, origin, source }))
  }
  return { panel, posted, opened, say, window }
}

test('the frame tells the clinic\'s page alone, by its exact origin', () => {
  const { panel, posted } = page()
  panel.hello()
  panel.unread(2)
  assert.deepEqual(posted, [
    [{ frontDesk: 1, type: 'hello' }, 'https://clinic.example'],
    [{ frontDesk: 1, type: 'unread', count: 2 }, 'https://clinic.example']
  ])
})

test('the frame hears its own page, and nobody else', () => {
  const { opened, say } = page()
  const open = { frontDesk: 1, type: 'open', context: { page_url: '/a', desk: 7, more: 1 }, question: 'b' }
  say(open, { origin: 'https://other.example' })
  say(open, { source: {} })
  say({ type: 'open' })
  say('open')
  say(null)
  assert.deepEqual(opened, [])
  say(open)
  say({ frontDesk: 1, type: 'close' })
  assert.deepEqual(opened, [[{ page_url: '/a', desk: '7' }, 'b'], 'closed'])
})

test('a page of its own has nobody to tell', () => {
  const window = new EventTarget()
  window.parent = window
  window.location = { search: '' }
  window.postMessage = () => assert.fail('told somebody')
  const panel = new Host({ window })
  panel.hello()
  assert.equal(panel.isFramed, false)
})
