import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeG711 } from "./g711.ts";

test("µ-law: silence, the ends of the scale, and symmetry", () => {
  assert.deepEqual(
    [...decodeG711(Uint8Array.of(0xff, 0x7f, 0x00, 0x80, 0xf0, 0x70), "pcmu")],
    [0, 0, -32_124, 32_124, 120, -120],
  );
});

test("A-law: the least steps, the ends of the scale, and symmetry", () => {
  assert.deepEqual(
    [...decodeG711(Uint8Array.of(0xd5, 0x55, 0x2a, 0xaa, 0xc5, 0x45), "pcma")],
    [8, -8, -32_256, 32_256, 264, -264],
  );
});

test("both rise with their codes over the whole scale", () => {
  // Positive codes from silence up: µ-law counts down from 0xff, A-law up from 0x80 with every other bit turned.
  const mu = decodeG711(
    Uint8Array.from({ length: 128 }, (_, index) => 0xff - index),
    "pcmu",
  );
  const a = decodeG711(
    Uint8Array.from({ length: 128 }, (_, index) => (0x80 | index) ^ 0x55),
    "pcma",
  );
  for (const samples of [mu, a]) {
    assert.ok(samples.every((sample, index) => index === 0 || sample > (samples[index - 1] ?? 0)));
  }
});
