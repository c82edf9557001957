import assert from "node:assert/strict";
import { test } from "node:test";
import { nearestWord } from "./nearest-word.ts";

const KNOWN = ["input", "connection", "maxSubscribers", "keep"];

for (const [word, meant] of [
  ["inputs", "input"],
  ["imput", "input"],
  ["ipnut", "input"],
  ["INPUT", "input"],
  ["conection", "connection"],
  ["max_subscribers", "maxSubscribers"],
  ["kep", "keep"],
  ["output", undefined],
  ["x", undefined],
  ["", undefined],
] as const) {
  test(`${JSON.stringify(word)} probably means ${JSON.stringify(meant)}`, () => {
    assert.equal(nearestWord(word, KNOWN), meant);
  });
}
