import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../../base/index.ts";
import { GapWatch } from "./gap-watch.ts";

function open() {
  const clock = new VirtualClock();
  const gaps: { sequence: number; count: number }[] = [];
  return { clock, gaps, watch: new GapWatch(clock, (range) => void gaps.push(range)) };
}

test("what comes 60 ms late is no gap", () => {
  const { clock, gaps, watch } = open();
  for (let sequence = 2; sequence < 100; sequence += 2) {
    watch.skipped(sequence, 1);
    clock.advance(60);
    watch.arrived(sequence - 1);
  }
  clock.advance(1_000);
  assert.deepEqual(gaps, []);
});

test("where numbers come later than they were waited for, the next ones are waited for longer", () => {
  const { clock, gaps, watch } = open();
  watch.skipped(1, 1);
  clock.advance(180);
  assert.deepEqual(gaps, [{ sequence: 0, count: 1 }]);
  watch.arrived(0);
  watch.skipped(3, 1);
  clock.advance(180);
  watch.arrived(2);
  watch.skipped(6, 2);
  clock.advance(1_000);
  assert.deepEqual(gaps.slice(1), [{ sequence: 4, count: 2 }]);
});

test("a network that is later still does not make receivers wait for ever", () => {
  const { clock, gaps, watch } = open();
  for (let sequence = 1; sequence < 20; sequence += 2) {
    watch.skipped(sequence, 1);
    clock.advance(900);
    watch.arrived(sequence - 1);
  }
  assert.equal(gaps.length, 10);
});
