import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SourceTimeline } from "./source-timeline.ts";

test("timestamps continue across the wrap, also with pictures out of order", () => {
  const steps = fc.array(fc.integer({ min: -20_000, max: 90_000 }));
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), steps, (start, moves) => {
      const timeline = new SourceTimeline(90_000);
      let ticks = start;
      assert.equal(timeline.unwrap(start), start);
      for (const move of moves) {
        ticks += move;
        assert.equal(timeline.unwrap(ticks >>> 0), ticks);
      }
    }),
  );
});

test("the least delayed report determines when media was ingested", () => {
  const timeline = new SourceTimeline(1_000);
  assert.equal(timeline.ingestMsOf(0), undefined);
  timeline.report({ ingestMs: 5_030, rtpTimestamp: 1_000, sender: undefined }, 0);
  timeline.report({ ingestMs: 6_005, rtpTimestamp: 2_000, sender: undefined }, 1_000);
  timeline.report({ ingestMs: 7_040, rtpTimestamp: 3_000, sender: undefined }, 2_000);
  assert.equal(timeline.ingestMsOf(4_000), 8_005);
});

test("a jump of the media clock begins a new mapping", () => {
  const timeline = new SourceTimeline(1_000);
  const sender = { ntpMs: 1_700_000_000_000, rtpTimestamp: 1_000 };
  timeline.report({ ingestMs: 5_000, rtpTimestamp: 1_000, sender }, 0);
  assert.equal(timeline.ntpMsOf(1_500), 1_700_000_000_500);
  timeline.report({ ingestMs: 6_000, rtpTimestamp: 900_000, sender: undefined }, 1_000);
  assert.equal(timeline.ingestMsOf(900_100), 6_100);
  assert.equal(timeline.ntpMsOf(900_100), undefined);
});
