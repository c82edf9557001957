import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MissingPackets } from "./missing-packets.ts";

test("exactly the numbers that were skipped and never arrived remain", () => {
  const arrivals = fc.uniqueArray(fc.nat(19));
  fc.assert(
    fc.property(fc.nat(0xffff), arrivals, (first, arrived) => {
      const missing = new MissingPackets();
      missing.skipped(first, 20, 0);
      for (const step of arrived) missing.arrived((first + step) & 0xffff);
      const left = missing.removeSince(0).flatMap(({ sequence, count }) => {
        return Array.from({ length: count }, (_, step) => (sequence + step) & 0xffff);
      });
      const expected = Array.from({ length: 20 }, (_, step) => step)
        .filter((step) => !arrived.includes(step))
        .map((step) => (first + step) & 0xffff);
      assert.deepEqual(left, expected);
    }),
  );
});

test("only numbers that have been missing long enough are removed", () => {
  const missing = new MissingPackets();
  missing.skipped(10, 1, 100);
  missing.skipped(20, 2, 130);
  assert.deepEqual(
    missing.removeSince(100).map(({ sequence }) => sequence),
    [10],
  );
  assert.equal(missing.rangeCount, 1);
});

test("the oldest range is given up when there are too many", () => {
  const missing = new MissingPackets();
  let given = 0;
  for (let index = 0; index < 300; index++) {
    if (missing.skipped(index * 10, 1, index) !== undefined) given++;
  }
  assert.equal(given, 44);
  assert.equal(missing.rangeCount, 256);
});
