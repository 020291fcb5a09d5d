// The console, live. Without this script every page still works by reloading it.
//
// The server renders; this inserts what it sent. One stream per browser (console-wire.js) brings the
// inbox, the open conversation's rows and its state. The server's beats are answered with a ping: a browser slows
// down the timers of a tab in the background, but not what the network brings.

import {forgetOthers} from './drafts.js';
import {Keys} from './keys.js';
import {Notes, Suggestions, repliesPicker} from './console-answering.js';
import {newClientId, newsOf, newsText, sends, sinceText, titleText, waitLevel} from './console-logic.js';
import {Wire} from './console-wire.js';

const TYPING_EVERY_MS = 3000;
const SINCE_EVERY_MS = 10000;
const ANNOUNCE_AFTER_MS = 400;
const HEARD = 'front-desk-heard';
const SIGN_OFF_WARNING_S = 90;

function insertHtml($place, html) {
  const template = document.createElement('template');
  template.innerHTML = html; // our own server's, escaped there
  $place.replaceChildren(template.content);
}

class Console {
  constructor($root) {
    if ($root.dataset.started) throw new Error('console: started twice');
    $root.dataset.started = 'yes';
    this.$root = $root;
    this.$inbox = $root.querySelector('[data-inbox]');
    this.$announce = $root.querySelector('[data-announce]');
    this.$problem = $root.querySelector('[data-problem]');
    this.title = document.title;
    // What was heard on the page before: going from page to page does not ring again.
    this.inbox = JSON.parse(sessionStorage.getItem(HEARD) ?? 'null');
    this.isActive = true;
    forgetOthers($root.dataset.staff);
    new Keys();
    this.alerts = new Alerts();
    const $talk = $root.querySelector('[data-talk]');
    this.talk = $talk ? new Talk(this, $talk) : null;
    this.startNarrowing();
    this.watchActivity();
    this.showSince();
    setInterval(() => this.showSince(), SINCE_EVERY_MS);
    this.connect();
  }

  connect() {
    const url = new URL(this.$root.dataset.stream, location.href);
    this.wire = new Wire(url, () => this.talk?.lastN() ?? 0, {
      open: () => { this.problem(''); this.ping(); },
      beat: () => this.ping(),
      lost: () => this.problem('The connection is lost. Trying again …'),
      inbox: (inbox) => this.onInbox(inbox),
      message: (row) => this.talk?.onMessage(row),
      state: (state) => this.talk?.onState(state),
      gone: () => this.problem('The patient had this conversation deleted.'),
    }, () => this.ping());
  }

  /** Tell the server that this console is really there. Returns whether it listened. */
  async ping() {
    const active = this.isActive;
    this.isActive = false;
    const reading = document.hidden ? undefined : this.talk?.id;
    try {
      const response = await this.post(this.$root.dataset.ping, {active, reading});
      if (response.status === 401) return this.signedOut();
      if (!response.ok) throw new Error(String(response.status));
      this.onIdle((await response.json()).idle_left_s);
      return true;
    } catch {
      this.isActive = this.isActive || active;
      return false;
    }
  }

  onIdle(leftS) {
    if (leftS > SIGN_OFF_WARNING_S) {
      if (this.isWarned) this.problem('');
      this.isWarned = false;
      return;
    }
    this.isWarned = true;
    this.problem('You will be signed out in about a minute. Move the mouse or press a key to stay.');
  }

  signedOut() {
    this.wire?.close();
    // What patients wrote does not stay on a screen that nobody sits at; the draft is kept aside.
    location.assign(this.$root.dataset.signIn);
    return false;
  }

  problem(text, ...$more) {
    this.$problem.hidden = !text;
    this.$problem.replaceChildren(text, ...$more);
    if (text) this.announce(text);
  }

  post(url, body) {
    return fetch(url, {
      method: 'POST',
      headers: {
        'Accept': 'application/json',
        'Content-Type': 'application/json',
        'X-CSRFToken': this.$root.dataset.csrf,
      },
      body: JSON.stringify(body),
    });
  }

  onInbox(inbox) {
    const focused = this.$inbox.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
    insertHtml(this.$inbox, inbox.html);
    this.showSince();
    if (focused) this.$inbox.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
    const news = newsOf(this.inbox, inbox, this.talk?.id ?? null);
    const {waiting_ids, urgent_ids, offered_ids, transfer_ids, mention_ids, alarms, spoke} = inbox;
    this.inbox = {waiting_ids, urgent_ids, offered_ids, transfer_ids, mention_ids, alarms, spoke};
    sessionStorage.setItem(HEARD, JSON.stringify(this.inbox));
    document.title = titleText(this.title, inbox.waiting);
    const text = newsText(news);
    if (text) {
      this.announce(text);
      this.alerts.ring(text, news.urgent.length > 0);
    }
  }

  /** A changed desk or language shows at once; without script there is a button. */
  startNarrowing() {
    const $form = this.$root.querySelector('[data-narrow]');
    if (!$form) return;
    $form.querySelector('button').hidden = true;
    $form.addEventListener('change', () => $form.requestSubmit());
  }

  announce(text) {
    setTimeout(() => { this.$announce.textContent = text; }, ANNOUNCE_AFTER_MS);
  }

  showSince() {
    for (const $time of document.querySelectorAll('[data-since]')) {
      const moment = Date.parse($time.dateTime);
      const level = waitLevel(moment, Date.now(), Number($time.dataset.warnS), Number($time.dataset.lateS));
      $time.textContent = sinceText(moment, Date.now()) + (level === 'late' ? ', late' : '');
      for (const each of ['warn', 'late']) $time.classList.toggle(`fd-since--${each}`, each === level);
    }
  }

  watchActivity() {
    const note = () => { this.isActive = true; if (this.isWarned) this.ping(); };
    for (const type of ['keydown', 'pointerdown', 'pointermove', 'wheel']) {
      addEventListener(type, note, {passive: true});
    }
  }
}

/** Sound and notice when somebody waits; only after the agent allowed it. */
export class Alerts {
  constructor() {
    this.$button = document.querySelector('[data-sound]');
    if (!this.$button || !window.AudioContext) return;
    this.$button.hidden = false;
    for (const $hint of document.querySelectorAll('[data-sound-hint]')) $hint.hidden = false;
    this.isOn = localStorage.getItem('front-desk-sound') === 'on';
    this.show();
    this.$button.addEventListener('click', () => this.toggle());
    // Browsers let a page sound only after a gesture on it: the first one wakes what was allowed before.
    addEventListener('pointerdown', () => this.wake(), {once: true});
    addEventListener('keydown', () => this.wake(), {once: true});
  }

  toggle() {
    this.isOn = !this.isOn;
    localStorage.setItem('front-desk-sound', this.isOn ? 'on' : 'off');
    this.show();
    if (!this.isOn) return;
    this.wake();
    this.tone(false);
    if (window.Notification?.permission === 'default') Notification.requestPermission();
  }

  show() {
    this.$button.setAttribute('aria-pressed', String(this.isOn));
    this.$button.textContent = this.isOn ? 'Sound is on' : 'Turn on sound';
  }

  wake() {
    if (!this.isOn) return;
    this.audio ??= new AudioContext();
    if (this.audio.state === 'suspended') this.audio.resume();
  }

  ring(text, isUrgent) {
    if (!this.isOn) return;
    this.wake();
    this.tone(isUrgent);
    if (document.hidden && window.Notification?.permission === 'granted') {
      new Notification(text, {tag: 'front-desk'}); // never a patient's words on a lock screen
    }
  }

  /** Two soft notes, four when urgent. */
  tone(isUrgent) {
    if (!this.audio) return;
    const notes = isUrgent ? [660, 880, 660, 880] : [523.25, 659.25];
    notes.forEach((frequency, place) => {
      const start = this.audio.currentTime + place * 0.18;
      const note = this.audio.createOscillator();
      const volume = this.audio.createGain();
      note.frequency.value = frequency;
      volume.gain.setValueAtTime(0, start);
      volume.gain.linearRampToValueAtTime(0.15, start + 0.03);
      volume.gain.exponentialRampToValueAtTime(0.001, start + 0.4);
      note.connect(volume).connect(this.audio.destination);
      note.start(start);
      note.stop(start + 0.45);
    });
  }
}

/** The open conversation: its log, what can be done, and the composer. */
class Talk {
  constructor(app, $talk) {
    this.app = app;
    this.id = $talk.dataset.conversation;
    this.$talk = $talk;
    this.$log = $talk.querySelector('[data-log]');
    this.$typing = $talk.querySelector('[data-patient-typing]');
    this.$actions = $talk.querySelector('[data-actions]');
    this.$card = document.querySelector('[data-card]');
    this.$beside = $talk.querySelector('[data-beside]');
    this.suggestions = new Suggestions(app, document.querySelector('[data-suggestions]'));
    this.notes = new Notes(app, document.querySelector('[data-notes]'), this.id);
    this.scrollToEnd();
    this.startActions();
  }

  lastN() {
    const numbers = [...this.$log.querySelectorAll('[data-n]')].map(($row) => Number($row.dataset.n));
    return Math.max(0, ...numbers);
  }

  onMessage(row) {
    if (row.n <= this.lastN()) return;
    const isAtEnd = this.isAtEnd();
    this.$log.insertAdjacentHTML('beforeend', row.html); // rendered and escaped by our server
    if (isAtEnd || row.author === 'agent') this.scrollToEnd();
    if (row.author !== 'patient') return;
    this.suggestions.onPatient();
    if (document.hidden) this.app.alerts.ring('A patient wrote.', false);
    else this.app.ping(); // it is read
  }

  onState(state) {
    const isAtEnd = this.isAtEnd();
    this.$typing.hidden = !state.typing;
    if (this.$actions.dataset.key !== state.key) {
      const hadFocus = this.$actions.contains(document.activeElement);
      this.$actions.dataset.key = state.key;
      insertHtml(this.$actions, state.actions);
      this.suggestions.refresh();
      this.startActions();
      if (hadFocus) this.$actions.querySelector('textarea, button')?.focus();
    }
    if (!this.$card.contains(document.activeElement)) insertHtml(this.$card, state.card);
    this.notes.show(state.notes);
    if (this.$beside.textContent !== state.beside) this.$beside.textContent = state.beside;
    this.app.showSince();
    if (isAtEnd) this.scrollToEnd(); // what appeared below took room from the log
  }

  startActions() {
    for (const $form of this.$actions.querySelectorAll('[data-act]')) {
      $form.addEventListener('submit', (event) => {
        event.preventDefault();
        const $button = event.submitter;
        const body = Object.fromEntries(new FormData($form, $button));
        this.act($button.hasAttribute('formaction') ? $button.formAction : $form.action, $button, body);
      });
    }
    const $composer = this.$actions.querySelector('[data-composer]');
    this.composer = $composer ? new Composer(this.app, this, $composer) : null;
  }

  /** Claim, resolve, give back, done: the stream brings what follows. */
  async act(url, $button, body = {}) {
    // Not disabled: that would take the focus away, and the keyboard's place with it.
    if (this.isActing) return;
    this.isActing = true;
    $button.setAttribute('aria-busy', 'true');
    try {
      const response = await this.app.post(url, body);
      if (response.status === 401) { this.app.signedOut(); return; }
      const answer = await response.json();
      this.app.problem(response.ok ? '' : answer.error.message);
    } catch {
      this.app.problem('That did not get through. Try again.');
    } finally {
      this.isActing = false;
      $button.removeAttribute('aria-busy');
    }
  }

  isAtEnd() {
    return this.$log.scrollHeight - this.$log.scrollTop - this.$log.clientHeight < 80;
  }

  scrollToEnd() {
    this.$log.scrollTop = this.$log.scrollHeight;
  }
}

/** Keeps what is typed until the server has it; the same `client_id` makes sending again safe. */
class Composer {
  constructor(app, talk, $form) {
    this.app = app;
    this.talk = talk;
    this.$form = $form;
    this.$text = $form.elements.text;
    this.$status = $form.querySelector('[data-composer-status]');
    repliesPicker(this.$text, () => this.onInput());
    this.draftKey = `front-desk-draft-${talk.id}`;
    this.lastTyping = 0;
    this.restore();
    $form.addEventListener('submit', (event) => {
      event.preventDefault();
      const $button = event.submitter;
      if ($button?.hasAttribute('formaction')) this.talk.act($button.formAction, $button);
      else this.send();
    });
    this.$text.addEventListener('keydown', (event) => {
      if (sends(event)) { event.preventDefault(); this.send(); }
    });
    this.$text.addEventListener('input', () => this.onInput());
  }

  /** The draft of this tab: it outlives a reload and a sign-in, not the tab. */
  restore() {
    const draft = JSON.parse(sessionStorage.getItem(this.draftKey) ?? 'null');
    this.clientId = draft?.clientId ?? newClientId();
    if (draft) this.$text.value = draft.text;
  }

  onInput() {
    this.keep();
    this.say('');
    if (!this.$text.value.trim() || Date.now() - this.lastTyping < TYPING_EVERY_MS) return;
    this.lastTyping = Date.now();
    this.app.post(this.talk.$talk.dataset.typing, {}).catch(() => {});
  }

  keep() {
    const draft = {text: this.$text.value, clientId: this.clientId};
    if (draft.text) sessionStorage.setItem(this.draftKey, JSON.stringify(draft));
    else sessionStorage.removeItem(this.draftKey);
  }

  async send() {
    const text = this.$text.value.trim();
    if (!text || this.isSending) return;
    this.isSending = true;
    this.$text.readOnly = true;
    this.say('Sending …');
    try {
      const response = await this.app.post(this.$form.action, {text, client_id: this.clientId});
      if (response.status === 401) { this.app.signedOut(); this.say('Not sent.', true); return; }
      const body = await response.json();
      if (response.ok) this.sent(); else this.say(body.error.message, true);
    } catch {
      this.say('Not sent. Check the connection and press Send again.', true);
    } finally {
      this.isSending = false;
      this.$text.readOnly = false;
    }
  }

  sent() {
    this.$text.value = '';
    this.clientId = newClientId();
    this.lastTyping = 0;
    this.keep();
    this.say('Sent');
  }

  say(text, isWrong = false) {
    this.$status.textContent = text;
    this.$status.classList.toggle('fd-composer__status--wrong', isWrong);
  }
}

const $root = document.querySelector('[data-console]');
if ($root) new Console($root);
