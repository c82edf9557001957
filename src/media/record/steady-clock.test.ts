import assert from "node:assert/strict";
import { test } from "node:test";
import { SourceTimeline } from "../../channel/playout/index.ts";
import { RecordTimeline } from "./record-timeline.ts";
import { SteadyClock } from "./steady-clock.ts";

const RATE = 90_000;

/** A source with a report: at `ingestMs` it was at `ticks`, and at `ntpMs` by its own clock. */
function reported(
  timeline: RecordTimeline,
  source: SourceTimeline,
  report: { ingestMs: number; ticks: number; ntpMs?: number },
): void {
  const { ingestMs, ticks: rtpTimestamp, ntpMs } = report;
  const sender = ntpMs === undefined ? undefined : { ntpMs, rtpTimestamp };
  timeline.report(source, { ingestMs, rtpTimestamp, sender }, ingestMs);
}

test("times are not known before the first report", () => {
  const clock = new SteadyClock(new RecordTimeline(), new SourceTimeline(RATE));
  assert.equal(clock.knows(0), false);
  assert.equal(clock.at(0), undefined);
  assert.equal(clock.isSynchronised, false);
});

test("tracks of one publisher are aligned by its clock, however long an encoder delays one of them", () => {
  const timeline = new RecordTimeline();
  const [sound, picture] = [new SourceTimeline(RATE), new SourceTimeline(RATE)];
  reported(timeline, sound, { ingestMs: 1_000, ticks: 0, ntpMs: 50_000 });
  reported(timeline, picture, { ingestMs: 3_500, ticks: 0, ntpMs: 50_000 });
  const clocks = [sound, picture].map((source) => new SteadyClock(timeline, source));
  assert.deepEqual(
    clocks.map((clock) => clock.at(0)),
    [1_000, 1_000],
  );
  assert.ok(clocks.every((clock) => clock.isSynchronised));
  // Both are late by varying times; nothing moves.
  for (let second = 1; second < 30; second++) {
    const at = { ticks: second * RATE, ntpMs: 50_000 + second * 1_000 };
    reported(timeline, sound, { ingestMs: 1_000 + second * 1_100, ...at });
    reported(timeline, picture, { ingestMs: 3_500 + second * 1_200, ...at });
    for (const clock of clocks) assert.equal(clock.at(second * RATE), 1_000 + second * 1_000);
  }
});

test("without sender reports, tracks are aligned by the ingest's clock", () => {
  const timeline = new RecordTimeline();
  const source = new SourceTimeline(RATE);
  reported(timeline, source, { ingestMs: 700, ticks: RATE });
  const clock = new SteadyClock(timeline, source);
  assert.equal(clock.isSynchronised, false);
  assert.equal(clock.at(2 * RATE), 1_700);
});

test("tracks of a publisher with unrelated clocks are aligned by the ingest's clock", () => {
  const timeline = new RecordTimeline();
  const [sound, picture] = [new SourceTimeline(RATE), new SourceTimeline(RATE)];
  reported(timeline, sound, { ingestMs: 1_000, ticks: 0, ntpMs: 50_000 });
  reported(timeline, picture, { ingestMs: 1_000, ticks: 0, ntpMs: 950_000 });
  assert.equal(new SteadyClock(timeline, picture).at(0), 1_000);
});

test("drift is followed by at most 2 ms a second, and a difference of a few ms is ignored", () => {
  const timeline = new RecordTimeline();
  const source = new SourceTimeline(RATE);
  reported(timeline, source, { ingestMs: 0, ticks: 0, ntpMs: 0 });
  const clock = new SteadyClock(timeline, source);
  assert.equal(clock.at(0), 0);
  reported(timeline, source, { ingestMs: 1_000, ticks: RATE, ntpMs: 1_005 });
  assert.equal(clock.at(RATE), 1_000);
  reported(timeline, source, { ingestMs: 2_000, ticks: 2 * RATE, ntpMs: 2_020 });
  assert.equal(clock.at(2 * RATE), 2_002);
  for (let second = 3; second <= 11; second++) clock.at(second * RATE);
  const settled = clock.at(12 * RATE) as number;
  assert.ok(Math.abs(settled - 12_020) <= 1, `${settled}`);
});

test("a jump is reported, and the clock starts over with it", () => {
  const timeline = new RecordTimeline();
  const source = new SourceTimeline(RATE);
  reported(timeline, source, { ingestMs: 0, ticks: 0, ntpMs: 0 });
  const clock = new SteadyClock(timeline, source);
  clock.at(0);
  reported(timeline, source, { ingestMs: 1_000, ticks: RATE, ntpMs: 4_000 });
  assert.equal(clock.at(RATE), "jumped");
  assert.equal(clock.at(RATE), 4_000);
});
