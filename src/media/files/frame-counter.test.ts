import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FRAME_COUNTER, readFrameCounter } from "./frame-counter.ts";

/** The strip of `value` in a picture of `width` x 60, with blocks of the given brightness. */
function picture(
  value: number,
  { width = 640, white = 235, black = 16, noise = (_at: number): number => 0 } = {},
): Uint8ClampedArray {
  const pixels = new Uint8ClampedArray(width * 60 * 4).fill(128);
  const block = (FRAME_COUNTER.blockPixels * width) / FRAME_COUNTER.pictureWidth;
  for (let y = 0; y < block; y++) {
    for (let x = 0; x < block * 18; x++) {
      const index = Math.floor(x / block);
      const isWhite = index === 0 || (index >= 2 && ((value >> (17 - index)) & 1) === 1);
      const at = (y * width + x) * 4;
      pixels.fill((isWhite ? white : black) + noise(at), at, at + 3);
      pixels[at + 3] = 255;
    }
  }
  return pixels;
}

test("every 16-bit number that was drawn can be read, at any size", () => {
  const widths = fc.constantFrom(240, 320, 640, 853, 1280);
  fc.assert(
    fc.property(fc.nat(0xffff), widths, fc.nat(30), (value, width, strength) => {
      const noise = (at: number): number => ((at * 7919) % (2 * strength + 1)) - strength;
      assert.equal(readFrameCounter(picture(value, { width, noise }), width), value);
    }),
    { numRuns: 60 },
  );
});

test("a picture without the strip has no number", () => {
  assert.equal(readFrameCounter(new Uint8Array(640 * 60 * 4), 640), undefined);
  assert.equal(readFrameCounter(picture(5, { white: 100, black: 60 }), 640), undefined);
  assert.equal(readFrameCounter(new Uint8Array(100), 640), undefined);
});

test("a grey block makes the number unknown rather than wrong", () => {
  const pixels = picture(0b1010);
  for (let y = 0; y < 24; y++) {
    for (let x = 5 * 24; x < 6 * 24; x++)
      pixels.fill(125, (y * 640 + x) * 4, (y * 640 + x) * 4 + 3);
  }
  assert.equal(readFrameCounter(pixels, 640), undefined);
});
