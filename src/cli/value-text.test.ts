import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MeanderError } from "../base/index.ts";
import {
  formatMs,
  formatShort,
  formatValue,
  jsonOf,
  parseJson,
  parseJsonObject,
  parseNames,
  parseValue,
} from "./value-text.ts";

test("what parses as JSON is JSON, everything else is text", () => {
  assert.deepEqual(parseValue('{"a": [1, null]}'), { a: [1, null] });
  assert.equal(parseValue("17"), 17);
  assert.equal(parseValue('"17"'), "17");
  assert.equal(parseValue("Hello world"), "Hello world");
  assert.equal(parseValue("{not json"), "{not json");
  assert.equal(parseValue(""), "");
});

test("where JSON is asked for, anything else names the argument", () => {
  assert.deepEqual(parseJson("[1]", "--edit"), [1]);
  assert.throws(() => parseJson("{", "--edit"), /argument --edit: not JSON/);
  assert.deepEqual(parseJsonObject('{"a":1}', "--briefcase"), { a: 1 });
  for (const text of ["[1]", "null", "3", '"a"']) {
    assert.throws(() => parseJsonObject(text, "--briefcase"), MeanderError, text);
  }
});

test("names are divided by commas", () => {
  assert.deepEqual(parseNames("a, b,,c "), ["a", "b", "c"]);
  assert.deepEqual(parseNames(""), []);
});

test("values that JSON does not know keep what can be shown of them", () => {
  const cycle: Record<string, unknown> = { name: "a" };
  cycle["self"] = cycle;
  const shared = { x: 1 };
  assert.deepEqual(
    jsonOf({
      map: new Map([["a", 1]]),
      pairs: new Map([[1, "a"]]),
      set: new Set([1, 2]),
      big: 12n,
      bytes: new Uint8Array([1, 2, 3]),
      floats: new Float32Array([1.5]),
      date: new Date(0),
      pattern: /a+/g,
      error: new TypeError("no"),
      nothing: undefined,
      cycle,
      twice: [shared, shared],
    }),
    {
      map: { a: 1 },
      pairs: [[1, "a"]],
      set: [1, 2],
      big: "12",
      bytes: "AQID",
      floats: [1.5],
      date: "1970-01-01T00:00:00.000Z",
      pattern: "/a+/g",
      error: { name: "TypeError", message: "no" },
      nothing: null,
      cycle: { name: "a", self: "[circular]" },
      twice: [{ x: 1 }, { x: 1 }],
    },
  );
});

test("JSON values stay as they are", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.equal(JSON.stringify(jsonOf(value)), JSON.stringify(value));
    }),
  );
});

test("short forms are one line and not longer than asked", () => {
  fc.assert(
    fc.property(fc.anything(), fc.integer({ min: 10, max: 80 }), (value, length) => {
      const line = formatShort(value, length);
      assert.ok(line.length <= length);
      assert.doesNotMatch(line, /\n/);
    }),
  );
  assert.equal(formatValue("two\nlines"), "two\nlines");
  assert.equal(formatValue({ a: 1 }), "{ a: 1 }");
});

test("times are given in the unit that reads best", () => {
  assert.equal(formatMs(0.04), "0.0 ms");
  assert.equal(formatMs(3.14), "3.1 ms");
  assert.equal(formatMs(250.4), "250 ms");
  assert.equal(formatMs(1_500), "1.5 s");
  assert.equal(formatMs(125_000), "2 min 5 s");
});
