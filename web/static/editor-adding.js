/**
 * A picture or a link for the text, put where the caret is. Without this the buttons send the form.
 */

import { Newest } from "./editor-logic.js";

const PAUSE_MS = 200;
const MAX_BYTES = 8_000_000;
const LOST = "The connection is lost. Try again.";

/** Takes a part of the form out of what is saved with it, and keeps its button from sending it. */
class Part {
  constructor($part, act) {
    this.$part = $part;
    this.$fault = $part.querySelector("[data-fault]");
    for (const $field of $part.querySelectorAll("[name]")) $field.removeAttribute("name");
    $part.addEventListener("input", (event) => event.stopPropagation()); // it is no change of the article
    $part.querySelector("button[type=submit]:not([data-found] *)").addEventListener("click", (event) => {
      event.preventDefault();
      act();
    });
    $part.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.defaultPrevented) this.close();
    });
  }

  say(fault) {
    this.$fault.textContent = fault;
  }

  close() {
    this.say("");
    this.$part.open = false;
    this.$part.querySelector("summary").focus();
  }
}

/** The picture is taken in by the server, which answers with the line that shows it. */
class AddPicture {
  #isSending = false;

  /** @param {{url: string, fields: () => Record<string, string>, put: (words: string) => void}} how */
  constructor($part, how) {
    Object.assign(this, how, { part: new Part($part, () => this.send()) });
    this.$file = $part.querySelector("[type=file]");
    this.$words = $part.querySelector("#add-words");
    this.$words.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault(); // it would send the article's form
      this.send();
    });
  }

  async send() {
    const [$wrong, fault] = this.#fault();
    this.part.say(fault);
    if ($wrong) $wrong.focus();
    if ($wrong || this.#isSending) return;
    this.#isSending = true;
    try {
      const answer = await this.#sent();
      if (!answer.markdown) return this.part.say(answer.error?.message ?? LOST);
      this.$file.value = this.$words.value = "";
      this.part.close();
      this.put(answer.markdown);
    } catch {
      this.part.say(LOST);
    } finally {
      this.#isSending = false;
    }
  }

  #fault() {
    const [file] = this.$file.files;
    if (!file) return [this.$file, "Choose a picture file: PNG, JPEG or WebP."];
    if (file.size > MAX_BYTES) return [this.$file, "The file is larger than 8 MB. Make the picture smaller."];
    if (!this.$words.value.trim()) return [this.$words, "Say what the picture shows. Those who cannot see it get these words."];
    return [null, ""];
  }

  async #sent() {
    const form = new FormData();
    for (const [name, value] of Object.entries(this.fields())) form.set(name, value);
    form.set("picture", this.$file.files[0]);
    form.set("words", this.$words.value);
    const response = await fetch(this.url, { method: "POST", body: form, headers: { Accept: "application/json" } });
    return response.json();
  }
}

/** A combobox: the articles that hold the words, the first one chosen, Enter puts the link in. */
class AddLink {
  #newest = new Newest();
  #timer = 0;
  #shown = [];
  #chosen = 0;

  /** @param {{fields: () => Record<string, string>, link: (title: string, path: string) => void, tell: (text: string) => void}} how */
  constructor($part, how) {
    Object.assign(this, how, { part: new Part($part, () => this.search()), url: $part.dataset.url });
    this.$words = $part.querySelector("#add-link");
    this.$found = $part.querySelector("[data-found]");
    this.$found.setAttribute("role", "listbox");
    this.$found.setAttribute("aria-label", "Articles");
    this.#show([]);
    this.$words.setAttribute("role", "combobox");
    this.$words.setAttribute("aria-autocomplete", "list");
    this.$words.setAttribute("aria-controls", this.$found.id);
    this.$words.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.search(), PAUSE_MS);
    });
    this.$words.addEventListener("keydown", (event) => this.#key(event));
    this.$found.addEventListener("click", (event) => {
      const $option = event.target instanceof Element ? event.target.closest("[role=option]") : null;
      if ($option) this.#pick([...this.$found.children].indexOf($option));
    });
  }

  async search() {
    const number = this.#newest.ask();
    const asked = new URLSearchParams({ ...this.fields(), q: this.$words.value });
    asked.delete("csrf_token");
    try {
      const answer = await (await fetch(`${this.url}?${asked}`, { headers: { Accept: "application/json" } })).json();
      if (!this.#newest.isNewest(number)) return;
      this.part.say(answer.articles.length || !this.$words.value.trim() ? "" : "No published article of this language has all these words.");
      this.#show(answer.articles);
      if (answer.articles.length) this.tell(`${answer.articles.length} found. Up and down to choose, Enter to put the link in.`);
    } catch {
      if (this.#newest.isNewest(number)) this.part.say(LOST);
    }
  }

  #show(articles) {
    this.#shown = articles;
    this.$found.replaceChildren(...articles.map(({ title }, place) => {
      const $option = document.createElement("li");
      $option.className = "fd-add__option";
      $option.id = `${this.$found.id}-${place}`;
      $option.setAttribute("role", "option");
      $option.textContent = title;
      return $option;
    }));
    this.$found.hidden = !articles.length;
    this.$words.setAttribute("aria-expanded", String(articles.length > 0));
    if (articles.length) this.#choose(0);
    else this.$words.removeAttribute("aria-activedescendant");
  }

  #choose(place) {
    this.#chosen = (place + this.#shown.length) % this.#shown.length;
    [...this.$found.children].forEach(($option, at) => $option.setAttribute("aria-selected", String(at === this.#chosen)));
    const $chosen = this.$found.children[this.#chosen];
    $chosen.scrollIntoView({ block: "nearest" });
    this.$words.setAttribute("aria-activedescendant", $chosen.id);
  }

  #key(event) {
    if (event.isComposing) return;
    const isOpen = this.#shown.length > 0;
    const act = {
      ArrowDown: isOpen && (() => this.#choose(this.#chosen + 1)),
      ArrowUp: isOpen && (() => this.#choose(this.#chosen - 1)),
      Enter: () => (isOpen ? this.#pick(this.#chosen) : this.search()),
      Escape: isOpen && (() => this.#show([])),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  #pick(place) {
    const { title, path } = this.#shown[place];
    this.#newest.ask(); // a late answer does not open it again
    clearTimeout(this.#timer);
    this.$words.value = "";
    this.#show([]);
    this.part.close();
    this.link(title, path);
  }
}

/**
 * @param {HTMLFormElement} $form the article's
 * @param {{put: (words: string) => void, link: (title: string, path: string) => void, tell: (text: string) => void}} how
 */
export function startAdding($form, how) {
  const fields = () => Object.fromEntries(
    ["csrf_token", "lang", "topic", "title", "audience"].map((name) => [name, $form.elements.namedItem(name)?.value ?? ""])
      .concat([["article", $form.dataset.article]]),
  );
  const $picture = $form.querySelector("[data-add=picture]");
  const $link = $form.querySelector("[data-add=link]");
  if (!$picture || !$link) throw new Error("editor: the toolbar is missing a part");
  new AddPicture($picture, { ...how, fields, url: $form.dataset.pictureUrl });
  new AddLink($link, { ...how, fields });
}
