import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RoundTrip } from "./round-trip.ts";

test("[M27] before the first measurement the timeout is 200 ms", () => {
  const roundTrip = new RoundTrip();
  assert.equal(roundTrip.smoothedMs, undefined);
  assert.equal(roundTrip.timeoutMs, 200);
});

test("[M27] measurements are smoothed as RFC 6298 says", () => {
  const roundTrip = new RoundTrip();
  roundTrip.measured(100);
  assert.equal(roundTrip.smoothedMs, 100);
  assert.equal(roundTrip.timeoutMs, 100 + 4 * 50);
  roundTrip.measured(60);
  assert.equal(roundTrip.smoothedMs, 0.875 * 100 + 0.125 * 60);
  assert.equal(roundTrip.timeoutMs, 95 + 4 * (0.75 * 50 + 0.25 * 40));
});

test("[M27] the timeout doubles with each time that it runs out, and is itself again after progress", () => {
  const roundTrip = new RoundTrip();
  roundTrip.measured(30);
  const plain = roundTrip.timeoutMs;
  roundTrip.timedOut();
  roundTrip.timedOut();
  assert.equal(roundTrip.timeoutMs, 4 * plain);
  roundTrip.progressed();
  assert.equal(roundTrip.timeoutMs, plain);
});

test("[M27] whatever is measured, the timeout is between 20 ms and 2 s, and above the round trip as far as that goes", () => {
  const steps = fc.array(
    fc.oneof(fc.double({ min: 0, max: 10_000, noNaN: true }), fc.constant("timeout" as const)),
    { minLength: 1 },
  );
  fc.assert(
    fc.property(steps, (all) => {
      const roundTrip = new RoundTrip();
      for (const step of all) {
        if (step === "timeout") roundTrip.timedOut();
        else roundTrip.measured(step);
        const { timeoutMs, smoothedMs = 0 } = roundTrip;
        assert.ok(timeoutMs >= 20 && timeoutMs <= 2_000);
        assert.ok(timeoutMs >= Math.min(2_000, smoothedMs));
      }
    }),
  );
});
