import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  channelRateIn,
  channelRateOut,
  cpuShareOf,
  inputRate,
  rateBetween,
  siteRate,
  subscriberRate,
} from "./rates.ts";
import { sampleChannel, sampleInput, sampleSubscriber, sampleView } from "./sample-views.ts";

const before = sampleView("south", 1_000, [
  sampleChannel({
    packetsIn: 100,
    bytesIn: 10_000,
    packetsOut: 200,
    bytesOut: 20_000,
    inputs: [sampleInput("north", { packets: 5, bytes: 500 })],
    subscribers: [sampleSubscriber({ id: 7, packets: 1, bytes: 100 })],
  }),
]);
const now = sampleView("south", 3_000, [
  sampleChannel({
    packetsIn: 150,
    bytesIn: 20_000,
    packetsOut: 300,
    bytesOut: 40_000,
    inputs: [sampleInput("north", { packets: 15, bytes: 1_500 })],
    subscribers: [sampleSubscriber({ id: 7, packets: 3, bytes: 600 })],
  }),
]);

test("rates are differences of counters over the difference of the plane's time", () => {
  const pair = { before, now };
  assert.deepEqual(channelRateIn(pair, "clip"), { bitsPerSecond: 40_000, packetsPerSecond: 25 });
  assert.deepEqual(channelRateOut(pair, "clip"), { bitsPerSecond: 80_000, packetsPerSecond: 50 });
  assert.deepEqual(inputRate(pair, "clip", { kind: "site", name: "north" }), {
    bitsPerSecond: 4_000,
    packetsPerSecond: 5,
  });
  assert.deepEqual(subscriberRate(pair, "clip", { id: 7 }), {
    bitsPerSecond: 2_000,
    packetsPerSecond: 1,
  });
  assert.equal(siteRate(pair)?.in.bitsPerSecond, 40_000);
  assert.equal(cpuShareOf(pair)?.toFixed(6), "0.100000");
});

test("a rate is unknown until two reports know the thing", () => {
  assert.equal(channelRateIn({ before: undefined, now }, "clip"), undefined);
  assert.equal(channelRateIn({ before, now }, "other"), undefined);
  assert.equal(inputRate({ before, now }, "clip", { kind: "rtp", name: "north" }), undefined);
  assert.equal(subscriberRate({ before, now }, "clip", { id: 8 }), undefined);
  assert.equal(siteRate({ before: undefined, now }), undefined);
  assert.equal(cpuShareOf({ before, now: before }), undefined);
});

test("a rate is never negative, infinite or no number, whatever the counters did", () => {
  const reading = fc.record({ at: fc.nat(), packets: fc.nat(), bytes: fc.nat() });
  fc.assert(
    fc.property(reading, reading, (first, second) => {
      const rate = rateBetween(first, second);
      if (rate === undefined) return;
      assert.ok(rate.bitsPerSecond >= 0 && Number.isFinite(rate.bitsPerSecond));
      assert.ok(rate.packetsPerSecond >= 0 && Number.isFinite(rate.packetsPerSecond));
    }),
  );
});

test("a counter that was reset has no rate", () => {
  assert.equal(
    rateBetween({ at: 0, packets: 9, bytes: 900 }, { at: 1_000, packets: 1, bytes: 100 }),
    undefined,
  );
});
