import assert from "node:assert/strict";
import { test } from "node:test";
import { AudioSchedule } from "./audio-schedule.ts";

/** Chunks of 20 ms from `from` on, wanted at their position plus one second plus `skew`. */
function place(
  schedule: AudioSchedule,
  range: { from: number; to: number; skew: (position: number) => number },
) {
  const placements = [];
  for (let index = range.from; index < range.to; index++) {
    const position = index * 0.02;
    const wantedAt = position + 1 + range.skew(position);
    placements.push(schedule.place({ position, wantedAt, now: position + 0.9 }));
  }
  return placements;
}

test("chunks join without a gap, though the audio clock is read unevenly", () => {
  const schedule = new AudioSchedule();
  const placements = place(schedule, { from: 0, to: 500, skew: (at) => 0.012 * Math.sin(at * 40) });
  for (const [index, placement] of placements.entries()) {
    assert.ok(Math.abs((placement?.at ?? 0) - (1 + index * 0.02)) < 1e-9);
    assert.equal(placement?.moved, index === 0);
  }
  assert.equal(schedule.resyncs, 0);
});

test("sound that drifted 40 ms off is moved to where it belongs", () => {
  const schedule = new AudioSchedule();
  const placements = place(schedule, { from: 0, to: 5_000, skew: (at) => at / 1_000 });
  assert.ok(schedule.resyncs >= 1 && schedule.resyncs <= 3, `${schedule.resyncs} resyncs`);
  for (const [index, placement] of placements.entries()) {
    const wantedAt = index * 0.02 + 1 + (index * 0.02) / 1_000;
    assert.ok(Math.abs((placement?.at ?? 0) - wantedAt) < 0.05);
  }
});

test("a jump of the clock moves the next chunk", () => {
  const schedule = new AudioSchedule();
  place(schedule, { from: 0, to: 10, skew: () => 0 });
  const [first, second] = place(schedule, { from: 10, to: 12, skew: () => 0.3 });
  assert.deepEqual([first?.moved, second?.moved], [true, false]);
  assert.ok(Math.abs((first?.at ?? 0) - 1.5) < 1e-9);
});

test("a chunk that is too late is left out, and audio continues after it", () => {
  const schedule = new AudioSchedule();
  assert.equal(schedule.place({ position: 0, wantedAt: 0.5, now: 1 }), undefined);
  assert.equal(schedule.place({ position: 0.02, wantedAt: 1.1, now: 1 })?.at, 1.1);
  assert.equal(schedule.place({ position: 0.04, wantedAt: 1.12, now: 2 }), undefined);
  assert.equal(schedule.place({ position: 1.06, wantedAt: 2.14, now: 2 })?.at, 2.14);
});

test("lost chunks leave their time silent", () => {
  const schedule = new AudioSchedule();
  schedule.place({ position: 0, wantedAt: 1, now: 0.9 });
  const next = schedule.place({ position: 0.06, wantedAt: 1.06, now: 0.95 });
  assert.equal(next?.moved, false);
  assert.ok(Math.abs((next?.at ?? 0) - 1.06) < 1e-9);
});
