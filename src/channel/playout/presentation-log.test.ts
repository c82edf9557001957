import assert from "node:assert/strict";
import { test } from "node:test";
import { PresentationLog } from "./presentation-log.ts";

function play(
  log: PresentationLog,
  pictures: { count: number; intervalMs: number; from: number },
): number {
  const { count, intervalMs, from } = pictures;
  for (let index = 0; index < count; index++)
    log.presented(from + index * intervalMs, from + index * intervalMs);
  return from + (count - 1) * intervalMs;
}

test("evenly shown pictures have no freezes, and their interval is learnt", () => {
  const log = new PresentationLog();
  play(log, { count: 200, intervalMs: 20, from: 0 });
  assert.deepEqual([log.count, log.freezes, log.longestGapMs], [200, 0, 20]);
  assert.ok(Math.abs(log.frameIntervalMs - 20) < 0.1);
});

test("a gap above 150 ms and three intervals is a freeze; both are reported", () => {
  const log = new PresentationLog();
  const end = play(log, { count: 50, intervalMs: 40, from: 0 });
  log.presented(end + 149, end + 40);
  assert.equal(log.freezes, 0);
  log.presented(end + 149 + 151, end + 80);
  assert.equal(log.freezes, 1);
  assert.equal(log.longestGapMs, 151);
});

test("a slow slide show does not freeze", () => {
  const log = new PresentationLog();
  const end = play(log, { count: 100, intervalMs: 500, from: 0 });
  const before = log.freezes;
  play(log, { count: 20, intervalMs: 500, from: end + 500 });
  assert.equal(log.freezes, before);
});

test("a gap while the program stood still is not a freeze of the picture", () => {
  const log = new PresentationLog();
  const end = play(log, { count: 50, intervalMs: 40, from: 0 });
  log.interrupt();
  play(log, { count: 5, intervalMs: 40, from: end + 700 });
  assert.deepEqual([log.count, log.freezes, log.longestGapMs], [55, 0, 40]);
  log.presented(end + 700 + 5 * 40 + 400, end + 900);
  assert.equal(log.freezes, 1, "the next gap counts again");
});
