import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Packr } from "msgpackr";
import { writePlain } from "./plain-value.ts";
import { packValue, unpackValue } from "./value.ts";

const packr = new Packr({ structuredClone: true, moreTypes: true, copyBuffers: true });

const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom(undefined, null, true, false),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double(),
    fc.string({ unit: "grapheme", maxLength: 60 }),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie("value"), { maxLength: 20 }),
    fc.dictionary(
      fc.string({ maxLength: 40 }).filter((key) => key !== "__proto__"),
      tie("value"),
      { maxKeys: 20, noNullPrototype: true },
    ),
  ),
})).value;

test("the short way writes the very bytes of the long way, and they read as the same value", () => {
  fc.assert(
    fc.property(plain, (value) => {
      const bytes = writePlain(value);
      if (bytes === undefined) return;
      assert.deepEqual(bytes, new Uint8Array(packr.pack(value)));
      assert.deepEqual(unpackValue(bytes), packr.unpack(bytes));
    }),
    { numRuns: 1_000 },
  );
});

test("what most messages and briefcases are made of goes the short way", () => {
  const rows = Array.from({ length: 40 }, (_, n) => ({ n, name: `row ${n}` }));
  for (const value of [undefined, 5, "x", "é".repeat(300), new Uint8Array(70_000), { rows }, [[]]])
    assert.ok(writePlain(value) !== undefined);
  assert.deepEqual(unpackValue(packValue({ rows })), { rows });
});

test("anything else goes the long way, and is what it was", () => {
  const shared = { a: 1 };
  const many = Array.from({ length: 60 }, () => ({}));
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  class Point {
    x = 1;
  }
  const kinds = Object.fromEntries(
    Array.from({ length: 40 }, (_, n) => [`k${n}`, { [`f${n}`]: n }]),
  );
  let deep: unknown = 0;
  for (let n = 0; n < 150; n++) deep = [deep];
  const values = [
    new Map([[1, 2]]),
    new Set([1]),
    new Date(5),
    5n,
    new Float64Array(2),
    kinds,
    deep,
  ];
  for (const value of [...values, circle, [shared, shared], [...many, many[50]], new Point()])
    assert.equal(writePlain(value), undefined);
  for (const value of values) assert.deepEqual(unpackValue(packValue(value)), value);
  const again = unpackValue(packValue([...many, many[50], many[3]])) as object[];
  assert.ok(again[60] === again[50] && again[61] === again[3] && again[0] !== again[1]);
});

test("a value that is read by code writes others meanwhile", () => {
  const inner: Uint8Array[] = [];
  const value = {
    first: "before",
    get middle() {
      inner.push(packValue({ own: inner.length }));
      return "meanwhile";
    },
    last: "after",
  };
  const bytes = packValue(value);
  assert.deepEqual(unpackValue(bytes), { first: "before", middle: "meanwhile", last: "after" });
  assert.deepEqual(unpackValue(inner[0] as Uint8Array), { own: 0 });
  assert.throws(
    () =>
      packValue({
        get trap() {
          throw new RangeError("trap");
        },
      }),
    RangeError,
  );
  assert.deepEqual(unpackValue(packValue({ a: [1] })), { a: [1] });
});

test("bytes that lie about their length are written as they are", () => {
  const bytes = Uint8Array.of(1, 2, 3);
  for (const name of ["byteLength", "length"]) Object.defineProperty(bytes, name, { value: 1e9 });
  assert.deepEqual([...(unpackValue(packValue(bytes)) as Uint8Array)], [1, 2, 3]);
});

test("what was packed stays as it is, and what is read shares no memory with it", () => {
  const before = packValue({ n: 1 });
  const copy = before.slice();
  for (let n = 0; n < 2_000; n++) packValue({ n, text: "x".repeat(n % 600) });
  assert.deepEqual(before, copy);
  const bytes = packValue(new Uint8Array(100));
  const read = unpackValue(bytes) as Uint8Array;
  assert.equal(read.buffer.byteLength, 100);
  read.fill(9);
  assert.deepEqual(unpackValue(bytes), new Uint8Array(100));
});
