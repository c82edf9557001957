import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { LIMITS, SILENT, VirtualClock } from "../../base/index.ts";
import { StartWatch } from "./start-watch.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "start-watch-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

function watch(clock = new VirtualClock()): StartWatch {
  return new StartWatch({ path: join(folder, "started"), clock, log: SILENT });
}

/** A run that has a stream. @returns how many died soon before */
function run(clock = new VirtualClock()): number {
  const starts = watch(clock);
  const quickDeaths = starts.begin();
  starts.runsStream();
  return quickDeaths;
}

test("runs that die soon after their start are counted, until one lives longer", () => {
  assert.deepEqual(
    [1, 2, 3].map(() => run()),
    [0, 1, 2],
  );
  const clock = new VirtualClock();
  assert.equal(run(clock), 3);
  clock.advance(LIMITS.quickDeathMs - 1);
  const next = new VirtualClock();
  assert.equal(run(next), 4);
  next.advance(LIMITS.quickDeathMs);
  assert.equal(run(), 0);
  assert.equal(run(), 1);
});

test("a run without a stream is not held against the streams, but what was halted stays so", () => {
  assert.deepEqual(
    [1, 2, 3].map(() => watch().begin()),
    [0, 0, 0],
  );
  assert.deepEqual(
    [1, 2, 3].map(() => run()),
    [0, 1, 2],
  );
  assert.deepEqual(
    [1, 2].map(() => watch().begin()),
    [3, 4],
  );
});

test("streams that come after that time are no reason to suspect them", () => {
  const clock = new VirtualClock();
  const starts = watch(clock);
  starts.begin();
  clock.advance(LIMITS.quickDeathMs);
  starts.runsStream();
  assert.equal(watch().begin(), 0);
});

test("a run that ends in order is no death, and its note is gone", () => {
  assert.equal(run(), 0);
  const second = watch();
  assert.equal(second.begin(), 1);
  second.runsStream();
  second.end();
  assert.ok(!existsSync(join(folder, "started")));
  assert.equal(watch().begin(), 0);
});

test("a note that is no note, or cannot be written, keeps no site from starting", () => {
  writeFileSync(join(folder, "started"), "{");
  assert.equal(watch().begin(), 0);
  const nowhere = new StartWatch({
    ...{ path: join(folder, "started", "below"), clock: new VirtualClock(), log: SILENT },
  });
  assert.equal(nowhere.begin(), 0);
});
