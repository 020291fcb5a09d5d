/**
 * The editor's script: the preview follows the typing, a problem leads to its line, and what was
 * typed outlives a lost connection or an ended session in this tab. The page works without it.
 */

import { startAdding } from "./editor-adding.js";
import { Newest, inParagraph, inserted, isWorthRestoring, linked, marked, rangeOfLine } from "./editor-logic.js";

const PAUSE_MS = 700;
const AUTOSAVE_PAUSE_MS = 2500;
const NAMES_NOT_KEPT = ["csrf_token", "digest", "number", "article"];

class Editor {
  #newest = new Newest();
  #timer = 0;
  #autosaveTimer = 0;
  #isSending = false;

  /** @param {HTMLFormElement} $form */
  constructor($form) {
    if ($form.dataset.editorStarted) return;
    $form.dataset.editorStarted = "yes";
    this.$form = $form;
    this.$look = document.querySelector("[data-preview]");
    this.$status = $form.querySelector("[data-status]");
    this.$body = $form.querySelector("[name=body]");
    if (!this.$look || !this.$status || !this.$body) throw new Error("editor: a part of the page is missing");
    this.key = `front-desk-editor:${$form.dataset.article || location.search}`;
    startAdding($form, {
      put: (words) => this.#change((text, place) => inParagraph(text, place, words)),
      link: (title, path) => this.#change((text, place) => linked(text, place, title, path)),
      tell: (text) => { this.$status.textContent = text; },
    });
    this.$body.addEventListener("focus", () => { this.wasInBody = true; }, { once: true });
    this.shown = this.#values();
    this.#offerKept();
    $form.addEventListener("input", () => this.#typed());
    $form.addEventListener("submit", (event) => this.#submitted(event));
    document.addEventListener("click", (event) => this.#toLine(event));
    for (const $tools of $form.querySelectorAll("[data-tools]")) $tools.hidden = false;
    $form.addEventListener("click", (event) => this.#put(event));
    window.addEventListener("beforeunload", (event) => {
      if (!this.#isSending && this.#isChanged()) event.preventDefault();
    });
  }

  #values() {
    const entries = [...new FormData(this.$form)].filter(([name]) => !NAMES_NOT_KEPT.includes(name));
    return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
  }

  #isChanged() {
    return isWorthRestoring(this.#values(), this.shown);
  }

  #typed() {
    store(this.key, this.#isChanged() ? JSON.stringify(this.#values()) : null);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#preview(), PAUSE_MS);
    clearTimeout(this.#autosaveTimer);
    this.#autosaveTimer = setTimeout(() => this.#autosave(), AUTOSAVE_PAUSE_MS);
  }

  async #preview() {
    const number = this.#newest.ask();
    try {
      const response = await fetch(this.$form.dataset.previewUrl, {
        method: "POST",
        body: new FormData(this.$form),
        headers: { Accept: "application/json" },
      });
      const answer = await response.json();
      if (!this.#newest.isNewest(number)) return;
      if (answer.html) this.#show(answer.html);
      this.$status.textContent = answer.error ? answer.error.message : "Preview is up to date";
    } catch {
      if (this.#newest.isNewest(number)) this.$status.textContent = "No preview: the connection is lost. Your text is kept in this tab.";
    }
  }

  async #autosave() {
    if (this.#isSending || !this.#isChanged()) return;
    const sent = JSON.stringify(this.#values());
    try {
      const response = await fetch(this.$form.dataset.autosaveUrl, {
        method: "POST",
        body: new FormData(this.$form),
        headers: { Accept: "application/json" },
      });
      if (!response.ok) return;
      const answer = await response.json();
      // The server has it: it need not be offered twice.
      if (read(this.key) && JSON.stringify(this.#values()) === sent) store(this.key, null);
      this.$status.textContent = this.#saved(answer);
    } catch {
      // It stays in this tab; the preview says that the connection is lost.
    }
  }

  #saved({ at, others, is_old: isOld }) {
    if (isOld) return "Somebody saved this article meanwhile. Save yours to see both; nothing is overwritten.";
    const writing = others.length ? ` ${others.join(", ")} is writing here too.` : "";
    return `Kept for you at ${at}.${writing}`;
  }

  /** A mark from the toolbar, a fact or a link from its list. */
  #put(event) {
    const $button = event.target instanceof Element ? event.target.closest("[data-mark], [data-insert]") : null;
    if (!$button) return;
    const { mark, insert } = $button.dataset;
    this.#change((text, place) => (mark ? marked(text, place, mark) : inserted(text, place, insert)));
  }

  /** @param {(text: string, place: [number, number]) => {text: string, selection: [number, number]}} make */
  #change(make) {
    const { value, selectionStart, selectionEnd } = this.$body;
    // A box nobody was in has its caret before the first word.
    const made = make(value, this.wasInBody ? [selectionStart, selectionEnd] : [value.length, value.length]);
    this.$body.value = made.text;
    this.$body.focus();
    this.$body.setSelectionRange(...made.selection);
    this.#typed();
  }

  /** The server's own HTML, the same that it puts into the page. */
  #show(html) {
    const open = this.#openParts();
    const top = this.$look.scrollTop;
    this.$look.innerHTML = html;
    this.$look.querySelectorAll("details").forEach(($part, index) => {
      if (index in open) $part.open = open[index];
    });
    this.$look.scrollTop = top;
  }

  #openParts() {
    return [...this.$look.querySelectorAll("details")].map(($part) => $part.open);
  }

  #submitted(event) {
    if (event.submitter?.formTarget === "_blank") return; // a page beside this one; nothing is sent
    if (this.#isSending) {
      event.preventDefault();
      return;
    }
    this.#isSending = true;
    this.$status.textContent = event.submitter?.value === "publish" ? "Publishing" : "Working";
    // A browser that goes back to this page finds it usable.
    window.addEventListener("pageshow", () => { this.#isSending = false; }, { once: true });
  }

  #toLine(event) {
    const $link = event.target instanceof Element ? event.target.closest("a[data-line]") : null;
    if (!$link) return;
    event.preventDefault();
    const [start, end] = rangeOfLine(this.$body.value, Number($link.dataset.line));
    // A browser brings the caret into sight when the box gets the focus, not when it is moved.
    this.$body.blur();
    this.$body.setSelectionRange(start, start);
    this.$body.focus();
    this.$body.setSelectionRange(start, end);
  }

  #offerKept() {
    const kept = read(this.key);
    if (document.querySelector(".fd-notice--success")) store(this.key, null);
    else if (isWorthRestoring(kept, this.shown)) this.#askAbout(kept);
  }

  #askAbout(kept) {
    const $box = document.createElement("div");
    $box.className = "fd-notice fd-edit__kept";
    const $text = document.createElement("p");
    $text.textContent = "There is text in this tab that was not saved.";
    const $restore = this.#button("Bring it back", () => this.#restore(kept, $box));
    const $drop = this.#button("Drop it", () => {
      store(this.key, null);
      $box.remove();
    });
    $box.append($text, $restore, $drop);
    // Beside the buttons that stay in sight: a reloaded page may be scrolled anywhere.
    this.$status.before($box);
  }

  #button(label, act) {
    const $button = document.createElement("button");
    $button.type = "button";
    $button.className = "fd-button";
    $button.textContent = label;
    $button.addEventListener("click", act);
    return $button;
  }

  #restore(kept, $box) {
    for (const [name, value] of Object.entries(kept)) {
      const $field = this.$form.elements.namedItem(name);
      if ($field && "value" in $field) $field.value = value;
    }
    $box.remove();
    this.$body.focus();
    this.#preview();
  }
}

function store(key, text) {
  try {
    if (text === null) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, text);
  } catch {
    // Storage is off or full: then a reload loses what was typed, as on any page.
  }
}

function read(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}

for (const $form of document.querySelectorAll("form[data-editor]")) new Editor($form);
