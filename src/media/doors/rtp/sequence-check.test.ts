import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SequenceCheck } from "./sequence-check.ts";

const u16 = fc.nat(0xffff);

test("a flow without gaps is in order across wraps, and cycles are counted", () => {
  fc.assert(
    fc.property(u16, fc.integer({ min: 1, max: 70_000 }), (first, count) => {
      const check = new SequenceCheck(first);
      for (let step = 1; step <= count; step++) {
        assert.deepEqual(check.check((first + step) & 0xffff), { type: "next", missing: 0 });
      }
      assert.equal(check.extendedHighest, first + count);
    }),
    { numRuns: 10 },
  );
});

test("late packets are accepted once, in any order", () => {
  const orders = fc.shuffledSubarray(Array.from({ length: 60 }, (_, index) => index + 1));
  fc.assert(
    fc.property(u16, orders, (first, order) => {
      const check = new SequenceCheck(first);
      let missing = 0;
      for (const step of order) {
        const verdict = check.check((first + step) & 0xffff);
        assert.ok(verdict.type === "next" || verdict.type === "late");
        missing += verdict.type === "next" ? verdict.missing : -1;
        assert.equal(check.check((first + step) & 0xffff).type, "duplicate");
      }
      const last = Math.max(0, ...order);
      assert.equal(missing, last - order.length);
    }),
  );
});

test("a jump counts as a restart only when the next packet follows it", () => {
  const check = new SequenceCheck(1_000);
  assert.equal(check.check(40_000).type, "jump");
  assert.equal(check.check(1_001).type, "next");
  assert.equal(check.check(40_001).type, "jump");
  assert.equal(check.check(40_002).type, "restart");
  assert.equal(check.check(40_003).type, "next");
  assert.equal(check.check(40_001).type, "duplicate");
});

test("up to 3000 numbers ahead is loss, more is a jump", () => {
  assert.deepEqual(new SequenceCheck(65_000).check(2_464), { type: "next", missing: 2_999 });
  assert.equal(new SequenceCheck(65_000).check(2_465).type, "jump");
});

test("up to 100 numbers back is reordering, more is a jump", () => {
  assert.equal(new SequenceCheck(50).check(65_486).type, "late");
  assert.equal(new SequenceCheck(50).check(65_485).type, "jump");
});
