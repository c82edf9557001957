import assert from "node:assert/strict";
import { test } from "node:test";
import { lockDown } from "../../code/index.ts";
import { textCodecs } from "./text-codecs.ts";

lockDown();
const { TextDecoder: Decoder, TextEncoder: Encoder } = textCodecs() as {
  readonly TextDecoder: typeof TextDecoder;
  readonly TextEncoder: typeof TextEncoder;
};

test("agents encode and decode as the platform does", () => {
  const text = "täxt €😀 \ud800";
  assert.deepEqual(new Encoder().encode(text), new Uint8Array(new TextEncoder().encode(text)));
  assert.deepEqual(new Encoder().encode(), new Uint8Array(0));
  const into = [new Uint8Array(5), new Uint8Array(5)] as const;
  assert.deepEqual(
    new Encoder().encodeInto("a€😀", into[0]),
    new TextEncoder().encodeInto("a€😀", into[1]),
  );
  assert.deepEqual(into[0], into[1]);
  const bytes = new TextEncoder().encode("\ufeffa€");
  for (const options of [{}, { ignoreBOM: true }, { fatal: true }])
    for (const input of [bytes, bytes.buffer.slice(0), new DataView(bytes.buffer)])
      assert.equal(
        new Decoder("utf-8", options).decode(input),
        new TextDecoder("utf-8", options).decode(bytes),
      );
  const decoder = new Decoder("utf-16le");
  assert.deepEqual(
    [decoder.encoding, decoder.fatal, decoder.ignoreBOM],
    ["utf-16le", false, false],
  );
  const parts = [Uint8Array.of(0x41), Uint8Array.of(0)];
  assert.equal(parts.map((part) => decoder.decode(part, { stream: true })).join(""), "A");
});

test("what the platform would end for, or answer with errors of its own, is an error of the language", () => {
  const refusals: readonly (() => unknown)[] = [
    () => new Decoder("none"),
    () => new Decoder().decode("text" as never),
    () => new Decoder().decode(Object.create(Uint8Array.prototype) as never),
    () => new Decoder("utf-8", { fatal: true }).decode(Uint8Array.of(0xff)),
    () => new Encoder().encodeInto("x", {} as never),
    () => new Encoder().encodeInto("x", new Int8Array(2) as never),
    () => Reflect.apply(Decoder.prototype.decode, Object.create(Decoder.prototype), []),
  ];
  for (const refusal of refusals)
    assert.throws(refusal, (error: Error) => {
      const prototype = Object.getPrototypeOf(error);
      assert.ok(prototype === TypeError.prototype || prototype === RangeError.prototype);
      assert.deepEqual(Reflect.ownKeys(error).sort(), ["message", "stack"]);
      return true;
    });
});

test("there is nothing of them to change", () => {
  for (const made of [new Decoder("utf-16le"), new Encoder()]) {
    assert.deepEqual(Reflect.ownKeys(made), []);
    assert.ok(Object.isFrozen(Object.getPrototypeOf(made)));
    assert.ok(Object.isFrozen(Object.getPrototypeOf(made).constructor));
  }
});
