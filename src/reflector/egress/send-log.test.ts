import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LIMITS, VirtualClock } from "../../base/index.ts";
import { SendLog } from "./send-log.ts";

const GRAIN_MS = 50;

test("it tells when the first of what lies behind a position was sent, to within 50 ms", () => {
  const steps = fc.array(fc.tuple(fc.nat({ max: 120 }), fc.integer({ min: 1, max: 9 })), {
    minLength: 1,
    maxLength: 60,
  });
  fc.assert(
    fc.property(steps, fc.double({ min: 0, max: 1, noNaN: true }), (sends, share) => {
      const clock = new VirtualClock();
      const log = new SendLog(clock);
      const truth: { position: number; at: number }[] = [];
      let end = 0;
      for (const [waitMs, count] of sends) {
        clock.advance(waitMs);
        for (let i = 0; i < count; i++) truth.push({ position: end++, at: clock.now() });
        log.sent(end - 1);
      }
      const position = Math.floor(share * end) - 1;
      const first = truth.find((each) => each.position > position);
      const told = log.firstAfter(position);
      if (first === undefined) assert.equal(told, undefined);
      else assert.ok(told !== undefined && told <= first.at && first.at - told < GRAIN_MS);
    }),
  );
});

test("what is settled is forgotten, and the rest is not", () => {
  const clock = new VirtualClock();
  const log = new SendLog(clock);
  for (let position = 0; position < 10; position++) {
    log.sent(position);
    clock.advance(100);
  }
  log.settle(4);
  assert.equal(log.firstAfter(-1), 500);
  assert.equal(log.isEmpty, false);
  log.settle(9);
  assert.equal(log.isEmpty, true);
  assert.equal(log.firstAfter(-1), undefined);
});

test("it knows what had been sent by an instant", () => {
  const clock = new VirtualClock();
  const log = new SendLog(clock);
  assert.equal(log.lastBefore(0), -1);
  for (let position = 0; position < 10; position++) {
    log.sent(position);
    clock.advance(100);
  }
  assert.equal(log.lastBefore(500), 4);
  assert.equal(log.lastBefore(-1), -1);
  assert.equal(log.lastBefore(clock.now()), 9);
});

test("it remembers no longer than a subscriber may lag", () => {
  const clock = new VirtualClock();
  const log = new SendLog(clock);
  for (let position = 0; position < 10_000; position++) {
    log.sent(position);
    clock.advance(10);
  }
  const oldest = log.firstAfter(-1) as number;
  const age = clock.now() - oldest;
  assert.ok(age > LIMITS.lagCloseMs && age < LIMITS.lagCloseMs + 3_000, `${age} ms`);
});

test("what is sent again counts as it did", () => {
  const clock = new VirtualClock();
  const log = new SendLog(clock);
  log.sent(5);
  clock.advance(1_000);
  log.sent(3);
  assert.equal(log.firstAfter(4), 0);
});
