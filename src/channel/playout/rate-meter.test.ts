import assert from "node:assert/strict";
import { test } from "node:test";
import { RateMeter } from "./rate-meter.ts";

test("a steady flow is measured at its rate, from its first second on", () => {
  const meter = new RateMeter(2_000);
  assert.equal(meter.perSecond(0), 0);
  for (let now = 0; now < 10_000; now += 40) {
    meter.add(1, now);
    if (now >= 500)
      assert.ok(Math.abs(meter.perSecond(now) - 25) < 4, `${now}: ${meter.perSecond(now)}`);
  }
});

test("the rate of a flow that ended falls to zero", () => {
  const meter = new RateMeter(2_000);
  for (let now = 0; now < 3_000; now += 10) meter.add(100, now);
  assert.ok(meter.perSecond(4_000) < 6_000);
  assert.equal(meter.perSecond(6_000), 0);
});
