import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatDuration, parseDuration } from "./duration.ts";

test("durations have a number and a unit", () => {
  assert.equal(parseDuration("500ms"), 500);
  assert.equal(parseDuration("30s"), 30_000);
  assert.equal(parseDuration("1.5h"), 5_400_000);
  assert.equal(parseDuration("7d"), 604_800_000);
  for (const wrong of ["", "10", "h", "-1s", "1 h", "1y", "1e3s", "9999999999s"]) {
    assert.equal(parseDuration(wrong), undefined, wrong);
  }
});

test("a duration that was written is read again", () => {
  assert.equal(formatDuration(600_000), "10m");
  assert.equal(formatDuration(0), "0ms");
  fc.assert(
    fc.property(fc.nat({ max: 1_000_000_000 }), (ms) => {
      assert.equal(parseDuration(formatDuration(ms)), ms);
    }),
  );
});
