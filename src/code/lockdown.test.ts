import assert from "node:assert/strict";
import { test } from "node:test";
import { packValue, unpackValue } from "../wire/index.ts";
import { CODE_KINDS } from "./code-kinds.ts";
import { isLockedDown, lockDown } from "./lockdown.ts";
import { stripTypes } from "./strip-types.ts";

const readerWarm = packValue({ made: "before", list: [1, 2.5] });

lockDown();

test("a thread is locked down once, however often it is asked for", () => {
  lockDown();
  assert.equal(isLockedDown(), true);
  assert.ok(Object.isFrozen(Object.prototype));
  const { prototype } = Uint8Array;
  const prototypes = [Array.prototype, prototype, Object.getPrototypeOf(prototype), Map.prototype];
  for (const each of prototypes) {
    assert.ok(Object.isFrozen(each));
    for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(each))) {
      assert.equal(property.configurable, false, key);
      assert.notEqual(property.writable, true, key);
    }
  }
  assert.match(String(Object.freeze), /native code/);
});

test("memory of WebAssembly that has grown is seen to be gone, so that types are stripped from long texts, too", () => {
  const { Memory } = Reflect.get(globalThis, "WebAssembly") as {
    Memory: new (size: {
      initial: number;
    }) => { readonly buffer: ArrayBuffer; grow(by: number): void };
  };
  const memory = new Memory({ initial: 1 });
  const { buffer } = memory;
  const isGone = (): unknown => Reflect.get(buffer, "detached");
  assert.equal(isGone(), false);
  memory.grow(1);
  assert.equal(isGone(), true);
  assert.equal(Reflect.get(new ArrayBuffer(0), "detached"), false);
  const text = `export default {\n${"// a line that says nothing\n".repeat(5_000)}};`;
  assert.equal(stripTypes({ text, prefix: "", file: "agent", kind: CODE_KINDS.agent }), text);
});

test("bytes are as quick to write as they are to read", () => {
  const bytes = new Uint8Array(4_096);
  const round = (): [write: number, read: number] => {
    const began = process.cpuUsage().user;
    for (let time = 0; time < 200; time++)
      for (let index = 0; index < bytes.length; index++) bytes[index] = time;
    const written = process.cpuUsage().user;
    let sum = 0;
    for (let time = 0; time < 200; time++)
      for (let index = 0; index < bytes.length; index++) sum += bytes[index] as number;
    assert.ok(sum > 0);
    return [written - began, process.cpuUsage().user - written];
  };
  round();
  // With the elements of prototypes marked as frozen it is 20 times as long and more.
  const isQuick = Array.from({ length: 5 }, round).some(([write, read]) => write < 8 * read);
  assert.ok(isQuick);
});

test("the thread's own code keeps the time, chance, the console and evaluation", () => {
  assert.ok(new Date().getFullYear() > 2000);
  assert.ok(Number.isFinite(Date.now()));
  assert.ok(Math.random() < 1);
  assert.equal(typeof console.log, "function");
  assert.equal(new Function("return 1")(), 1);
});

test("values are packed and read as before, again and again", () => {
  assert.deepEqual(unpackValue(readerWarm), { made: "before", list: [1, 2.5] });
  for (let round = 0; round < 40; round++) {
    const value: Record<string, unknown> = {
      round,
      half: round + 0.5,
      big: 10n ** 20n,
      map: new Map<unknown, unknown>([[1, { deep: new Set(["x"]) }]]),
      when: new Date(round),
      pattern: /a+/g,
      bytes: Uint8Array.of(1, 2, 3),
      floats: new Float64Array([1.5, Number.NaN]),
      odd: { constructor: 1, preparedValue: 2, toString: 3, hasOwnProperty: 4 },
    };
    value["self"] = value;
    const read = unpackValue(packValue(value)) as typeof value;
    assert.equal(read["self"], read);
    assert.deepEqual(read, value);
  }
  const error = unpackValue(packValue(new TypeError("no"))) as Error;
  assert.ok(error instanceof TypeError);
  assert.equal(error.message, "no");
});

test("names of the language can be keys, and an error can be given another name", () => {
  const counts: Record<string, number> = {};
  for (const key of ["constructor", "preparedValue", "toString", "hasOwnProperty"]) counts[key] = 1;
  assert.deepEqual(Object.keys(counts), [
    "constructor",
    "preparedValue",
    "toString",
    "hasOwnProperty",
  ]);
  const error = new RangeError("far");
  error.name = "Lost";
  assert.equal(String(error), "Lost: far");
  assert.throws(() => {
    Object.prototype.toString = () => "mine";
  }, TypeError);
});

test("errors of the thread's own code say where they come from", () => {
  assert.match(String(new Error("here").stack), /lockdown\.test/);
});

test("code in a compartment reaches nothing outside, by any detour", () => {
  const compartment = new Compartment({ __options__: true });
  for (const name of ["process", "require", "fetch", "setTimeout", "performance", "Buffer"]) {
    assert.equal(compartment.evaluate(`typeof ${name}`), "undefined", name);
  }
  assert.equal(compartment.evaluate(`Function("return typeof process")()`), "undefined");
  assert.throws(() => compartment.evaluate(`(() => {}).constructor("return process")()`));
  assert.throws(() => compartment.evaluate("Date.now()"));
  assert.throws(() => compartment.evaluate("Math.random()"));
  assert.throws(() => compartment.evaluate("Array.prototype.push = 1"));
  assert.equal(compartment.evaluate("typeof Error.captureStackTrace({}, 1)"), "undefined");
  assert.equal(
    compartment.evaluate(
      "Error.prepareStackTrace = (_, sites) => sites; typeof new Error('x').stack",
    ),
    "string",
  );
});
