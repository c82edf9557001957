import assert from "node:assert/strict";
import { test } from "node:test";
import { ArrivalLog } from "./arrivals.ts";

test("gaps are times between neighbouring frames, the first has none", () => {
  const log = new ArrivalLog(1_000);
  log.frame(100, 40);
  log.frame(133, undefined);
  assert.deepEqual(log.window(200), {
    at: [100, 133],
    gapMs: [undefined, 33],
    latencyMs: [40, undefined],
    marks: [],
  });
});

test("what is older than the window is forgotten, the gap into the window is kept", () => {
  const log = new ArrivalLog(1_000);
  for (const at of [0, 500, 1_400]) log.frame(at, undefined);
  assert.deepEqual(log.window(1_600).gapMs, [900]);
});

test("a path is marked when it changes, not when it is first known", () => {
  const log = new ArrivalLog(1_000);
  log.path(1, ["origin", "south"]);
  log.path(2, ["origin", "south"]);
  log.path(3, []);
  log.path(4, ["origin", "north", "south"]);
  assert.deepEqual(log.window(10).marks, [{ at: 4, path: ["origin", "north", "south"] }]);
  assert.deepEqual(log.window(2_000).marks, []);
});

test("a log that is never read is bounded", () => {
  const log = new ArrivalLog(1e9);
  for (let at = 0; at < 50_000; at++) {
    log.frame(at, undefined);
    log.path(at, [`site-${at}`]);
  }
  const { at, marks } = log.window(50_000);
  assert.equal(at.length, 7_200);
  assert.equal(at.at(-1), 49_999);
  assert.equal(marks.length, 100);
});

test("clearing forgets the path too", () => {
  const log = new ArrivalLog(1_000);
  log.path(1, ["origin"]);
  log.frame(1, undefined);
  log.clear();
  log.path(2, ["north"]);
  assert.deepEqual(log.window(3), { at: [], gapMs: [], latencyMs: [], marks: [] });
});
