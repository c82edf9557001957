import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { jsonFaultAt } from "./json-fault.ts";

for (const [text, index] of [
  ["", 0],
  ["[1,]", 3],
  ['{"a" 1}', 5],
  ['{"a":1,}', 7],
  ["{a:1}", 1],
  ["[1}", 2],
  ["[1", 2],
  ["1 2", 2],
  ['["a\nb"]', 1],
  ["[01]", 2],
  ["]", 0],
] as const) {
  test(`${JSON.stringify(text)} stops being JSON at ${index}`, () => {
    assert.equal(jsonFaultAt(text), index);
  });
}

test("a fault is found in exactly those texts that do not parse", () => {
  const mutated = fc
    .tuple(fc.json(), fc.nat(), fc.constantFrom("", ",", "]", "{", '"', "0", "\\", " ", ":", "e"))
    .map(([text, at, piece]) => {
      const index = at % (text.length + 1);
      return text.slice(0, index) + piece + text.slice(index + 1);
    });
  fc.assert(
    fc.property(fc.oneof(mutated, fc.json(), fc.string()), (text) => {
      assert.equal(jsonFaultAt(text) === undefined, parses(text), text);
    }),
    { numRuns: 500 },
  );
});

test("nesting without end is read without recursion", () => {
  assert.equal(jsonFaultAt("[".repeat(1_000_000)), 1_000_000);
});

test("long strings are read, and their ends missed", () => {
  const text = `"${"a\\n".repeat(300_000)}`;
  assert.equal(jsonFaultAt(text), 0);
  assert.equal(jsonFaultAt(`${text}"`), undefined);
});

test("a long string without an end is given up at once", () => {
  assert.equal(jsonFaultAt(`{"${"a".repeat(100_000)}`), 1);
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
