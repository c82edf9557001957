import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
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
