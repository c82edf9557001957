import assert from "node:assert/strict";
import { test } from "node:test";
import { JitterEstimate } from "./jitter-estimate.ts";

test("each difference moves the estimate by a sixteenth, as RFC 3550 says", () => {
  const jitter = new JitterEstimate();
  jitter.add(100);
  assert.equal(jitter.jitterMs, 0);
  jitter.add(116);
  assert.equal(jitter.jitterMs, 1);
  jitter.add(100);
  assert.equal(jitter.jitterMs, 1 + 15 / 16);
});

test("an interruption is no jitter", () => {
  const jitter = new JitterEstimate();
  jitter.add(100);
  jitter.interrupt();
  jitter.add(90_000);
  assert.equal(jitter.jitterMs, 0);
});
