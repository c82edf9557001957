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

test("runs that die soon after their start are counted, until one lives longer", () => {
  assert.deepEqual(
    [1, 2, 3].map(() => watch().begin()),
    [0, 1, 2],
  );
  const clock = new VirtualClock();
  assert.equal(watch(clock).begin(), 3);
  clock.advance(LIMITS.quickDeathMs - 1);
  assert.equal(watch(clock).begin(), 4);
  clock.advance(LIMITS.quickDeathMs);
  assert.equal(watch().begin(), 0);
  assert.equal(watch().begin(), 1);
});

test("a run that ends in order is no death, and its note is gone", () => {
  assert.equal(watch().begin(), 0);
  const second = watch();
  assert.equal(second.begin(), 1);
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
