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
