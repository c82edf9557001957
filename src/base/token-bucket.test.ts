import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TokenBucket } from "./token-bucket.ts";
import { VirtualClock } from "./virtual-clock.ts";

test("after a silence there is a burst, and then what comes back", () => {
  const clock = new VirtualClock();
  const bucket = new TokenBucket(clock, { perSecond: 10, burst: 5 });
  assert.equal(bucket.isFull, true);
  assert.deepEqual(
    Array.from({ length: 7 }, () => bucket.take()),
    [true, true, true, true, true, false, false],
  );
  assert.equal(bucket.isFull, false);
  assert.equal(bucket.waitMs(2), 200);
  clock.advance(250);
  assert.equal(bucket.take(2), true);
  assert.equal(bucket.take(), false);
  clock.advance(10_000);
  assert.equal(bucket.isFull, true);
  assert.equal(bucket.take(6), false);
  assert.equal(bucket.take(5), true);
});

test("what is owed is put off, each after the one before", () => {
  const clock = new VirtualClock();
  const bucket = new TokenBucket(clock, { perSecond: 100, burst: 2 });
  assert.deepEqual(
    Array.from({ length: 5 }, () => bucket.owe()),
    [0, 0, 10, 20, 30],
  );
  assert.equal(bucket.take(), false);
  clock.advance(10);
  assert.equal(bucket.owe(), 30);
  bucket.giveBack(4);
  assert.equal(bucket.owe(), 0);
  assert.equal(bucket.owe(1_000, 500), 500);
  clock.advance(400);
  assert.equal(bucket.waitMs(0), 100);
});

test("whatever is asked when, no more is given than the burst and what came back", () => {
  const step = fc.record({
    ms: fc.integer({ min: 0, max: 500 }),
    count: fc.integer({ min: 1, max: 8 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const clock = new VirtualClock();
      const bucket = new TokenBucket(clock, { perSecond: 20, burst: 10 });
      let given = 0;
      for (const { ms, count } of steps) {
        clock.advance(ms);
        if (bucket.take(count)) given += count;
        assert.ok(given <= 10 + (20 * clock.now()) / 1_000 + 1e-6);
      }
    }),
  );
});
