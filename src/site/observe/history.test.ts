import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { SITE, StatsHistory } from "./history.ts";
import { readHistory, writeHistory } from "./history-file.ts";
import { LEVELS, SeriesRing } from "./series-ring.ts";

const START = 1_700_000_000_000;
const SECOND = 1_000;
const MINUTE = 60_000;

/** One value a second for that many seconds. */
function fill(history: StatsHistory, seconds: number, value: (second: number) => number): number {
  for (let second = 0; second < seconds; second++) {
    history.record(START + second * SECOND, SITE, { cpu: value(second) });
  }
  return START + (seconds - 1) * SECOND;
}

test("the last minutes are kept by the second, hours more coarsely", () => {
  const history = new StatsHistory();
  const nowMs = fill(history, 3_600, (second) => second);
  const minute = history.read(SITE, { nowMs, sinceMs: MINUTE });
  assert.equal(minute.stepMs, SECOND);
  assert.deepEqual(minute.series[0]?.values.slice(-3), [3_597, 3_598, 3_599]);
  assert.equal(minute.series[0]?.values.length, 60);
  assert.equal(minute.fromMs, nowMs - 59 * SECOND);
  const hour = history.read(SITE, { nowMs, sinceMs: 60 * MINUTE });
  assert.equal(hour.stepMs, 10 * SECOND);
  assert.equal(hour.series[0]?.values.length, 360);
  assert.equal(hour.series[0]?.values[0], 4.5, "rates are averaged");
  const week = history.read(SITE, { nowMs, sinceMs: 7 * 24 * 60 * MINUTE });
  assert.equal(week.stepMs, 10 * MINUTE);
  assert.equal(week.series[0]?.values.length, 1_008);
  assert.equal(week.series[0]?.values.filter((value) => value !== null).length, 7);
});

test("delays and lags are kept at their worst", () => {
  const history = new StatsHistory();
  for (let second = 0; second < 20; second++) {
    const lag = second === 3 ? 900 : 1;
    history.record(START + second * SECOND, "clip", { lag, subscribers: 4 });
  }
  const nowMs = START + 19 * SECOND;
  const { series } = history.read("clip", { nowMs, sinceMs: 60 * MINUTE, names: ["lag"] });
  assert.deepEqual(series[0]?.values.slice(-2), [900, 1]);
  assert.equal(series.length, 1, "only what was asked for");
});

test("what had no value is null, and so is what lies before the first", () => {
  const history = new StatsHistory();
  history.record(START, SITE, { cpu: 1 });
  history.record(START + 3 * SECOND, SITE, { cpu: 2, rss: undefined });
  const { series } = history.read(SITE, { nowMs: START + 4 * SECOND, sinceMs: 6 * SECOND });
  assert.deepEqual(
    series.map(({ name, values }) => [name, values]),
    [["cpu", [null, 1, null, null, 2, null]]],
  );
});

test("a new series takes the place of the one that was idle longest, and of none that is in use", () => {
  const history = new StatsHistory({ seriesMax: 3 });
  history.record(START, "old", { drops: 1 });
  history.record(START + SECOND, "older", { drops: 1 });
  history.record(START + 2 * SECOND, SITE, { cpu: 1 });
  history.record(START + 2 * SECOND, "new", { drops: 1 });
  assert.deepEqual(history.channels, ["old", "older"], "all are in use");
  assert.equal(history.refusedCount, 1);
  const later = START + 10 * SECOND;
  history.record(later, SITE, { cpu: 1 });
  history.record(later, "new", { drops: 1 });
  assert.deepEqual(history.channels, ["new", "older"]);
  history.record(later, "newer", { drops: 1 });
  assert.deepEqual(history.channels, ["new", "newer"]);
  assert.equal(history.seriesCount, 3);
});

test("however many channels there are, the number of series stays", () => {
  const history = new StatsHistory({ seriesMax: 20 });
  for (let second = 0; second < 100; second++) {
    for (let channel = 0; channel < 10; channel++) {
      const values = { drops: 1, lag: 2, "bits-in": 3 };
      history.record(START + second * SECOND, `channel-${second % 7}-${channel}`, values);
    }
    assert.ok(history.seriesCount <= 20);
  }
});

test("a ring gives back what was put in, for any times", () => {
  const level = { stepMs: 10, count: 8 };
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 40 }), { maxLength: 60 }), (steps) => {
      const ring = new SeriesRing(level, "max");
      const expected = new Map<number, number>();
      let slot = 5;
      for (const [index, step] of steps.entries()) {
        slot += Math.floor(step / 10);
        ring.put(slot * level.stepMs + (step % 10), index);
        expected.set(slot, index);
      }
      const last = steps.length === 0 ? -1 : slot;
      const values = ring.read(0, slot + 2);
      for (const [at, value] of values.entries()) {
        const isKept = at <= last && at > last - level.count;
        assert.equal(value, isKept ? (expected.get(at) ?? null) : null, `slot ${at}`);
      }
    }),
  );
});

test("statistics survive in a file; what is no such file is refused", async () => {
  const folder = await mkdtemp(join(tmpdir(), "meander-history-"));
  try {
    const file = join(folder, "statistics");
    assert.equal(await readHistory(file), undefined);
    const history = new StatsHistory();
    const nowMs = fill(history, 1_000, (second) => second % 10);
    history.record(nowMs, "clip", { "bits-in": 5e6 });
    await writeHistory(file, history.save());
    const saved = await readHistory(file);
    assert.ok(saved !== undefined);
    const again = new StatsHistory();
    again.restore(saved, nowMs + SECOND);
    for (const sinceMs of LEVELS.map(({ stepMs, count }) => stepMs * count)) {
      assert.deepEqual(
        again.read(SITE, { nowMs, sinceMs }),
        history.read(SITE, { nowMs, sinceMs }),
      );
    }
    again.record(nowMs + SECOND, SITE, { cpu: 77 });
    const { series } = again.read(SITE, { nowMs: nowMs + SECOND, sinceMs: 3 * SECOND });
    assert.deepEqual(series[0]?.values, [8, 9, 77]);
    const early = new StatsHistory();
    early.restore(saved, nowMs - MINUTE);
    assert.equal(early.seriesCount, 0, "what lies ahead is left out");

    const bytes = await readFile(file);
    for (const wrong of [
      Buffer.from("no statistics"),
      bytes.subarray(0, 40),
      bytes.subarray(0, bytes.byteLength - 1),
      Buffer.alloc(9 * 1024 * 1024),
    ]) {
      await writeFile(file, wrong);
      await assert.rejects(readHistory(file));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
