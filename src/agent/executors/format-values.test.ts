import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../../base/index.ts";
import { formatValues } from "./format-values.ts";

test("values are shown as console.log shows them, on one line", () => {
  class Point {
    x = 1;
    get sum(): number {
      return this.x;
    }
  }
  const circle: Record<string, unknown> = { a: 1 };
  circle["self"] = circle;
  const texts: readonly [values: readonly unknown[], text: string][] = [
    [["it", 3, "is\nso"], "it 3 is\nso"],
    [[], ""],
    [[undefined, null, true, -0, 5n, Symbol("s")], "undefined null true -0 5n Symbol(s)"],
    [[{ a: [1, "two", { b: { c: { d: 1 } } }] }], "{ a: [ 1, 'two', { b: [Object] } ] }"],
    [[new Map([["k", { v: 1 }]]), new Set([1])], "Map(1) { 'k' => { v: 1 } } Set(1) { 1 }"],
    [[new Point(), Object.create(null)], "Point { x: 1 } [Object: null prototype] {}"],
    [[new Date(0), /a/g, new Date(Number.NaN)], "1970-01-01T00:00:00.000Z /a/g Invalid Date"],
    [[Uint8Array.of(1, 2), new ArrayBuffer(8)], "Uint8Array(2) [ 1, 2 ] ArrayBuffer(8)"],
    [
      [() => {}, function named() {}, Point],
      "[Function (anonymous)] [Function: named] [class Point]",
    ],
    [[circle, new Proxy({}, {})], "{ a: 1, self: [Circular] } [Proxy]"],
    [["%s has %d of %j, %i%% %o", "it", 3, { a: 1 }, 4.5, [1]], "it has 3 of { a: 1 }, 4% [ 1 ]"],
    [["%s and %s", 1], "1 and %s"],
    [[["it's", 'so "said"', "a\tb\u001b"]], `[ "it's", 'so "said"', 'a\\tb\\x1B' ]`],
    [[Object.assign(new Array(3), { 0: 1, 2: 3 })], "[ 1, <empty>, 3 ]"],
  ];
  for (const [values, text] of texts) assert.equal(formatValues(values), text);
  assert.match(formatValues([new TypeError("no")]), /^TypeError: no\n +at /);
});

test("showing a value runs nothing of its author's", () => {
  const fail = (): never => assert.fail("it ran");
  const trap = new Proxy({}, { get: fail, ownKeys: fail, getPrototypeOf: fail, has: fail });
  const error = new Error("x");
  // The platform makes its text when it is first looked at.
  assert.match(String(error.stack), /x/);
  for (const key of ["name", "message", "stack"]) Object.defineProperty(error, key, { get: fail });
  const values = [
    {
      get a() {
        return fail();
      },
      toString: fail,
      toJSON: fail,
      [Symbol.toPrimitive]: fail,
    },
    Object.defineProperty({}, Symbol.toStringTag, { get: fail }),
    Object.create(trap),
    Object.defineProperty(() => {}, "name", { get: fail }),
    Object.defineProperty(new Map(), "size", { get: fail }),
    Object.defineProperties(Uint8Array.of(1), {
      length: { get: fail },
      constructor: { get: fail },
    }),
    { [Symbol.for("nodejs.util.inspect.custom")]: fail },
    error,
    trap,
  ];
  for (const place of ["", "%s", "%d", "%i", "%f", "%j", "%o", "%O", "%c"])
    for (const value of values) formatValues([place, value, [value], new Map([[value, value]])]);
});

test("what is shown is bounded, however large the values are", () => {
  const large = [
    "x".repeat(10_000_000),
    Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`key${n}`, n])),
    Array.from({ length: 1_000_000 }, () => "y".repeat(50)),
    new Map(Array.from({ length: 100_000 }, (_, n) => [n, { n }])),
    7n ** 1_000_000n,
    new Uint8Array(10_000_000),
    { ["k".repeat(1_000_000)]: Symbol("s".repeat(1_000_000)) },
    new Error("e".repeat(1_000_000)),
  ];
  for (const value of [...large, large, Array.from({ length: 2_000 }, () => large)])
    assert.ok(formatValues([value]).length < 2 * LIMITS.handlerTextCharactersMax);
  assert.ok(formatValues(Array.from({ length: 10_000 }, () => large)).length < 300_000);
  let deep: unknown = 0;
  for (let depth = 0; depth < 100_000; depth++) deep = [deep];
  assert.equal(formatValues([deep]), "[ [ [ [Array] ] ] ]");
});
