/** The editor's decisions, apart from the page, for `node --test`. */

/**
 * Where a line stands in a text.
 * @param {string} text
 * @param {number} line from 1
 * @returns {[number, number]} start and end, for a selection
 */
export function rangeOfLine(text, line) {
  const lines = text.split("\n");
  const wanted = Math.min(Math.max(1, line), lines.length);
  const start = lines.slice(0, wanted - 1).reduce((sum, each) => sum + each.length + 1, 0);
  return [start, start + lines[wanted - 1].length];
}

/** Numbers requests; only the answer to the newest counts. */
export class Newest {
  #last = 0;

  ask() {
    this.#last += 1;
    return this.#last;
  }

  /** @param {number} number */
  isNewest(number) {
    return number === this.#last;
  }
}

/**
 * What is kept of a form while somebody writes, and what of it is worth giving back.
 * @param {Record<string, string> | null} kept
 * @param {Record<string, string>} shown
 */
export function isWorthRestoring(kept, shown) {
  return kept !== null && Object.keys(shown).some((name) => name in kept && kept[name] !== shown[name]);
}

const LINE_MARKS = { heading: "## ", list: "- ", steps: "1. " };
const TABLE = "| What | Price |\n|---|---|\n|  |  |";

/**
 * Puts a mark on what is selected.
 * @param {string} text
 * @param {[number, number]} selection
 * @param {string} mark heading, list, steps, bold or table
 * @returns {{text: string, selection: [number, number]}}
 */
export function marked(text, [start, end], mark) {
  if (mark === "bold") {
    const words = text.slice(start, end);
    return { text: `${text.slice(0, start)}**${words}**${text.slice(end)}`, selection: [start + 2, end + 2] };
  }
  if (mark === "table") return inserted(text, [start, end], `\n${TABLE}\n`);
  const first = text.lastIndexOf("\n", start - 1) + 1;
  const lines = text.slice(first, end).split("\n").map((line, at) => lineMark(mark, at) + line);
  const put = lines.join("\n");
  return { text: text.slice(0, first) + put + text.slice(end), selection: [first, first + put.length] };
}

/** Puts a picture in a paragraph of its own, and the caret behind it. */
export function inParagraph(text, [start, end], words) {
  const before = text.slice(0, start).replace(/\n*$/, "");
  const after = text.slice(end).replace(/^\n*/, "");
  const put = `${before}${before ? "\n\n" : ""}${words}\n`;
  return { text: after ? `${put}\n${after}` : put, selection: [put.length, put.length] };
}

/** Puts a link in place of what is selected, which becomes its words. */
export function linked(text, [start, end], title, path) {
  const words = (text.slice(start, end).trim() || title).replace(/[[\]]/g, "");
  return inserted(text, [start, end], `[${words}](${path})`);
}

function lineMark(mark, at) {
  return mark === "steps" ? `${at + 1}. ` : LINE_MARKS[mark];
}

/** Puts words in place of what is selected, and the caret behind them. */
export function inserted(text, [start, end], words) {
  const caret = start + words.length;
  return { text: text.slice(0, start) + words + text.slice(end), selection: [caret, caret] };
}
