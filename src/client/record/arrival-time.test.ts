import assert from "node:assert/strict";
import { test } from "node:test";
import { ArrivalTime } from "./arrival-time.ts";

test("the time stands still while nothing arrives, and goes on from there", () => {
  let now = 5_000;
  const time = new ArrivalTime({ now: () => now }, 1_000);
  const at = (ms: number): number => {
    now = ms;
    return time.now();
  };
  assert.equal(at(5_400), 5_400);
  assert.equal(at(6_000), 6_000);
  assert.equal(at(9_000), 6_000);
  time.arrived();
  assert.equal(time.now(), 6_000);
  assert.equal(at(9_300), 6_300);
  time.arrived();
  assert.equal(at(9_900), 6_900);
  assert.equal(at(20_000), 7_300);
});
