// A list that opens while somebody types a mark: `/` for replies, `@` for colleagues.
//
// The text box keeps the focus; aria-activedescendant says which option is chosen, because a
// textarea may not be a combobox.

import {fitting, inserted, tokenAt} from './console-logic.js';

const MAX_SHOWN = 12;

export class Picker {
  /**
   * @param {HTMLTextAreaElement} $text  inside an element of class fd-picker
   * @param {{mark: string, label: string, options: () => Promise<{key: string, text: string, words: string}[]>,
   *   onPick?: () => void}} how  words: what is put in
   */
  constructor($text, {mark, label, options, onPick = () => {}}) {
    Object.assign(this, {$text, mark, options, onPick});
    this.$list = document.createElement('ul');
    Object.assign(this.$list, {className: 'fd-picker__list', hidden: true, id: `${$text.id}-list`});
    this.$list.setAttribute('role', 'listbox');
    this.$list.setAttribute('aria-label', label);
    this.$list.tabIndex = 0; // a list that scrolls has to be reachable, axe says
    $text.before(this.$list);
    $text.setAttribute('aria-autocomplete', 'list');
    $text.setAttribute('aria-haspopup', 'listbox');
    $text.setAttribute('aria-controls', this.$list.id);
    $text.addEventListener('input', () => this.look());
    $text.addEventListener('blur', () => this.close());
    // Before whoever sends on Enter: capturing listeners come first.
    $text.addEventListener('keydown', (event) => this.onKey(event), {capture: true});
    this.$list.addEventListener('pointerdown', (event) => {
      event.preventDefault(); // the text box keeps the focus
      const $option = event.target.closest('[role=option]');
      if ($option) this.pick([...this.$list.children].indexOf($option));
    });
  }

  get isOpen() {
    return !this.$list.hidden;
  }

  async look() {
    const token = tokenAt(this.$text.value, this.$text.selectionStart, this.mark);
    if (!token) { this.close(); return; }
    this.known ??= await this.options().catch(() => undefined);
    const now = tokenAt(this.$text.value, this.$text.selectionStart, this.mark);
    if (!now || !this.known) { this.close(); return; }
    this.token = now;
    this.shown = fitting(this.known, now.query).slice(0, MAX_SHOWN);
    if (this.shown.length) this.open(); else this.close();
  }

  open() {
    this.$list.replaceChildren(...this.shown.map((option, place) => this.option(option, place)));
    this.$list.hidden = false;
    this.choose(0);
  }

  option({key, text}, place) {
    const $option = document.createElement('li');
    Object.assign($option, {className: 'fd-picker__option', id: `${this.$list.id}-${place}`});
    $option.setAttribute('role', 'option');
    for (const [name, words] of [['key', this.mark + key], ['text', text]]) {
      const $part = document.createElement('span');
      $part.className = `fd-picker__${name}`;
      $part.textContent = words;
      if (words) $option.append($part);
    }
    return $option;
  }

  choose(place) {
    this.chosen = (place + this.shown.length) % this.shown.length;
    [...this.$list.children].forEach(($option, n) => $option.setAttribute('aria-selected', String(n === this.chosen)));
    this.$list.children[this.chosen].scrollIntoView({block: 'nearest'});
    this.$text.setAttribute('aria-activedescendant', this.$list.children[this.chosen].id);
  }

  onKey(event) {
    if (!this.isOpen || event.isComposing) return;
    const act = {
      ArrowDown: () => this.choose(this.chosen + 1),
      ArrowUp: () => this.choose(this.chosen - 1),
      Enter: () => this.pick(this.chosen),
      Tab: () => this.pick(this.chosen),
      Escape: () => this.close(),
    }[event.key];
    if (!act || (event.shiftKey && event.key !== 'Escape')) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    act();
  }

  pick(place) {
    const {start} = this.token;
    const after = inserted(this.$text.value, start, this.$text.selectionStart, this.shown[place].words);
    this.$text.value = after.text;
    this.$text.setSelectionRange(after.from, after.to);
    this.close();
    this.onPick();
  }

  close() {
    this.$list.hidden = true;
    this.$text.removeAttribute('aria-activedescendant');
  }
}
