import assert from "node:assert/strict";
import { test } from "node:test";
import { SourceTimeline } from "../../channel/playout/index.ts";
import { MediaClock } from "../doors/rtp/media-clock.ts";
import { ReportSchedule } from "../doors/rtp/report-schedule.ts";
import { RecordTimeline } from "./record-timeline.ts";
import { type FrameTime, SteadyClock } from "./steady-clock.ts";

const RATE = 90_000;
const FRAME_MS = 40;

/** The times of frames in a file, each as soon as it is final. */
class FileTimes {
  readonly placed: { readonly captured: number; readonly ms: number }[] = [];
  readonly #clock: SteadyClock;
  readonly #waiting: { readonly captured: number; readonly time: FrameTime }[] = [];

  constructor(timeline: RecordTimeline, source: SourceTimeline) {
    this.#clock = new SteadyClock(timeline, source);
  }

  add(captured: number, ticks: number, now: number): void {
    this.#waiting.push({ captured, time: this.#clock.next(ticks, now) });
    this.settle(now);
  }

  settle(now: number): void {
    this.#clock.settle(now);
    for (let [first] = this.#waiting; first !== undefined; [first] = this.#waiting) {
      if (!this.#clock.isSettled(first.time)) return;
      this.placed.push({ captured: first.captured, ms: this.#clock.place(first.time) });
      this.#waiting.shift();
    }
  }
}

/**
 * Records a source without sender reports, behind an ingest as it is, whose packets are held up between two times and
 * then come at once.
 *
 * @param plan `rate` how fast its clock runs; `stoodMs` for how long it stood still before the first packet held up
 * @returns the time in the file of each frame, ms since the first, with its capture, ms since the first
 */
function recorded(plan: {
  readonly heldFrom: number;
  readonly heldMs: number;
  readonly endsAt: number;
  readonly rate?: number;
  readonly stoodMs?: number;
}): { readonly captured: number; readonly ms: number }[] {
  const { endsAt, heldFrom, heldMs, rate = 1, stoodMs = 0 } = plan;
  const [media, schedule] = [new MediaClock(RATE), new ReportSchedule(RATE)];
  const timeline = new RecordTimeline();
  const source = new SourceTimeline(RATE);
  const file = new FileTimes(timeline, source);
  const report = (now: number): void => {
    const { instant } = media;
    if (instant === undefined) return;
    schedule.reported(media, now);
    timeline.report(source, { ...instant, sender: undefined });
  };
  let reportedAt = 0;
  for (let captured = 0; captured < endsAt; captured += FRAME_MS) {
    if (captured >= heldFrom - stoodMs && captured < heldFrom) continue;
    const runMs = captured - (captured < heldFrom ? 0 : stoodMs);
    const isHeld = captured >= heldFrom && captured < heldFrom + heldMs;
    const now = isHeld ? heldFrom + heldMs : captured;
    for (; now - reportedAt >= 1_000; reportedAt += 1_000) report(reportedAt + 1_000);
    const ticks = Math.round((runMs * RATE * rate) / 1_000);
    media.arrived(ticks, now);
    if (schedule.isDue(media, now)) report(now);
    file.add(captured, ticks, now);
  }
  file.settle(Number.POSITIVE_INFINITY);
  const startMs = file.placed[0]?.ms ?? 0;
  return file.placed.map(({ captured, ms }) => ({ captured, ms: ms - startMs }));
}

test("what a sender held up for seconds, and sent then, leaves no gap", () => {
  for (const heldMs of [2_100, 3_000, 5_000]) {
    for (const rate of [0.96, 1, 1.04]) {
      const frames = recorded({ heldFrom: 4_000, heldMs, endsAt: 14_000, rate });
      for (const { captured, ms } of frames) {
        // A clock that is slow is followed slowly.
        const most = rate === 1 ? 60 : 400;
        assert.ok(
          Math.abs(ms - captured) < most,
          `${ms} ms, not ${captured}: held up for ${heldMs}, clock ${rate}`,
        );
      }
    }
  }
});

test("what was held up until just before the end leaves no gap", () => {
  for (const endsAt of [4_200, 4_400, 6_000, 7_100]) {
    for (const { captured, ms } of recorded({ heldFrom: 4_000, heldMs: 3_000, endsAt }))
      assert.ok(Math.abs(ms - captured) < 60, `${ms} ms, not ${captured}: ends at ${endsAt}`);
  }
});

test("a clock that stood still before it was held up leaves its gap", () => {
  for (const stoodMs of [3_000, 6_000]) {
    for (const heldMs of [0, 1_000, 3_000]) {
      const plan = { heldFrom: 10_000, heldMs, endsAt: 20_000, stoodMs };
      for (const { captured, ms } of recorded(plan))
        assert.ok(
          Math.abs(ms - captured) < 60,
          `${ms} ms, not ${captured}: stood still for ${stoodMs}, held up for ${heldMs}`,
        );
    }
  }
});

test("a pause right behind what was held up leaves its gap, also where other timestamps follow it", () => {
  const timeline = new RecordTimeline();
  const source = new SourceTimeline(RATE);
  const file = new FileTimes(timeline, source);
  const ticksOf = (captured: number): number =>
    ((captured + (captured < 10_000 ? 7_200_000 : 0)) * RATE) / 1_000;
  const report = (captured: number, ingestMs: number, ntpMs?: number): void => {
    const rtpTimestamp = ticksOf(captured);
    const sender = ntpMs === undefined ? undefined : { ntpMs: 1_000_000 + ntpMs, rtpTimestamp };
    timeline.report(source, { ingestMs, rtpTimestamp, sender });
  };
  const frame = (captured: number, now: number): void => {
    file.add(captured, source.unwrap(ticksOf(captured)), now);
  };
  for (let captured = 0; captured < 4_000; captured += FRAME_MS) {
    if (captured % 1_000 === 0) report(captured, captured, captured);
    frame(captured, captured);
  }
  // Held up until 6 s, and then at once.
  for (let captured = 4_000; captured < 6_000; captured += FRAME_MS) {
    if (captured % 120 === 40) report(captured, 6_000);
    frame(captured, 6_000);
  }
  report(5_960, 6_000, 5_960);
  file.settle(6_500);
  for (let captured = 10_000; captured < 14_000; captured += FRAME_MS) {
    if (captured % 1_000 === 0)
      report(captured, captured, captured > 10_000 ? captured : undefined);
    frame(captured, captured);
  }
  file.settle(Number.POSITIVE_INFINITY);
  for (const { captured, ms } of file.placed)
    assert.ok(Math.abs(ms - captured) < 60, `${ms} ms, not ${captured}`);
});
