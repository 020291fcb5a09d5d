import assert from "node:assert/strict";
import { test } from "node:test";

import { Newest, isWorthRestoring, rangeOfLine } from "../../web/static/editor-logic.js";

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
