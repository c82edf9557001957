import assert from "node:assert/strict";
import { test } from "node:test";
import { MediaTimeline } from "./media-timeline.ts";
import { SourceTimeline } from "./source-timeline.ts";

const NTP = 1_700_000_000_000;

function setUp() {
  return {
    timeline: new MediaTimeline(),
    video: new SourceTimeline(90_000),
    audio: new SourceTimeline(48_000),
  };
}

test("without sender reports, media time is the time of entering", () => {
  const { timeline, video } = setUp();
  assert.equal(timeline.mediaMsOf(video, 0), undefined);
  timeline.report(video, { ingestMs: 700, rtpTimestamp: 90_000, sender: undefined }, 0);
  assert.equal(timeline.mediaMsOf(video, 180_000), 1_700);
});

test("sound and picture of one instant have one media time, though the encoder held the picture", () => {
  const { timeline, video, audio } = setUp();
  // Both were captured at NTP; the sound entered 20 ms later, the picture 320 ms later.
  timeline.report(
    audio,
    { ingestMs: 1_020, rtpTimestamp: 0, sender: { ntpMs: NTP, rtpTimestamp: 0 } },
    0,
  );
  timeline.report(
    video,
    { ingestMs: 1_320, rtpTimestamp: 0, sender: { ntpMs: NTP, rtpTimestamp: 0 } },
    0,
  );
  assert.equal(timeline.mediaMsOf(video, 90_000), timeline.mediaMsOf(audio, 48_000));
});

test("a publisher with another clock is placed by its arrival", () => {
  const { timeline, video, audio } = setUp();
  timeline.report(
    audio,
    { ingestMs: 1_000, rtpTimestamp: 0, sender: { ntpMs: NTP, rtpTimestamp: 0 } },
    0,
  );
  const foreign = { ntpMs: NTP + 3_600_000, rtpTimestamp: 0 };
  timeline.report(video, { ingestMs: 1_030, rtpTimestamp: 0, sender: foreign }, 0);
  assert.equal(timeline.mediaMsOf(audio, 48_000), 2_000);
  assert.equal(timeline.mediaMsOf(video, 90_000), 2_030);
});

test("a publisher clock that is gone makes room for the next", () => {
  const { timeline, video, audio } = setUp();
  timeline.report(
    audio,
    { ingestMs: 1_000, rtpTimestamp: 0, sender: { ntpMs: NTP, rtpTimestamp: 0 } },
    0,
  );
  const next = { ntpMs: NTP + 3_600_000, rtpTimestamp: 0 };
  timeline.report(video, { ingestMs: 9_000, rtpTimestamp: 0, sender: next }, 8_000);
  assert.equal(timeline.mediaMsOf(video, 90_000), 10_000);
});
