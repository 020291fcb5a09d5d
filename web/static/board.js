// The wallboard: asks for itself anew every few seconds. Without script it is a page to reload.

import {Alerts} from './console.js';

const EVERY_MS = 3000;
const RING_EVERY_MS = 15000;

class Board {
  constructor($board) {
    if ($board.dataset.started) throw new Error('board: started twice');
    $board.dataset.started = 'yes';
    this.$board = $board;
    this.$lost = document.querySelector('[data-lost]');
    this.alerts = new Alerts();
    this.rangAt = 0;
    this.ring();
    setInterval(() => { this.look(); this.ring(); }, EVERY_MS);
  }

  async look() {
    try {
      const response = await fetch(this.$board.dataset.url, {headers: {Accept: 'text/html'}});
      if (!response.ok || response.redirected) throw new Error(String(response.status));
      this.show(await response.text());
      this.$lost.hidden = true;
    } catch {
      this.$lost.hidden = false;
    }
  }

  show(html) {
    if (html === this.html) return;
    this.html = html;
    const template = document.createElement('template');
    template.innerHTML = html; // our own server's, escaped there
    this.$board.replaceChildren(template.content);
    this.ring();
  }

  /** A danger nobody looks at is heard again and again. */
  ring() {
    if (!this.$board.querySelector('[data-alarm]') || Date.now() - this.rangAt < RING_EVERY_MS) return;
    this.rangAt = Date.now();
    this.alerts.ring('Danger: nobody has looked.', true);
  }
}

new Board(document.querySelector('[data-board]'));
