import assert from "node:assert/strict";
import { test } from "node:test";
import { MediaTimeline } from "./media-timeline.ts";
import { SourceTimeline } from "./source-timeline.ts";

const NTP = 1_700_000_000_000;

/** Plays both tracks from `from` to `to`, ms; returns the media times of what was captured at `to`. */
class Tracks {
  readonly timeline = new MediaTimeline();
  readonly video = new SourceTimeline(90_000);
  readonly audio = new SourceTimeline(48_000);
  /** How long after its capture it arrives at the ingest, and here. */
  delayMs = { video: 320, audio: 20 };

  constructor() {
    this.timeline.open(this.audio, "audio");
    this.timeline.open(this.video, "video");
  }

  play(from: number, to: number, report?: (kind: "video" | "audio", ms: number) => number): void {
    for (let ms = from; ms <= to; ms += 20) {
      for (const kind of ["audio", "video"] as const) {
        const source = this[kind];
        const ticks = (ms * source.clockRate) / 1_000;
        this.timeline.arrived(source, ticks, ms + this.delayMs[kind]);
        if (report === undefined || ms % 1_000 !== 0) continue;
        const sender = { ntpMs: NTP + ms + report(kind, ms), rtpTimestamp: ticks };
        const ingestMs = ms + this.delayMs[kind];
        this.timeline.report(source, { ingestMs, rtpTimestamp: ticks, sender });
      }
    }
  }

  /** By how much the picture would come after the sound that was captured with it, ms. */
  skewMs(ms: number): number {
    const { timeline, video, audio } = this;
    return (timeline.mediaMsOf(video, ms) ?? 0) - (timeline.mediaMsOf(audio, ms) ?? 0);
  }
}

test("a track has no media time before its first frame", () => {
  const { timeline, video } = new Tracks();
  assert.equal(timeline.mediaMsOf(video, 0), undefined);
  assert.equal(timeline.ingestMsOf(video, 0), undefined);
});

test("without sender reports, what arrived together is together", () => {
  const tracks = new Tracks();
  tracks.play(0, 2_000);
  assert.ok(Math.abs(tracks.skewMs(2_000) - 300) < 1, `${tracks.skewMs(2_000)}`);
});

test("sound and picture of one instant have one media time, though the encoder held the picture", () => {
  const tracks = new Tracks();
  tracks.play(0, 3_000, () => 0);
  assert.ok(Math.abs(tracks.skewMs(3_000)) < 3, `${tracks.skewMs(3_000)}`);
  assert.equal(tracks.timeline.ingestMsOf(tracks.video, 3_000), 3_320);
});

test("a publisher with another clock is placed by its arrival", () => {
  const tracks = new Tracks();
  tracks.play(0, 3_000, (kind) => (kind === "video" ? 3_600_000 : 0));
  assert.ok(Math.abs(tracks.skewMs(3_000) - 300) < 3, `${tracks.skewMs(3_000)}`);
});

test("one report that is off has no effect, a lasting change has one, by moving the pictures", () => {
  const tracks = new Tracks();
  tracks.play(0, 10_000, (kind, ms) => (kind === "video" && ms === 8_000 ? 700 : 0));
  assert.ok(Math.abs(tracks.skewMs(10_000)) < 3, `${tracks.skewMs(10_000)}`);
  const sound = tracks.timeline.mediaMsOf(tracks.audio, 10_000);
  tracks.play(10_020, 20_000, (kind) => (kind === "video" ? 400 : 0));
  assert.ok(Math.abs(tracks.skewMs(20_000) - 400) < 3, `${tracks.skewMs(20_000)}`);
  assert.equal(tracks.timeline.mediaMsOf(tracks.audio, 10_000), sound);
});

test("media time goes on where the source before ended", () => {
  const { timeline, video, ...tracks } = new Tracks();
  timeline.close(tracks.audio, 0);
  for (let ms = 0; ms < 1_000; ms += 40) timeline.arrived(video, ms * 90, ms + 30);
  const last = timeline.mediaMsOf(video, 960) as number;
  timeline.close(video, 1_000);
  assert.equal(timeline.mediaMsOf(video, 960), last, "media on its way keeps its time");
  const next = new SourceTimeline(90_000);
  timeline.open(next, "video");
  const ownMs = timeline.arrived(next, 123_456_789, 1_030);
  assert.ok(Math.abs((timeline.mediaMsOf(next, ownMs) as number) - last - 40) < 1);
});
