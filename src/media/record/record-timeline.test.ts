import assert from "node:assert/strict";
import { test } from "node:test";
import { SourceTimeline } from "../../channel/playout/index.ts";
import { RecordTimeline, type TimeBase } from "./record-timeline.ts";

const NTP_MS = 1_700_000_000_000;

/** A source of a publisher whose media clock starts at 0 when the ingest's shows `startMs`. */
class Source {
  readonly timeline = new SourceTimeline(1_000);
  readonly #record: RecordTimeline;
  readonly #startMs: number;

  constructor(record: RecordTimeline, startMs: number) {
    this.#record = record;
    this.#startMs = startMs;
  }

  /** The ingest reports at its own time, with a sender report that is `offMs` wrong; undefined: without one. */
  reports(ingestMs: number, offMs?: number): void {
    const rtpTimestamp = ingestMs - this.#startMs;
    const sender =
      offMs === undefined ? undefined : { ntpMs: NTP_MS + ingestMs + offMs, rtpTimestamp };
    this.#record.report(this.timeline, { ingestMs, rtpTimestamp, sender });
  }

  /** How far from its arrival it is placed, ms. */
  get placedMs(): number | undefined {
    const base = this.#record.newestBase(this.timeline) as TimeBase;
    const offset = this.#record.offsetOf(this.timeline, base, base.reachedTicks);
    return offset === undefined ? undefined : offset - this.#startMs;
  }
}

test("the first report of a publisher's next run does not move it when nothing else is placed by its clock", () => {
  const record = new RecordTimeline();
  const before = new Source(record, 0);
  for (let at = 1_000; at <= 8_000; at += 1_000) before.reports(at, 0);
  record.ended(before.timeline);
  const next = new Source(record, 8_100);
  next.reports(8_200);
  next.reports(9_200, -3_127);
  assert.equal(next.placedMs, 0);
});

test("a track that joins others is placed by the clock that places them", () => {
  const record = new RecordTimeline();
  const audio = new Source(record, 0);
  for (let at = 1_000; at <= 3_000; at += 1_000) audio.reports(at, 0);
  // Its encoder delays it: what arrives now was taken two seconds ago.
  const video = new Source(record, 3_100);
  video.reports(3_200);
  audio.reports(4_000, 0);
  video.reports(4_200, -2_000);
  assert.equal(video.placedMs, -2_000);
});

test("a first report that is wrong moves no other track of a publisher's next run", () => {
  const record = new RecordTimeline();
  const before = [new Source(record, 0), new Source(record, 0)];
  for (let at = 1_000; at <= 8_000; at += 1_000) for (const each of before) each.reports(at, 0);
  for (const { timeline } of before) record.ended(timeline);
  const audio = new Source(record, 8_100);
  audio.reports(9_000, -3_127);
  const video = new Source(record, 9_300);
  video.reports(10_000, 0);
  assert.deepEqual([audio.placedMs, video.placedMs], [0, 0]);
  for (let at = 10_000; at <= 14_000; at += 1_000)
    for (const each of [audio, video]) each.reports(at, 0);
  assert.deepEqual([audio.placedMs, video.placedMs], [0, 0]);
});
