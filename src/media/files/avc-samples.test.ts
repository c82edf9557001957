import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { annexBOf, decodeAvcConfiguration, decodeHevcConfiguration } from "./avc-samples.ts";

const RECORD = Uint8Array.of(
  ...[1, 0x4d, 0x40, 0x1e, 0xff],
  ...[0xe1, 0, 3, 0x67, 0x4d, 0x40],
  ...[1, 0, 2, 0x68, 0xea],
);

test("a configuration record has the sets and the size of lengths", () => {
  assert.deepEqual(decodeAvcConfiguration(RECORD), {
    lengthBytes: 4,
    parameterSets: [Uint8Array.of(0x67, 0x4d, 0x40), Uint8Array.of(0x68, 0xea)],
  });
});

test("a truncated record, or one of another version, is malformed; parsing never throws", () => {
  for (let length = 0; length < RECORD.length; length++) {
    const cut = decodeAvcConfiguration(RECORD.subarray(0, length));
    assert.ok(cut === undefined || cut.parameterSets.length < 2);
  }
  assert.equal(decodeAvcConfiguration(Uint8Array.of(2, ...RECORD.subarray(1))), undefined);
  fc.assert(fc.property(fc.uint8Array(), (bytes) => void decodeAvcConfiguration(bytes)));
});

/** Arrays of PPS, SEI, VPS and SPS, out of order, after 21 bytes that do not matter here. */
const HEVC_RECORD = Uint8Array.of(
  ...[1, ...new Uint8Array(20), 0x0f, 4],
  ...[0xa2, 0, 2, 0, 2, 0x44, 1, 0, 3, 0x44, 1, 2],
  ...[0xa7, 0, 1, 0, 2, 0x4e, 1],
  ...[0xa0, 0, 1, 0, 3, 0x40, 1, 0x0c],
  ...[0xa1, 0, 1, 0, 3, 0x42, 1, 1],
);

test("an H.265 record returns its sets in the order that decoders need", () => {
  assert.deepEqual(decodeHevcConfiguration(HEVC_RECORD), {
    lengthBytes: 4,
    parameterSets: [
      Uint8Array.of(0x40, 1, 0x0c),
      Uint8Array.of(0x42, 1, 1),
      Uint8Array.of(0x44, 1),
      Uint8Array.of(0x44, 1, 2),
    ],
  });
});

test("a truncated H.265 record is malformed; parsing never throws", () => {
  for (let length = 0; length < HEVC_RECORD.length; length++) {
    assert.equal(decodeHevcConfiguration(HEVC_RECORD.subarray(0, length)), undefined);
  }
  const record = fc.uint8Array({ maxLength: 60 }).map((rest) => Uint8Array.of(1, ...rest));
  fc.assert(fc.property(record, (bytes) => void decodeHevcConfiguration(bytes)));
});

test("lengths become start codes, after the parameter sets", () => {
  const sample = Uint8Array.of(0, 0, 0, 2, 0x65, 1, 0, 0, 0, 1, 0x06);
  assert.deepEqual(
    annexBOf(sample, 4, [Uint8Array.of(0x67)]),
    Uint8Array.of(0, 0, 0, 1, 0x67, 0, 0, 0, 1, 0x65, 1, 0, 0, 0, 1, 0x06),
  );
});

test("a sample whose length exceeds its bytes is malformed", () => {
  assert.equal(annexBOf(Uint8Array.of(0, 0, 0, 3, 1, 2), 4, []), undefined);
  assert.equal(annexBOf(Uint8Array.of(0, 0), 4, []), undefined);
  assert.deepEqual(annexBOf(Uint8Array.of(1, 9), 1, []), Uint8Array.of(0, 0, 0, 1, 9));
});
