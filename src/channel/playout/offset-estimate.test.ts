import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "../../base/index.ts";
import { OffsetEstimate } from "./offset-estimate.ts";

test("an offset is known from its first observation on", () => {
  const estimate = new OffsetEstimate();
  assert.equal(estimate.at(0), undefined);
  estimate.observe(1_000, 250);
  assert.equal(estimate.at(5_000), 250);
});

test("a drift is followed without lag, through noise", () => {
  for (const drift of [0.04, -0.04, 0.001]) {
    const random = new SeededRandom(5);
    const estimate = new OffsetEstimate();
    for (let at = 0; at <= 60_000; at += 1_000)
      estimate.observe(at, at * drift + random.float() * 20 - 10);
    assert.ok(Math.abs((estimate.at(60_500) ?? 0) - 60_500 * drift) < 20, `${drift}`);
  }
});

test("observations far off have no effect, unless several agree", () => {
  const estimate = new OffsetEstimate();
  for (let at = 0; at < 10_000; at += 1_000) estimate.observe(at, 100);
  estimate.observe(10_000, 900);
  estimate.observe(11_000, -900);
  assert.ok(Math.abs((estimate.at(11_000) ?? 0) - 100) < 1);
  for (const at of [12_000, 13_000, 14_000]) estimate.observe(at, 900);
  assert.equal(estimate.at(14_000), 900);
});

test("a repetition is no further observation", () => {
  const estimate = new OffsetEstimate();
  estimate.observe(0, 100);
  for (let count = 0; count < 5; count++) estimate.observe(1_000, 900);
  assert.equal(estimate.at(1_000), 100);
});

test("what is known stays true when the second clock goes on later", () => {
  const estimate = new OffsetEstimate();
  for (let at = 0; at <= 5_000; at += 1_000) estimate.observe(at, 700 + at * 0.01);
  const before = estimate.at(5_400) as number;
  estimate.shift(900);
  assert.ok(Math.abs((estimate.at(6_300) as number) - (before - 900)) < 1e-9);
  estimate.observe(6_900, 700 + 6_000 * 0.01 - 900);
  assert.ok(Math.abs((estimate.at(6_900) as number) - (760 - 900)) < 20);
});

test("what was off by as much as the second clock has turned out to go on later counts no more", () => {
  const estimate = new OffsetEstimate();
  for (let at = 0; at <= 5_000; at += 1_000) estimate.observe(at, 100);
  for (const at of [6_000, 7_000]) estimate.observe(at, 1_390);
  estimate.explain(1_290);
  estimate.observe(7_500, 1_390);
  assert.equal(estimate.at(7_500), 100);
  estimate.explain(700);
  for (const at of [8_000, 9_000]) estimate.observe(at, 1_390);
  assert.equal(estimate.at(9_000), 1_390);
});
