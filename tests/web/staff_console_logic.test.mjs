// What the console's script decides, without a page.

import assert from 'node:assert/strict';
import test from 'node:test';

import {
  fitting, inserted, keyAct, newClientId, newsOf, newsText, sends, sinceText, titleText, tokenAt, waitLevel,
} from '../../web/static/console-logic.js';
import {forgetOthers} from '../../web/static/drafts.js';

const MINUTE = 60000;
const inbox = (waiting_ids = [], urgent_ids = [], spoke = {}) => ({waiting_ids, urgent_ids, spoke});

test('it says how long ago', () => {
  const texts = [0, 59999, MINUTE, 59 * MINUTE, 60 * MINUTE, 125 * MINUTE, 1440 * MINUTE]
    .map((ago) => sinceText(1e12 - ago, 1e12));
  assert.deepEqual(texts, ['just now', 'just now', '1 min', '59 min', '1 h 0 min', '2 h 5 min', '1 d']);
});

test('a wait stands out from when the clinic says, and not at all without limits', () => {
  const levels = [0, 59, 60, 179, 180].map((s) => waitLevel(1e12 - s * 1000, 1e12, 60, 180));
  assert.deepEqual(levels, ['', '', 'warn', 'warn', 'late']);
  assert.equal(waitLevel(0, 1e12, NaN, NaN), '');
});

test('a clock that runs behind the server shows no negative time', () => {
  assert.equal(sinceText(1e12 + 5000, 1e12), 'just now');
});

test('the title counts who waits', () => {
  assert.equal(titleText('Inbox – Clinic', 2), '(2) Inbox – Clinic');
  assert.equal(titleText('Inbox – Clinic', 0), 'Inbox – Clinic');
});

test('who waits at the first look is news, what was said before is not', () => {
  assert.deepEqual(newsOf(null, inbox([4], [], {a: 7}), null), {arrived: [4], urgent: [], offered: [], asked: [], mentioned: [], spoke: []});
});

test('only what is new makes a sound', () => {
  const before = inbox([1, 2], [2], {a: 3});
  assert.deepEqual(newsOf(before, before, null), {arrived: [], urgent: [], offered: [], asked: [], mentioned: [], spoke: []});
  assert.deepEqual(newsOf(before, inbox([2, 3], [2], {a: 3}), null).arrived, [3]);
  assert.deepEqual(newsOf(before, inbox([1, 2], [1, 2], {a: 3}), null).urgent, [1]);
  assert.deepEqual(newsOf(before, inbox([], [], {a: 5}), null).spoke, ['a']);
  assert.deepEqual(newsOf(before, inbox([], [], {b: 1}), null).spoke, ['b']);
});

test('a danger nobody opened is news again, and so is an offer', () => {
  const before = {...inbox([1], [1]), alarms: {}, offered_ids: []};
  assert.deepEqual(newsOf(before, {...before, alarms: {1: 1}}, null).urgent, [1]);
  assert.deepEqual(newsOf({...before, alarms: {1: 1}}, {...before, alarms: {1: 1}}, null).urgent, []);
  const offered = newsOf(before, {...before, offered_ids: [1]}, null);
  assert.deepEqual(offered.offered, [1]);
  assert.equal(newsText(offered), 'A patient waits and is offered to you.');
});

test('a line in the conversation one is reading makes no sound', () => {
  assert.deepEqual(newsOf(inbox(), inbox([], [], {a: 1}), 'a').spoke, []);
});

test('one who comes back into the queue is news again', () => {
  assert.deepEqual(newsOf(inbox([]), inbox([1]), null).arrived, [1]);
});

test('the most urgent news is told', () => {
  assert.equal(newsText({arrived: [1], urgent: [1], spoke: ['a']}), 'Urgent: a patient waits.');
  assert.equal(newsText({arrived: [1], urgent: [], spoke: ['a']}), 'A patient waits.');
  assert.equal(newsText({arrived: [1, 2], urgent: [], spoke: []}), '2 patients wait.');
  assert.equal(newsText({arrived: [], urgent: [], spoke: ['a']}), 'A patient wrote in another conversation.');
  assert.equal(newsText({arrived: [], urgent: [], offered: [], asked: [], mentioned: [], spoke: []}), '');
});

test('Enter sends; Shift and an input method do not', () => {
  assert.equal(sends({key: 'Enter'}), true);
  assert.equal(sends({key: 'Enter', shiftKey: true}), false);
  assert.equal(sends({key: 'Enter', isComposing: true}), false);
  assert.equal(sends({key: 'Enter', keyCode: 229}), false);
  assert.equal(sends({key: 'a'}), false);
});

test('every message has a key of its own', () => {
  const ids = new Set(Array.from({length: 100}, () => newClientId()));
  assert.equal(ids.size, 100);
  for (const id of ids) assert.match(id, /^[0-9a-f]{32}$/);
});

test('a mark opens a list at the beginning of a word, and only while the word is short and plain', () => {
  assert.deepEqual(tokenAt('/no-ad', 6, '/'), {start: 0, query: 'no-ad'});
  assert.deepEqual(tokenAt('Hi @Bea', 7, '@'), {start: 3, query: 'Bea'});
  assert.deepEqual(tokenAt('Hi /x and more', 5, '/'), {start: 3, query: 'x'});
  assert.equal(tokenAt('and/or', 6, '/'), null);
  assert.equal(tokenAt('/hours are', 10, '/'), null);
  assert.equal(tokenAt('pat@clinic.example', 18, '@'), null);
  assert.equal(tokenAt('', 0, '/'), null);
});

test('options fit by their name first, then by their words, whatever the accents', () => {
  const options = [{key: 'close', text: 'thanks, hours'}, {key: 'hours', text: ''}, {key: 'our-hours'}, {key: 'José'}];
  assert.deepEqual(fitting(options, 'hours').map(({key}) => key), ['hours', 'our-hours', 'close']);
  assert.deepEqual(fitting(options, 'jose').map(({key}) => key), ['José']);
  assert.deepEqual(fitting(options, 'zebra'), []);
  assert.equal(fitting(options, '').length, 4);
});

test('what is put in selects the first open variable, else stands before the caret', () => {
  assert.deepEqual(inserted('So: /gr now', 4, 7, 'Hello {{patient.name}}, {{x}}'),
    {text: 'So: Hello {{patient.name}}, {{x}} now', from: 10, to: 26});
  assert.deepEqual(inserted('/h', 0, 2, 'We open at 8.'), {text: 'We open at 8.', from: 13, to: 13});
});

test('a note that mentions somebody is told once', () => {
  const before = {...inbox(), mention_ids: ['a']};
  const news = newsOf(before, {...inbox(), mention_ids: ['a', 'b']}, null);
  assert.deepEqual(news.mentioned, ['b']);
  assert.equal(newsText(news), 'A colleague mentioned you in a note.');
  assert.deepEqual(newsOf(before, before, null).mentioned, []);
});

test('a key acts outside text boxes, can be switched off, and Escape leaves a text box', () => {
  const key = (name, more = {}) => ({key: name, ...more});
  assert.equal(keyAct(key('?', {shiftKey: true}), false, true), 'help');
  assert.equal(keyAct(key('w'), false, true), 'write');
  assert.equal(keyAct(key('w'), true, true), '');
  assert.equal(keyAct(key('w'), false, false), '');
  assert.equal(keyAct(key('s', {ctrlKey: true}), false, true), '');
  assert.equal(keyAct(key('x'), false, true), '');
  assert.equal(keyAct(key('Escape'), true, false), 'leave');
  assert.equal(keyAct(key('Escape'), false, true), '');
});

test('drafts stay for the one who typed them, and go when somebody else signs in', () => {
  const kept = new Map([['front-desk-draft-a', 'x'], ['front-desk-draft-note-a', 'y'], ['other', 'z']]);
  const storage = new Proxy({
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, value),
    removeItem: (key) => kept.delete(key),
  }, {ownKeys: () => [...kept.keys()], getOwnPropertyDescriptor: () => ({enumerable: true, configurable: true})});
  storage.setItem('front-desk-whose-drafts', '4');
  forgetOthers('4', storage);
  assert.equal(kept.get('front-desk-draft-a'), 'x');
  forgetOthers('5', storage);
  assert.deepEqual([...kept.keys()].sort(), ['front-desk-whose-drafts', 'other']);
});
