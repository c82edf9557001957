import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { serialAdd } from "../base/index.ts";
import { SequenceWindow } from "./sequence-window.ts";

const bits = fc.constantFrom(16 as const, 32 as const);
const start = fc.nat(0xffff);

test("each number is new once and a duplicate afterwards, in any order, across the wrap", () => {
  fc.assert(
    fc.property(
      bits,
      start,
      fc.array(fc.integer({ min: -200, max: 900 })),
      (width, first, steps) => {
        const window = new SequenceWindow(width, first, 0);
        const seen = new Set([0]);
        for (const step of steps) {
          const verdict = window.accept(serialAdd(first, step, width), 0);
          assert.equal(verdict, seen.has(step) ? "duplicate" : "new");
          seen.add(step);
        }
      },
    ),
  );
});

test("exactly the numbers that were skipped and have not arrived are missing", () => {
  fc.assert(
    fc.property(bits, start, fc.array(fc.nat(900)), (width, first, steps) => {
      const window = new SequenceWindow(width, first, 0);
      const seen = new Set([0]);
      for (const step of steps) {
        window.accept(serialAdd(first, step, width), 0);
        seen.add(step);
      }
      const highest = Math.max(...seen);
      const expected = Array.from({ length: highest }, (_, step) => step)
        .filter((step) => !seen.has(step))
        .map((step) => serialAdd(first, step, width));
      assert.deepEqual(
        [...window.missing].map(({ sequence }) => sequence).sort((a, b) => a - b),
        expected.sort((a, b) => a - b),
      );
    }),
  );
});

test("a resume begins at the lowest missing of the last 64, else after the newest", () => {
  const window = new SequenceWindow(16, 65_530, 0);
  assert.equal(window.resumeAt(), 65_531);
  for (const step of [1, 2, 4, 5, 8]) window.accept(serialAdd(65_530, step, 16), 0);
  assert.equal(window.resumeAt(), 65_533);
  window.accept(65_533, 0);
  assert.equal(window.resumeAt(), 0);
});

test("a number far behind is too old, and a jump ahead starts over", () => {
  const window = new SequenceWindow(32, 100_000, 0);
  assert.equal(window.accept(100_000 - 8_192, 0), "too-old");
  assert.equal(window.accept(200_000, 0), "new");
  assert.equal(window.missingCount, 0);
  assert.equal(window.accept(200_000, 0), "duplicate");
});

test("holes are followed up to a bound", () => {
  const window = new SequenceWindow(32, 0, 0);
  window.accept(5_000, 0);
  assert.equal(window.missingCount, 1_024);
});

test("numbers announced as a gap are no longer missing, and are duplicates if they arrive", () => {
  const window = new SequenceWindow(16, 10, 0);
  window.accept(15, 0);
  window.skip(11, 3, 0);
  assert.deepEqual(
    [...window.missing].map(({ sequence }) => sequence),
    [14],
  );
  assert.equal(window.accept(12, 0), "duplicate");
  window.skip(14, 6, 0);
  assert.equal(window.highest, 19);
  assert.equal(window.missingCount, 0);
});

test("numbers that were announced as sent and have not arrived are missing", () => {
  const window = new SequenceWindow(16, 65_535, 0);
  window.expect(1, 5);
  assert.deepEqual(
    [...window.missing].map(({ sequence }) => sequence),
    [0, 1],
  );
  assert.equal(window.accept(1, 6), "new");
  assert.equal(window.accept(2, 6), "new");
  assert.deepEqual(
    [...window.missing].map(({ sequence }) => sequence),
    [0],
  );
});

test("[W40] numbers from before the beginning are accepted at the beginning only, or when they were requested", () => {
  const window = new SequenceWindow(16, 100, 1_000);
  assert.equal(window.accept(99, 1_020), "new");
  assert.equal(window.accept(120, 1_700), "new");
  assert.equal(window.accept(98, 1_700), "too-old");
  assert.equal(window.accept(110, 1_700), "new");
  assert.equal(window.want(97, 1_800), true);
  assert.equal(window.accept(97, 1_900), "new");
  assert.equal(window.accept(97, 1_900), "duplicate");
  // A request for one number does not make its neighbours acceptable.
  assert.equal(window.accept(98, 1_900), "too-old");
  assert.equal(window.accept(90, 1_900), "too-old");
  // A jump is a new beginning.
  assert.equal(window.accept(20_000, 2_000), "new");
  assert.equal(window.accept(19_999, 2_010), "new");
  assert.equal(window.accept(19_998, 2_600), "too-old");
});

test("a number from before the window's beginning is wanted when a subscriber misses it, and others are not", () => {
  const window = new SequenceWindow(16, 3, 0);
  window.accept(6, 0);
  assert.equal(window.want(4, 1), true);
  assert.equal(window.want(65_535, 1), true);
  assert.equal(window.want(6, 1), false);
  assert.equal(window.want(7, 1), true);
  assert.deepEqual(
    [...window.missing].map(({ sequence }) => sequence),
    [4, 5, 65_535],
  );
  window.forget(65_535);
  assert.equal(window.want(65_535, 2), false);
});

test("a number is missing until it comes or is abandoned, and may come even then", () => {
  const window = new SequenceWindow(16, 10, 0);
  window.accept(14, 100);
  assert.deepEqual(
    [10, 11, 12, 13, 15].map((sequence) => window.misses(sequence, 100)),
    [false, true, true, true, false],
  );
  assert.equal(window.misses(11, 101), false, "it has been missing for longer");
  window.abandon(12, 2);
  assert.deepEqual([window.misses(11, 100), window.misses(12, 100)], [true, false]);
  assert.equal(window.accept(12, 900), "new");
});
