import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LIMITS } from "../../base/index.ts";
import { H264_SETS } from "./h264-nal.ts";
import { decodeParameterSets, encodeParameterSets, ParameterSets } from "./parameter-sets.ts";

test("decoding gives what was encoded as base64", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 })), (sets) => {
      assert.deepEqual(decodeParameterSets(encodeParameterSets(sets)), sets);
    }),
  );
});

test("text that is not base64 is left out, and so is empty text", () => {
  assert.deepEqual(decodeParameterSets(["aM4=", "*", "", "aM48"]), [
    Uint8Array.of(0x68, 0xce),
    Uint8Array.of(0x68, 0xce, 0x3c),
  ]);
});

test("a set replaces the one of the same kind and id, and no other", () => {
  const sets = new ParameterSets(H264_SETS);
  const spsWithId0 = Uint8Array.of(0x67, 0x42, 0, 0x1e, 0b1000_0000);
  const spsWithId1 = Uint8Array.of(0x67, 0x42, 0, 0x1e, 0b0100_0000);
  const laterWithId0 = Uint8Array.of(0x67, 0x64, 0, 0x28, 0b1111_0000);
  const pps = Uint8Array.of(0x68, 0b1000_0000);
  for (const set of [spsWithId0, spsWithId1, pps, laterWithId0]) sets.keep(set);
  assert.deepEqual([...sets.ofKind(0)], [spsWithId1, laterWithId0]);
  assert.deepEqual([...sets.ofKind(1)], [pps]);
});

test("ids are read up to the largest there is, and larger ones are ignored", () => {
  const sets = new ParameterSets(H264_SETS);
  // ue(v): eight zeros, then id + 1 in nine bits.
  const pps255 = Uint8Array.of(0x68, 0b0000_0000, 0b1000_0000, 0b0000_0000);
  const pps256 = Uint8Array.of(0x68, 0b0000_0000, 0b1000_0000, 0b1000_0000);
  const sps32 = Uint8Array.of(0x67, 0x42, 0, 0x1e, 0b0000_0100, 0b0010_0000);
  for (const set of [pps255, pps256, sps32]) sets.keep(set);
  assert.deepEqual([...sets.ofKind(1)], [pps255]);
  assert.deepEqual([...sets.ofKind(0)], []);
});

test("any bytes are kept within bounds, and never an exception", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 12 }), { maxLength: 40 }), (all) => {
      const sets = new ParameterSets(H264_SETS);
      for (const each of all) {
        sets.keep(Uint8Array.of(0x67, ...each));
        sets.keep(Uint8Array.of(0x68, ...each));
        sets.keep(each);
      }
      const kept = [...sets.ofKind(0), ...sets.ofKind(1)];
      assert(kept.length <= LIMITS.parameterSetsMax);
    }),
  );
});

test("keeping reports whether a set was unknown", () => {
  const sets = new ParameterSets(H264_SETS);
  assert.equal(sets.keep(pps(3)), true);
  assert.equal(sets.keep(pps(3)), false);
  assert.equal(sets.keep(pps(3, 100)), true);
  assert.equal(sets.keep(Uint8Array.of(0x65, 0x88)), false);
});

test("beyond the limit of sets the oldest picture sets go, and the sequence set stays", () => {
  const sets = new ParameterSets(H264_SETS);
  const sps = Uint8Array.of(0x67, 0x42, 0, 0x1e, 0b1000_0000);
  sets.keep(sps);
  for (let id = 0; id <= 20; id++) sets.keep(pps(id));
  assert.deepEqual([...sets.ofKind(0)], [sps]);
  const kept = [...sets.ofKind(1)];
  assert.equal(kept.length, LIMITS.parameterSetsMax - 1);
  assert.deepEqual(kept.at(-1), pps(20));
});

test("beyond the limit of bytes the oldest sets go, and a single set that is larger is ignored", () => {
  const sets = new ParameterSets(H264_SETS);
  assert.equal(sets.keep(pps(0, LIMITS.parameterSetsBytesMax + 1)), false);
  for (const id of [1, 2, 3]) sets.keep(pps(id, LIMITS.parameterSetsBytesMax / 2));
  assert.deepEqual(
    [...sets.ofKind(1)],
    [2, 3].map((id) => pps(id, LIMITS.parameterSetsBytesMax / 2)),
  );
});

/** `ue(v)` of an id up to 253 in 15 bits, followed by ones. */
function pps(id: number, size = 4): Uint8Array {
  const bytes = new Uint8Array(size).fill(0xff);
  const zeros = 31 - Math.clz32(id + 1);
  const code = (id + 1) << (15 - 2 * zeros);
  bytes.set([0x68, code >> 8, code & 0xff]);
  return bytes;
}
