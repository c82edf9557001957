import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Packr } from "msgpackr";
import { packValue, unpackValue } from "./value.ts";

/** What wrote and read values before; records of that time are still read. */
const packr = new Packr({ structuredClone: true, moreTypes: true, copyBuffers: true });

const leaves = [
  fc.constantFrom(undefined, null, true, false),
  fc.integer(),
  fc.maxSafeInteger(),
  // Both zeros are the same number in MessagePack.
  fc.double().map((number) => number + 0),
  fc.string({ unit: "grapheme", maxLength: 60 }),
  fc.uint8Array({ maxLength: 300 }),
];
const keys = fc.string({ maxLength: 40 }).filter((key) => key !== "__proto__");
const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    ...leaves,
    fc.array(tie("value"), { maxLength: 20 }),
    fc.dictionary(keys, tie("value"), { maxKeys: 20, noNullPrototype: true }),
  ),
})).value;
const any = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    ...leaves,
    fc.bigInt(),
    fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }),
    fc.date({ noInvalidDate: false }),
    fc.constantFrom(/a/, /[b-z]+/gimsuy, /\//d),
    fc.float64Array({ maxLength: 20 }),
    fc.int16Array({ maxLength: 20 }),
    fc.bigUint64Array({ maxLength: 20 }),
    fc.uint8Array({ maxLength: 20 }).map(({ buffer }) => new DataView(buffer)),
    fc.uint8Array({ maxLength: 20 }).map(({ buffer }) => buffer),
    fc.array(tie("value"), { maxLength: 10 }),
    fc.dictionary(keys, tie("value"), { maxKeys: 10, noNullPrototype: true }),
    fc.array(fc.tuple(tie("value"), tie("value")), { maxLength: 8 }).map((all) => new Map(all)),
    fc.array(tie("value"), { maxLength: 8 }).map((all) => new Set(all)),
    // The same object twice.
    tie("value").map((value) => [value, { again: value }]),
  ),
})).value;

test("plain values are the bytes that they always were", () => {
  fc.assert(
    fc.property(plain, (value) => {
      // The same empty array or object may be there several times.
      const bytes = packValue(value);
      assert.deepEqual(bytes, new Uint8Array(packr.pack(value)));
      assert.deepEqual(unpackValue(bytes), packr.unpack(bytes));
    }),
    { numRuns: 1_000 },
  );
});

test("values are what they were, whoever wrote and whoever reads them", () => {
  fc.assert(
    fc.property(any, (value) => {
      assert.deepEqual(unpackValue(packValue(value)), value);
      assert.deepEqual(packr.unpack(packValue(value)), value);
      assert.deepEqual(unpackValue(new Uint8Array(packr.pack(value))), value);
    }),
    { numRuns: 1_000 },
  );
});

test("what comes again is one object, and circles are circles", () => {
  const shared = { a: 1 };
  const pattern = /a/;
  const map = new Map<unknown, unknown>();
  const set = new Set<unknown>([map]);
  const array: unknown[] = [shared, set, pattern, pattern];
  const error = new TypeError("no", { cause: array });
  map.set(shared, map).set("array", array).set("error", error);
  array.push(array, error);
  const value = { shared, map, set, array } as Record<string, unknown>;
  value["self"] = value;
  const read = unpackValue(packValue(value)) as typeof value;
  assert.equal(read["self"], read);
  assert.deepEqual(read, value);
  const all = read["array"] as unknown[];
  assert.ok(all[2] === all[3] && all[2] instanceof RegExp);
  assert.equal(all[4], all);
  assert.equal((all[5] as Error).cause, all);
  assert.equal((read["map"] as typeof map).get(read["shared"]), read["map"]);
  const many = Array.from({ length: 5_000 }, () => ({}));
  const twice = unpackValue(packValue([...many, ...many])) as object[];
  for (const index of many.keys()) assert.equal(twice[index], twice[index + many.length]);
  assert.equal(new Set(twice).size, many.length);
});

test("more kinds of objects than there are numbers for records", () => {
  const kinds = Array.from({ length: 200 }, (_, n) => ({ [`f${n % 70}`]: n, [`g${n % 50}`]: {} }));
  assert.deepEqual(unpackValue(packValue(kinds)), kinds);
  assert.deepEqual(packr.unpack(packValue(kinds)), kinds);
});

test("an object of a class is its fields, or what its toJSON gives", () => {
  class Point {
    x = 1;
    #hidden = 2;
    get sum(): number {
      return this.x + this.#hidden;
    }
  }
  class Named {
    toJSON(): unknown {
      return { named: [1] };
    }
  }
  assert.deepEqual(unpackValue(packValue([new Point(), new Named()])), [{ x: 1 }, { named: [1] }]);
  assert.deepEqual(unpackValue(packValue(Object.assign(Object.create(null), { a: 1 }))), { a: 1 });
  assert.deepEqual(unpackValue(packValue(Buffer.from([1, 2]))), Uint8Array.of(1, 2));
});

test("what cannot travel is named with its place", () => {
  const refusals: readonly [value: unknown, where: RegExp, what: RegExp][] = [
    [() => 1, /the value itself/, /function/],
    [{ list: [1, { f() {} }] }, /value\.list\[1\]\.f/, /function/],
    [new Map([["k", Symbol("x")]]), /value\.get\(k\)/, /symbol/],
    [new Map([[Symbol("x"), 1]]), /value\.\(key\)/, /symbol/],
    [new Set([{ w: new WeakMap() }]), /value\.\(member\)\.w/, /WeakMap/],
    [{ p: Promise.resolve() }, /value\.p/, /Promise/],
    [new Error("x", { cause: () => 1 }), /value\.cause/, /function/],
    [Object(1n), /the value itself/, /BigInt/],
  ];
  for (const [value, where, what] of refusals)
    assert.throws(() => packValue(value), { code: "value-uncloneable", where, what });
  let deep: unknown = 0;
  for (let n = 0; n < 201; n++) deep = [deep];
  assert.deepEqual(unpackValue(packValue(deep)), deep);
  for (let n = 0; n < 100_000; n++) deep = [deep];
  assert.throws(() => packValue(deep), { code: "value-uncloneable", what: /deeper/ });
});

test("each part is read once, and what it answered is what travels", () => {
  let looks = 0;
  const answers = [1, "two", new Uint8Array(3), { four: 4 }, new Map([[5, 5]])];
  const changing = {
    get value() {
      return answers[looks++ % answers.length];
    },
  };
  for (const around of [
    (value: object) => value,
    (value: object) => [value, new Date(0)],
    (value: object) => new Map<unknown, unknown>([[1, value]]),
    (value: object) => ({ deep: new Set([value]), pattern: /a/ }),
  ]) {
    looks = 0;
    const bytes = packValue(around(changing));
    assert.equal(looks, 1);
    assert.deepEqual(unpackValue(bytes), around({ value: 1 }));
  }
});

test("a value whose getters and proxies answer anything is one value, or refused", () => {
  const answer = fc.oneof(
    fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true }),
    fc.constantFrom(() => 1, Symbol("x"), new WeakMap(), Number.NaN, -1, 2 ** 40, 1.5),
  );
  fc.assert(
    fc.property(fc.array(answer, { minLength: 1, maxLength: 6 }), fc.nat(3), (answers, kind) => {
      let looks = 0;
      const next = (): unknown => answers[looks++ % answers.length];
      const getter = {
        get a() {
          return next();
        },
        get b() {
          return [next()];
        },
      };
      const proxied = new Proxy([1, 2, 3], {
        get: (target, key) => (key === "length" ? next() : Reflect.get(target, key)),
      });
      const proxy = new Proxy({ a: 1, b: 2 }, { get: () => next() });
      const value = [getter, proxied, proxy, new Map([[getter, proxy]])][kind];
      let bytes: Uint8Array;
      try {
        bytes = packValue(value);
      } catch (error) {
        assert.equal((error as { code?: string }).code, "value-uncloneable");
        return;
      }
      unpackValue(bytes);
    }),
    { numRuns: 500 },
  );
});

test("a value that is read by code writes others meanwhile", () => {
  const inner: Uint8Array[] = [];
  const value = {
    first: "before",
    get middle() {
      inner.push(packValue({ own: inner.length, again: [value.first] }));
      return "meanwhile";
    },
    last: "after",
  };
  const bytes = packValue(value);
  assert.deepEqual(unpackValue(bytes), { first: "before", middle: "meanwhile", last: "after" });
  assert.deepEqual(unpackValue(inner[0] as Uint8Array), { own: 0, again: ["before"] });
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

test("what passes for bytes is written as what it is, and nothing of earlier values with it", () => {
  packValue({ secret: "S".repeat(10_000) });
  let looks = 0;
  const lying = Object.create(Int8Array.prototype, {
    byteLength: { get: () => (looks++ === 0 ? 6_000 : 0) },
    buffer: { value: new ArrayBuffer(0) },
    constructor: { value: Int8Array },
    [Symbol.toStringTag]: { value: "Object" },
  }) as object;
  assert.deepEqual(unpackValue(packValue({ lying })), { lying: {} });
  const words = Object.setPrototypeOf(Int16Array.of(1, 2), Uint8Array.prototype) as object;
  assert.deepEqual(unpackValue(packValue(words)), Int16Array.of(1, 2));
  const bytes = Uint8Array.of(1, 2, 3);
  for (const name of ["byteLength", "length"]) Object.defineProperty(bytes, name, { value: 1e9 });
  assert.deepEqual([...(unpackValue(packValue(bytes)) as Uint8Array)], [1, 2, 3]);
  const date = Object.assign(new Date(5), { getTime: () => 9 });
  assert.deepEqual(unpackValue(packValue(date)), new Date(5));
  for (const fake of [Map, Set, Promise, ArrayBuffer, DataView])
    assert.throws(() => packValue(Object.create(fake.prototype)), { code: "value-uncloneable" });
});

test("a name that an error gave itself leads nowhere", () => {
  for (const name of ["valueOf", "constructor", "toString", "__proto__", "hasOwnProperty", "X"]) {
    const error = new Error("text");
    Object.defineProperty(error, "name", { value: name });
    const read = unpackValue(packValue(error)) as Error;
    assert.equal(Object.getPrototypeOf(read), Error.prototype);
    assert.deepEqual([read.name, read.message, read.stack], [name, "text", `${name}: text`]);
  }
});

test("other bytes are refused, or are a value in which everything is new", () => {
  const written = any.map((value) => packValue(value));
  const spoilt = fc
    .tuple(written, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat())
    .map(([bytes, changes, cut]) => {
      const copy = bytes.slice(0, bytes.length - (cut % 3));
      for (const [at, byte] of changes) if (copy.length > 0) copy[at % copy.length] = byte;
      return copy;
    });
  fc.assert(
    fc.property(fc.oneof(spoilt, fc.uint8Array({ maxLength: 60 })), (bytes) => {
      let value: unknown;
      try {
        value = unpackValue(bytes);
      } catch (error) {
        assert.equal((error as { code?: string }).code, "value-malformed");
        return;
      }
      const first = objectsIn(value);
      for (const each of objectsIn(unpackValue(bytes))) assert.ok(!first.has(each));
    }),
    { numRuns: 5_000 },
  );
  for (const bytes of [[0xc1], [0x91, 0xc1], [], [0x40], [0xd4, 0x65, 0, 0x93, 0xa1, 0x78, 0xc1]])
    assert.throws(() => unpackValue(Uint8Array.from(bytes)), { code: "value-malformed" });
  const deep = new Uint8Array(100_000).fill(0x91);
  assert.throws(() => unpackValue(deep), { code: "value-malformed" });
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

/** All objects that a value is made of. */
function objectsIn(value: unknown, into = new Set<object>()): Set<object> {
  if (typeof value !== "object" || value === null || into.has(value)) return into;
  into.add(value);
  if (ArrayBuffer.isView(value)) into.add(value.buffer);
  else if (value instanceof Map || value instanceof Set)
    for (const each of [...value.keys(), ...value.values()]) objectsIn(each, into);
  else for (const each of Object.values(value)) objectsIn(each, into);
  return into;
}
