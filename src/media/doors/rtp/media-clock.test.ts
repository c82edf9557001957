import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SeededRandom } from "../../../base/index.ts";
import { MediaClock } from "./media-clock.ts";

test("jitter does not move the clock: the fastest packet counts, across timestamp wraps", () => {
  const jitter = fc.array(fc.integer({ min: 0, max: 80 }), { minLength: 50, maxLength: 200 });
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), jitter, (base, delays) => {
      const clock = new MediaClock(90_000);
      clock.arrived(base, 1_000);
      for (const [index, delay] of delays.entries()) {
        const steps = index + 1;
        const timestamp = (base + steps * 1_800) >>> 0;
        clock.arrived(timestamp, 1_000 + steps * 20 + delay);
        assert.equal(clock.instant?.rtpTimestamp, timestamp);
        assert.ok(Math.abs((clock.instant?.ingestMs ?? 0) - (1_000 + steps * 20)) < 0.001);
      }
    }),
  );
});

test("a faster packet is forgotten after ten seconds", () => {
  const clock = new MediaClock(1_000);
  clock.arrived(0, 0);
  for (let ms = 100; ms <= 12_000; ms += 100) clock.arrived(ms, ms + 30);
  assert.equal(clock.instant?.ingestMs, 12_030);
});

test("a pause or a jump of the timestamp starts a new measurement", () => {
  const clock = new MediaClock(48_000);
  clock.arrived(0, 0);
  clock.arrived(960, 60_020);
  assert.deepEqual(clock.instant, { ingestMs: 60_020, rtpTimestamp: 960 });
  clock.arrived(3_000_000_000, 60_040);
  assert.deepEqual(clock.instant, { ingestMs: 60_040, rtpTimestamp: 3_000_000_000 });
});

test("there is no instant before the first packet", () => {
  assert.equal(new MediaClock(90_000).instant, undefined);
});

/** The error of the clock after each frame of a sender whose clock is off by `drift`, with jitter. */
function errorsWith(drift: number, seed: number, jitterMs: number): number[] {
  const random = new SeededRandom(seed);
  const clock = new MediaClock(90_000);
  const errors: number[] = [];
  for (let frame = 0; frame < 1_500; frame++) {
    const due = 1_000 + frame * 40;
    const timestamp = Math.round(frame * 3_600 * (1 + drift)) >>> 0;
    clock.arrived(timestamp, due + random.float() * jitterMs);
    errors.push((clock.instant?.ingestMs ?? 0) - due);
  }
  return errors;
}

test("a sender whose clock is up to 4 % off keeps a constant delay", () => {
  const drifts = fc.double({ min: -0.04, max: 0.04, noNaN: true });
  const cases = fc.tuple(drifts, fc.nat(0xffff), fc.integer({ min: 0, max: 20 }));
  fc.assert(
    fc.property(cases, ([drift, seed, jitterMs]) => {
      const errors = errorsWith(drift, seed, jitterMs).slice(400);
      const [least, most] = [Math.min(...errors), Math.max(...errors)];
      const bound = 120 + jitterMs;
      assert.ok(least > -bound && most < bound, `from ${least} to ${most} ms`);
      assert.ok(most - least < 60 + 2 * jitterMs, `it moves from ${least} to ${most} ms`);
    }),
    { seed: 21, numRuns: 60 },
  );
});

test("media that comes later from now on is followed within two seconds", () => {
  const clock = new MediaClock(1_000);
  for (let ms = 0; ms <= 5_000; ms += 20) clock.arrived(ms, ms);
  for (let ms = 5_020; ms <= 7_000; ms += 20) clock.arrived(ms, ms + 600);
  assert.equal(clock.instant?.ingestMs, 7_600);
});

test("a timestamp that goes back by a second while no time passes is a new time base at once", () => {
  const clock = new MediaClock(1_000);
  for (let ms = 0; ms <= 2_000; ms += 40) clock.arrived(ms, ms);
  const { base } = clock;
  clock.arrived(940, 2_040);
  assert.equal(clock.base, base + 1);
  assert.deepEqual(clock.instant, { ingestMs: 2_040, rtpTimestamp: 940 });
});

test("pictures out of order, and any timestamps, leave a clock that works", () => {
  const steps = fc.array(fc.tuple(fc.nat(0xffff_ffff), fc.nat(5_000)), { maxLength: 300 });
  fc.assert(
    fc.property(fc.constantFrom(1, 8_000, 90_000, 10_000_000), steps, (rate, arrivals) => {
      const clock = new MediaClock(rate);
      let now = 0;
      for (const [timestamp, passed] of arrivals) {
        now += passed;
        clock.arrived(timestamp, now);
        const { ingestMs, rtpTimestamp } = clock.instant ?? {
          ingestMs: Number.NaN,
          rtpTimestamp: 0,
        };
        assert.equal(rtpTimestamp, timestamp);
        assert.ok(Math.abs(ingestMs - now) <= 2_001, `due at ${ingestMs}, arrived at ${now}`);
      }
    }),
    { seed: 22 },
  );
});

test("packets that waited while this process stood still are late, and no new time base", () => {
  const clock = new MediaClock(1_000);
  for (let ms = 0; ms <= 2_000; ms += 40) clock.arrived(ms, ms);
  const { base } = clock;
  clock.excuse(6_200);
  for (let ms = 2_040; ms <= 6_000; ms += 40) clock.arrived(ms, 6_000);
  assert.equal(clock.base, base);
  assert.deepEqual(clock.instant, { ingestMs: 6_000, rtpTimestamp: 6_000 });
});
