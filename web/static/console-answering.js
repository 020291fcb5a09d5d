// What helps an agent answer: passages, replies, notes. Each piece works as a plain form as well.

import {Picker} from './picker.js';

/** `/` in the composer opens the replies, filled in for this conversation. */
export function repliesPicker($text, onPick) {
  const options = async () => {
    const response = await fetch($text.dataset.replies, {headers: {'Accept': 'application/json'}});
    if (!response.ok) throw new Error(String(response.status));
    return (await response.json()).replies.map(({key, text}) => ({key, text, words: text}));
  };
  return new Picker($text, {mark: '/', label: 'Replies', options, onPick});
}

/** Passages for what the patient wrote last, or for the agent's own words. */
export class Suggestions {
  constructor(app, $place) {
    if (!$place) throw new Error('console: no place for suggestions');
    this.app = app;
    this.$place = $place;
    this.asked = 0; // numbers the requests: a late answer is dropped
    $place.addEventListener('submit', (event) => this.onSubmit(event));
  }

  /** The patient wrote: look again, unless the agent is at work here. */
  onPatient() {
    const isSearching = this.$place.querySelector('[name=q]')?.value.trim();
    if (!isSearching && !this.$place.contains(document.activeElement)) this.refresh();
  }

  async refresh(words = '') {
    const number = ++this.asked;
    const url = new URL(this.$place.dataset.url, location.href);
    if (words) url.searchParams.set('q', words);
    try {
      const response = await fetch(url, {headers: {'Accept': 'application/json'}});
      if (response.status === 401) { this.app.signedOut(); return; }
      if (!response.ok || number !== this.asked) return;
      const {html} = await response.json();
      const hadFocus = this.$place.contains(document.activeElement);
      const wereOpen = this.openGuides();
      this.$place.innerHTML = html; // our own server's, escaped there
      for (const $guide of this.guides()) $guide.open = wereOpen.has($guide.dataset.guide);
      if (hadFocus) this.$place.querySelector('[name=q]')?.focus();
    } catch {
      this.say('Not found now. Check the connection and try again.', true);
    }
  }

  guides() {
    return [...this.$place.querySelectorAll('[data-guide]')];
  }

  openGuides() {
    return new Set(this.guides().filter(($guide) => $guide.open).map(($guide) => $guide.dataset.guide));
  }

  onSubmit(event) {
    const $form = event.target;
    event.preventDefault();
    if ($form.matches('[data-suggest-search]')) this.refresh($form.elements.q.value.trim());
    else if (event.submitter?.hasAttribute('data-unhelpful')) this.callUnhelpful($form, event.submitter);
    else this.send($form);
  }

  /** The same `client_id` twice is one message: a double press sends once. */
  async send($form) {
    const fields = Object.fromEntries(['client_id', 'article', 'anchor', 'heading']
      .map((name) => [name, $form.elements[name].value]));
    if (await this.post($form.action, fields)) this.say('Sent to the patient.');
  }

  async callUnhelpful($form, $button) {
    const {n, words, article} = $form.elements;
    const fields = {n: n.value, words: words.value, article: article.value};
    if (!await this.post($button.formAction, fields)) return;
    const $item = $form.closest('[data-suggestion]');
    const $next = $item.nextElementSibling ?? $item.previousElementSibling;
    $item.remove();
    ($next?.querySelector('[data-unhelpful]') ?? this.$place.querySelector('[name=q]')).focus();
    this.say('Kept for the editors.');
  }

  async post(url, fields) {
    try {
      const response = await this.app.post(url, fields);
      if (response.status === 401) { this.app.signedOut(); return false; }
      if (!response.ok) this.say((await response.json()).error.message, true);
      return response.ok;
    } catch {
      this.say('That did not get through. Try again.', true);
      return false;
    }
  }

  say(text, isWrong = false) {
    const $status = this.$place.querySelector('[data-suggest-status]');
    if (!$status) return;
    $status.textContent = text;
    $status.classList.toggle('fd-help__status--wrong', isWrong);
  }
}

/** Notes among staff: what is typed stays in this tab until it is kept. */
export class Notes {
  constructor(app, $place, conversationId) {
    this.app = app;
    this.$list = $place.querySelector('[data-notes-list]');
    this.$form = $place.querySelector('form');
    this.$text = this.$form.elements.text;
    this.$status = $place.querySelector('[data-note-status]');
    this.draftKey = `front-desk-draft-note-${conversationId}`;
    this.$text.value ||= sessionStorage.getItem(this.draftKey) ?? '';
    this.$text.addEventListener('input', () => this.keep());
    this.$form.addEventListener('submit', (event) => { event.preventDefault(); this.send(); });
    this.$text.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.preventDefault(); this.send(); }
    });
    new Picker(this.$text, {
      mark: '@', label: 'Colleagues', options: () => this.colleagues(), onPick: () => this.keep(),
    });
  }

  async colleagues() {
    const response = await fetch(this.$text.dataset.colleagues, {headers: {'Accept': 'application/json'}});
    if (!response.ok) throw new Error(String(response.status));
    return (await response.json()).colleagues.map((name) => ({key: name, text: '', words: `@${name} `}));
  }

  show(html) {
    if (this.html === html) return;
    this.html = html;
    this.$list.innerHTML = html; // our own server's, escaped there
  }

  keep() {
    if (this.$text.value) sessionStorage.setItem(this.draftKey, this.$text.value);
    else sessionStorage.removeItem(this.draftKey);
  }

  async send() {
    const text = this.$text.value.trim();
    if (!text || this.isSending) return;
    this.isSending = true;
    try {
      const response = await this.app.post(this.$form.action, {text});
      if (response.status === 401) { this.app.signedOut(); return; }
      if (!response.ok) { this.$status.textContent = (await response.json()).error.message; return; }
      this.$text.value = '';
      this.keep();
      this.$status.textContent = 'Note added.';
    } catch {
      this.$status.textContent = 'Not added. Try again.';
    } finally {
      this.isSending = false;
    }
  }
}
