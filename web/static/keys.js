// Keys for those who work without a mouse, and the dialog that shows them.

import {keyAct} from './console-logic.js';

const OFF = 'front-desk-keys';
const PLACES = {
  write: '#composer-text, [data-actions] button',
  search: '#suggest-words',
  note: '#note-text',
  guide: '.fd-guide__title, .fd-suggest__begin, [data-card]',
  inbox: '.fd-inbox .fd-boxes__link[aria-current]',
};

export class Keys {
  constructor() {
    this.$dialog = document.querySelector('[data-keys]');
    const $open = document.querySelector('[data-keys-open]');
    $open.hidden = false;
    $open.addEventListener('click', () => this.$dialog.showModal());
    this.$on = this.$dialog.querySelector('[data-keys-on]');
    this.$on.checked = localStorage.getItem(OFF) !== 'off';
    this.$on.addEventListener('change', () => localStorage.setItem(OFF, this.$on.checked ? 'on' : 'off'));
    document.addEventListener('keydown', (event) => this.onKey(event));
  }

  onKey(event) {
    if (this.$dialog.open || event.defaultPrevented) return;
    const $at = event.target;
    const isTyping = $at.matches?.('input, textarea, select, [contenteditable]') ?? false;
    const act = keyAct(event, isTyping, this.$on.checked);
    if (!act) return;
    event.preventDefault();
    if (act === 'leave') $at.blur();
    else if (act === 'help') this.$dialog.showModal();
    else this.go(act);
  }

  go(act) {
    const $place = [...document.querySelectorAll(PLACES[act])].find(($each) => $each.checkVisibility());
    if ($place) $place.focus();
    else if (act === 'inbox') document.querySelector('.fd-talk__back')?.click();
  }
}
