import assert from "node:assert/strict";
import { test } from "node:test";
import { PlayoutDelay } from "./playout-delay.ts";

/** Frames of 20 ms for so many ms, each as late as told. @returns what they added to the delay, ms */
function play(lateMs: (atMs: number) => number, forMs: number): number {
  const delay = new PlayoutDelay();
  for (let at = 0; at < forMs; at += 20)
    delay.ready({ lateMs: lateMs(at) - delay.extraMs, targetDelayMs: 100, isApart: false }, at);
  return delay.extraMs;
}

test("media that is late half of the time lengthens the delay, until it is not", () => {
  const addedMs = play((at) => (at % 1_000 < 500 ? 4 : -4), 6_000);
  assert.ok(addedMs >= 4 && addedMs <= 20, `${addedMs} ms`);
});

test("a burst that is late, and single frames that are, do not lengthen the delay", () => {
  assert.equal(
    play((at) => (at < 300 ? 400 : -20), 6_000),
    0,
  );
  assert.equal(
    play((at) => (at % 60 === 0 ? 50 : -20), 6_000),
    0,
  );
});

test("media that was held up, and catches up, does not lengthen the delay, however long that takes", () => {
  for (const pace of [1, 3, 5]) {
    for (const heldUpMs of [1_000, 4_000, 12_000])
      assert.equal(
        play((at) => Math.max(heldUpMs - at * pace, -20), 20_000),
        0,
        `${heldUpMs} ms at ${pace}`,
      );
  }
});
