import assert from "node:assert/strict";
import { test } from "node:test";

import { Newest, inParagraph, inserted, isWorthRestoring, linked, marked, rangeOfLine } from "../../web/static/editor-logic.js";

test("a line is found in its text", () => {
  const text = "one\ntwo\n\nfour";
  assert.deepEqual(rangeOfLine(text, 1), [0, 3]);
  assert.deepEqual(rangeOfLine(text, 2), [4, 7]);
  assert.deepEqual(rangeOfLine(text, 3), [8, 8]);
  assert.deepEqual(rangeOfLine(text, 4), [9, 13]);
});

test("a line that is not there is the nearest", () => {
  assert.deepEqual(rangeOfLine("one\ntwo", 9), [4, 7]);
  assert.deepEqual(rangeOfLine("one\ntwo", 0), [0, 3]);
  assert.deepEqual(rangeOfLine("", 1), [0, 0]);
});

test("only the newest answer counts", () => {
  const newest = new Newest();
  const first = newest.ask();
  const second = newest.ask();
  assert.equal(newest.isNewest(first), false);
  assert.equal(newest.isNewest(second), true);
});

test("only other words are worth restoring", () => {
  assert.equal(isWorthRestoring(null, { body: "a" }), false);
  assert.equal(isWorthRestoring({ body: "a" }, { body: "a" }), false);
  assert.equal(isWorthRestoring({ body: "b" }, { body: "a" }), true);
  assert.equal(isWorthRestoring({ other: "b" }, { body: "a" }), false);
});

test("marks stand around words and at the beginning of lines", () => {
  assert.deepEqual(marked("pay now", [4, 7], "bold"), { text: "pay **now**", selection: [6, 9] });
  assert.equal(marked("one\ntwo", [1, 6], "steps").text, "1. one\n2. two");
  assert.equal(marked("a\nb", [2, 2], "heading").text, "a\n## b");
  assert.ok(marked("", [0, 0], "table").text.includes("|---|---|"));
});

test("what is inserted replaces the selection and leaves the caret behind it", () => {
  assert.deepEqual(inserted("call X now", [5, 6], "{{clinic.phone}}"), {
    text: "call {{clinic.phone}} now",
    selection: [21, 21],
  });
});

test("a picture gets a paragraph of its own", () => {
  const picture = "![Map](../../pictures/a.webp)";
  assert.equal(inParagraph("", [0, 0], picture).text, `${picture}\n`);
  const made = inParagraph("One.\nTwo.", [5, 5], picture);
  assert.equal(made.text, `One.\n\n${picture}\n\nTwo.`);
  assert.equal(made.text.slice(0, made.selection[0]), `One.\n\n${picture}\n`);
});

test("what is selected becomes the words of a link", () => {
  assert.equal(linked("see fees", [4, 8], "What does it cost?", "../a/b.md").text, "see [fees](../a/b.md)");
  assert.equal(linked("see ", [4, 4], "Fees [new]", "b.md").text, "see [Fees new](b.md)");
});
