import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "../../base/index.ts";
import { PlayoutClock } from "./playout-clock.ts";

const TARGET = 120;

interface Flow {
  readonly from: number;
  readonly to: number;
  readonly intervalMs?: number;
  readonly track?: string;
  /** Time on the way of the frame with this media time, ms. */
  readonly transit: (mediaMs: number) => number;
}

function flow(
  clock: PlayoutClock,
  { from, to, intervalMs = 40, track = "video", transit }: Flow,
): void {
  for (let mediaMs = from; mediaMs < to; mediaMs += intervalMs) {
    const now = mediaMs + transit(mediaMs);
    clock.arrived(track, mediaMs, now);
    clock.ready(track, mediaMs, now);
  }
}

test("nothing plays before something arrived", () => {
  const clock = new PlayoutClock({ targetDelayMs: TARGET });
  assert.equal(clock.playAt("video", 0), undefined);
  assert.equal(clock.settled(0), false);
});

test("media plays the target delay after the least delay on the way, through jitter", () => {
  const random = new SeededRandom(7);
  const clock = new PlayoutClock({ targetDelayMs: TARGET });
  flow(clock, { from: 0, to: 20_000, transit: () => 50 + random.float() * 60 });
  const delay = (clock.playAt("video", 20_000) ?? 0) - 20_000;
  assert.ok(Math.abs(delay - (50 + TARGET)) < 8, `${delay}`);
  assert.equal(clock.delayMs, TARGET);
});

test("a burst of the past catches up with live within the burst", () => {
  const clock = new PlayoutClock({ targetDelayMs: TARGET });
  // The newest 800 ms come within 200 ms, then live.
  flow(clock, { from: 0, to: 800, transit: (mediaMs) => 810 - 0.75 * mediaMs });
  flow(clock, { from: 800, to: 1_600, transit: () => 210 });
  assert.ok(Math.abs((clock.playAt("video", 1_600) ?? 0) - (1_600 + 210 + TARGET)) < 2);
  assert.equal(clock.settled(1_600 + 210), true);
});

test("sound waits while a burst catches up", () => {
  const clock = new PlayoutClock({ targetDelayMs: TARGET });
  flow(clock, { from: 0, to: 800, transit: (mediaMs) => 800 - 0.75 * mediaMs });
  assert.equal(clock.settled(800 + 200), false);
});

test("all tracks wait for the slowest", () => {
  const clock = new PlayoutClock({ targetDelayMs: TARGET });
  for (let mediaMs = 0; mediaMs < 2_000; mediaMs += 20) {
    clock.arrived("audio", mediaMs, mediaMs + 10);
    if (mediaMs >= 180) clock.arrived("video", mediaMs - 180, mediaMs + 10);
  }
  assert.ok(Math.abs((clock.playAt("video", 2_000) ?? 0) - (2_000 + 190 + TARGET)) < 10);
});

test("a stall makes frames late, not the delay longer", () => {
  const clock = new PlayoutClock({ targetDelayMs: TARGET });
  flow(clock, { from: 0, to: 5_000, transit: () => 10 });
  flow(clock, { from: 5_000, to: 5_200, transit: (mediaMs) => 210 - (mediaMs - 5_000) });
  flow(clock, { from: 5_200, to: 6_000, transit: () => 10 });
  assert.ok(Math.abs((clock.playAt("video", 6_000) ?? 0) - (6_000 + 10 + TARGET)) < 2);
});

test("a path that stays longer lengthens the delay, a shorter one takes it back", () => {
  const clock = new PlayoutClock({ targetDelayMs: TARGET });
  flow(clock, { from: 0, to: 5_000, transit: () => 10 });
  flow(clock, { from: 5_000, to: 9_000, transit: () => 200 });
  assert.ok((clock.playAt("video", 9_000) ?? 0) >= 9_000 + 200);
  flow(clock, { from: 9_000, to: 30_000, transit: () => 10 });
  const delay = (clock.playAt("video", 30_000) ?? 0) - 30_000;
  assert.ok(delay < 10 + TARGET + 10, `${delay}`);
});

test("sound whose way stays longer lengthens the delay, though pictures are in time", () => {
  const clock = new PlayoutClock({ targetDelayMs: TARGET });
  const both = (from: number, to: number, soundTransit: number): void => {
    for (let mediaMs = from; mediaMs < to; mediaMs += 20) {
      const now = mediaMs + 300;
      const heard = now - soundTransit;
      clock.arrived("video", now - 10, now);
      clock.ready("video", now - 10, now);
      clock.arrived("audio", heard, now);
      clock.ready("audio", heard, now, 40);
    }
  };
  both(0, 5_000, 10);
  assert.equal(clock.delayMs, TARGET);
  both(5_000, 9_000, 250);
  const heard = 9_000 + 300 - 250;
  assert.ok((clock.playAt("audio", heard) ?? 0) >= 9_300 + 40, `${clock.playAt("audio", heard)}`);
});

test("drift between the clocks is followed without a step", () => {
  const clock = new PlayoutClock({ targetDelayMs: TARGET });
  let largestStep = 0;
  let last = Number.NaN;
  flow(clock, {
    from: 0,
    to: 120_000,
    transit: (mediaMs) => {
      const offset = (clock.playAt("video", mediaMs) ?? Number.NaN) - mediaMs;
      if (!Number.isNaN(last)) largestStep = Math.max(largestStep, Math.abs(offset - last));
      last = offset;
      return 10 + mediaMs / 2_000;
    },
  });
  assert.ok(largestStep < 2, `${largestStep}`);
  assert.ok(Math.abs((clock.playAt("video", 120_000) ?? 0) - (120_000 + 70 + TARGET)) < 12);
});

test("a sender's clock that is 4 % off does not keep the clock from settling", () => {
  for (const drift of [0.04, -0.04]) {
    for (const intervalMs of [20, 40, 100]) {
      const clock = new PlayoutClock({ targetDelayMs: TARGET });
      flow(clock, { from: 0, to: 400, intervalMs, transit: (mediaMs) => 20 - mediaMs * drift });
      assert.equal(clock.settled(400 * (1 - drift)), true, `${drift}, ${intervalMs} ms`);
    }
  }
});

test("pictures that come before those they hold together do not shorten the delay", () => {
  const clock = new PlayoutClock({ targetDelayMs: TARGET });
  // Decoding order I P B B with pictures 40 ms apart: each P comes 80 ms ahead of its time, each B 40 ms after it.
  for (let group = 0; group < 100; group++) {
    const start = group * 120;
    for (const [index, offset] of [120, 40, 80].entries()) {
      clock.arrived("video", start + offset, start + 40 + index * 40 + 10);
    }
  }
  const delay = (clock.playAt("video", 12_000) ?? 0) - 12_000;
  assert.ok(delay >= 50 + TARGET - 2, `${delay}`);
});

test("the target delay can change while playing", () => {
  const clock = new PlayoutClock({ targetDelayMs: TARGET });
  flow(clock, { from: 0, to: 2_000, transit: () => 10 });
  clock.targetDelayMs = 1_000;
  flow(clock, { from: 2_000, to: 4_000, transit: () => 10 });
  assert.ok(Math.abs((clock.playAt("video", 4_000) ?? 0) - 5_010) < 2);
});

test("lateness while the program stood still does not lengthen the delay", () => {
  const clock = new PlayoutClock({ targetDelayMs: TARGET });
  flow(clock, { from: 0, to: 2_000, transit: () => 10 });
  // Five seconds of frames that came meanwhile, all ready at once, and too late.
  for (let mediaMs = 2_000; mediaMs < 7_000; mediaMs += 40) {
    clock.arrived("video", mediaMs, 7_010);
    clock.ready("video", mediaMs, 7_010);
  }
  flow(clock, { from: 7_000, to: 12_000, transit: () => 10 });
  assert.equal(clock.delayMs, TARGET);
  assert.ok(Math.abs((clock.playAt("video", 12_000) ?? 0) - (12_000 + 10 + TARGET)) < 2);
});

test("a track that the others cannot wait for plays by itself, and in sync again when it is in time", () => {
  const clock = new PlayoutClock({ targetDelayMs: TARGET });
  const both = (from: number, to: number, soundTransit: number): void => {
    for (let now = from; now < to; now += 20) {
      clock.arrived("video", now - 10, now);
      clock.arrived("audio", now - soundTransit, now);
    }
  };
  both(0, 5_000, 10);
  both(5_000, 15_000, 3_000);
  assert.equal(clock.isApart("audio"), true);
  assert.ok(Math.abs((clock.playAt("video", 15_000) ?? 0) - (15_000 + 10 + TARGET)) < 2);
  assert.ok(Math.abs((clock.playAt("audio", 12_000) ?? 0) - (12_000 + 3_000 + TARGET)) < 25);
  both(15_000, 20_000, 10);
  assert.equal(clock.isApart("audio"), false);
  assert.equal(clock.playAt("audio", 20_000), clock.playAt("video", 20_000));
});
