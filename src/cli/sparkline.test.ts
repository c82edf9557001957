import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { sparkline } from "./sparkline.ts";

test("values are bars from nothing to the most, gaps are gaps", () => {
  assert.equal(sparkline([0, 1, 2, null, 4, 7], 10), "▁▂▃ ▅█");
  assert.equal(sparkline([0, 0], 10), "▁▁");
  assert.equal(sparkline([null, null], 10), "  ");
  assert.equal(sparkline([0.001, 1_000], 10), "▂█", "something is not drawn as nothing");
  assert.equal(sparkline([1, 9, 1, 1, 1, null, null, null], 4), "█▂▂ ", "the most of each group");
});

test("a line is never wider than it may be", () => {
  fc.assert(
    fc.property(
      fc.array(fc.option(fc.double({ min: 0, max: 1e12, noNaN: true })), { maxLength: 300 }),
      fc.integer({ min: 1, max: 80 }),
      (values, width) => {
        assert.equal([...sparkline(values, width)].length, Math.min(values.length, width));
      },
    ),
  );
});
