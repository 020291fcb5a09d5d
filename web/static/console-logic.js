// What the console decides, without a page: tested by node.

/**
 * Say how long ago a moment was, as the server does: "just now", "4 min", "2 h 5 min", "3 d".
 * @param {number} sinceMs  @param {number} nowMs
 */
export function sinceText(sinceMs, nowMs) {
  const minutes = Math.floor((nowMs - sinceMs) / 60000);
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1440)} d`;
}

/** How a waiting time stands out: '' at first, then 'warn', then 'late'; the clinic sets from when on. */
export function waitLevel(sinceMs, nowMs, warnS, lateS) {
  const seconds = (nowMs - sinceMs) / 1000;
  if (lateS && seconds >= lateS) return 'late';
  return warnS && seconds >= warnS ? 'warn' : '';
}

/** The tab's title: how many wait comes first. */
export function titleText(title, waiting) {
  return waiting > 0 ? `(${waiting}) ${title}` : title;
}

/**
 * Compare two states of the inbox: what deserves a sound?
 * @typedef {{waiting_ids: number[], urgent_ids: number[], offered_ids: number[],
 *   transfer_ids: number[], mention_ids: string[],
 *   alarms: Object<string, number>, spoke: Object<string, number>}} Inbox  alarms: how often a danger was told again
 * @param {?Inbox} before  null on the first look: then what waits already is news, what was said is not
 * @param {Inbox} after
 * @param {?string} openConversation  the one on this page: its lines are in sight
 */
export function newsOf(before, after, openConversation) {
  const known = new Set(before ? before.waiting_ids : []);
  const urgentBefore = new Set(before ? before.urgent_ids : []);
  const arrived = after.waiting_ids.filter((id) => !known.has(id));
  const alarmed = (id) => (after.alarms?.[id] ?? 0) > (before?.alarms?.[id] ?? 0);
  const urgent = after.urgent_ids.filter((id) => !urgentBefore.has(id) || alarmed(id));
  const fresh = (name) => (after[name] ?? []).filter((id) => !before?.[name]?.includes(id));
  const offered = fresh('offered_ids');
  const asked = fresh('transfer_ids');
  const mentioned = fresh('mention_ids');
  const spoke = before
    ? Object.keys(after.spoke).filter(
        (id) => id !== openConversation && after.spoke[id] > (before.spoke[id] || 0))
    : [];
  return {arrived, urgent, offered, asked, mentioned, spoke};
}

/** What to tell a screen reader about the news; empty for nothing. */
export function newsText({arrived, urgent, offered = [], asked = [], mentioned = [], spoke}) {
  if (urgent.length) return 'Urgent: a patient waits.';
  if (offered.length) return 'A patient waits and is offered to you.';
  if (asked.length) return 'A colleague asks you to take over a conversation.';
  if (arrived.length) return arrived.length === 1 ? 'A patient waits.' : `${arrived.length} patients wait.`;
  if (mentioned.length) return 'A colleague mentioned you in a note.';
  if (spoke.length) return 'A patient wrote in another conversation.';
  return '';
}

/** Does this key press send? Enter does; not with Shift, and not while an input method composes. */
export function sends(event) {
  return event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.keyCode !== 229;
}

/** A key that makes sending again safe. */
export function newClientId(randomBytes = (n) => crypto.getRandomValues(new Uint8Array(n))) {
  return [...randomBytes(16)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * The word that opens a list while typing: "/no-ad" or "@An", right before the caret.
 * @param {string} mark  "/" or "@"
 * @returns {?{start: number, query: string}}  start: where the mark stands
 */
export function tokenAt(text, caret, mark) {
  const before = text.slice(0, caret);
  const start = before.lastIndexOf(mark);
  if (start < 0 || (start > 0 && !/\s/.test(before[start - 1]))) return null;
  const query = before.slice(start + 1);
  return /^[\p{L}\p{N}.'-]{0,40}$/u.test(query) ? {start, query} : null;
}

const folded = (text) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();

/** The options of a list that fit what was typed: by name first, then by their words. */
export function fitting(options, query) {
  const wanted = folded(query);
  const rank = ({key, text = ''}) => (folded(key).startsWith(wanted) ? 0
    : folded(key).includes(wanted) ? 1 : folded(text).includes(wanted) ? 2 : 3);
  return options.map((option) => [rank(option), option]).filter(([place]) => place < 3)
    .sort(([one], [other]) => one - other).map(([, option]) => option);
}

/** Put words in place of the token. Returns the text, and what to select: the first open variable, else the end. */
export function inserted(text, start, caret, words) {
  const whole = text.slice(0, start) + words + text.slice(caret);
  const open = words.search(/\{\{[^{}]+\}\}/);
  if (open < 0) return {text: whole, from: start + words.length, to: start + words.length};
  return {text: whole, from: start + open, to: start + words.indexOf('}}', open) + 2};
}

const KEYS = {'?': 'help', w: 'write', s: 'search', n: 'note', g: 'guide', i: 'inbox'};

/**
 * What a key does: 'help', 'write', 'search', 'note', 'guide', 'inbox', 'leave' a text box, or ''.
 * @param {boolean} isOn  single keys can be switched off: speech input types them by accident
 */
export function keyAct(event, isTyping, isOn) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return '';
  if (isTyping) return event.key === 'Escape' ? 'leave' : '';
  return isOn ? KEYS[event.key] ?? '' : '';
}
