import assert from "node:assert/strict";
import { test } from "node:test";
import { SourceTimeline } from "../../channel/playout/index.ts";
import { RecordTimeline } from "./record-timeline.ts";
import { type FrameTime, SteadyClock } from "./steady-clock.ts";

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

/** Places the frame at `ticks`, which arrives at `nowMs`. */
function at(clock: SteadyClock, ticks: number, nowMs: number): number {
  return clock.place(clock.next(ticks, nowMs));
}

/** A source of 25 frames a second that is reported each second, before the frame at that time. */
class Picture {
  readonly source = new SourceTimeline(RATE);
  readonly clock: SteadyClock;
  readonly times: number[] = [];
  readonly #timeline: RecordTimeline;
  readonly #sends: boolean;
  readonly #waiting: FrameTime[] = [];
  #frames = 0;

  constructor(timeline: RecordTimeline, sends: boolean) {
    this.#timeline = timeline;
    this.#sends = sends;
    this.clock = new SteadyClock(timeline, this.source);
  }

  /**
   * Adds frames one after the other.
   *
   * @param ticksOf the timestamp at a time since the start, s
   * @param late how many frames late a report is
   */
  play(count: number, ticksOf: (seconds: number) => number, late = 0): void {
    for (let index = 0; index < count; index++) {
      const seconds = this.#frames++ / 25;
      const isDue = (this.#frames - 1 - late) % 25 === 0;
      const ms = seconds * 1000;
      const rtpTimestamp = (ticksOf(seconds) + 2 ** 40) % 2 ** 32;
      const sender = this.#sends ? { ntpMs: 1_000_000 + ms, rtpTimestamp } : undefined;
      if (isDue || (index === 0 && late === 0))
        this.#timeline.report(this.source, { ingestMs: ms, rtpTimestamp, sender });
      this.#waiting.push(this.clock.next(this.source.unwrap(rtpTimestamp), ms));
      this.#place();
    }
    this.clock.settle(Number.POSITIVE_INFINITY);
    this.#place();
  }

  #place(): void {
    while (this.#waiting[0] !== undefined && this.clock.isSettled(this.#waiting[0]))
      this.times.push(this.clock.place(this.#waiting.shift() as FrameTime));
  }

  /** Lets as many frames' time pass without any. */
  pause(count: number): void {
    this.#frames += count;
  }

  get distances(): number[] {
    return this.times.slice(1).map((each, index) => each - (this.times[index] as number));
  }
}

function isNear(value: number | undefined, wanted: number, most: number, what: string): void {
  assert.ok(Math.abs((value ?? Number.NaN) - wanted) <= most, `${what}: ${value}, not ${wanted}`);
}

test("times are not known before the first report", () => {
  const clock = new SteadyClock(new RecordTimeline(), new SourceTimeline(RATE));
  const time = clock.next(0, 0);
  assert.equal(clock.knows(time), false);
  assert.equal(clock.peek(time), undefined);
  assert.equal(clock.isSynchronised, false);
});

test("tracks of one publisher are aligned by its clock, however long an encoder delays one of them", () => {
  const timeline = new RecordTimeline();
  const [sound, picture] = [new SourceTimeline(RATE), new SourceTimeline(RATE)];
  reported(timeline, sound, { ingestMs: 1_000, ticks: 0, ntpMs: 50_000 });
  reported(timeline, picture, { ingestMs: 3_500, ticks: 0, ntpMs: 50_000 });
  const clocks = [sound, picture].map((source) => new SteadyClock(timeline, source));
  assert.deepEqual(
    clocks.map((clock) => at(clock, 0, 0)),
    [1_000, 1_000],
  );
  assert.ok(clocks.every((clock) => clock.isSynchronised));
  // Both are late by varying times; nothing moves.
  for (let second = 1; second < 30; second++) {
    const sent = { ticks: second * RATE, ntpMs: 50_000 + second * 1_000 };
    reported(timeline, sound, { ingestMs: 1_000 + second * 1_100, ...sent });
    reported(timeline, picture, { ingestMs: 3_500 + second * 1_200, ...sent });
    for (const clock of clocks)
      assert.equal(at(clock, second * RATE, second * 1_000), 1_000 + second * 1_000);
  }
});

test("without sender reports, tracks are aligned by the ingest's clock", () => {
  const timeline = new RecordTimeline();
  const source = new SourceTimeline(RATE);
  reported(timeline, source, { ingestMs: 700, ticks: RATE });
  const clock = new SteadyClock(timeline, source);
  assert.equal(clock.isSynchronised, false);
  assert.equal(at(clock, 2 * RATE, 0), 1_700);
});

test("tracks of a publisher with unrelated clocks are aligned by the ingest's clock", () => {
  const timeline = new RecordTimeline();
  const [sound, picture] = [new SourceTimeline(RATE), new SourceTimeline(RATE)];
  reported(timeline, sound, { ingestMs: 1_000, ticks: 0, ntpMs: 50_000 });
  reported(timeline, picture, { ingestMs: 1_000, ticks: 0, ntpMs: 950_000 });
  assert.equal(at(new SteadyClock(timeline, picture), 0, 0), 1_000);
});

test("small drift is followed by at most 2 ms a second, and a difference of a few ms is ignored", () => {
  const timeline = new RecordTimeline();
  const source = new SourceTimeline(RATE);
  reported(timeline, source, { ingestMs: 0, ticks: 0, ntpMs: 0 });
  const clock = new SteadyClock(timeline, source);
  assert.equal(at(clock, 0, 0), 0);
  reported(timeline, source, { ingestMs: 1_000, ticks: RATE, ntpMs: 1_005 });
  assert.equal(at(clock, RATE, 1_000), 1_000);
  reported(timeline, source, { ingestMs: 2_000, ticks: 2 * RATE, ntpMs: 2_020 });
  assert.equal(at(clock, 2 * RATE, 2_000), 2_002);
  for (let second = 3; second <= 11; second++) at(clock, second * RATE, second * 1_000);
  isNear(at(clock, 12 * RATE, 12_000), 12_020, 1, "settled");
});

for (const sends of [true, false]) {
  const how = sends ? "with sender reports" : "without sender reports";
  test(`${how} drift of 4 % is followed without visible steps`, () => {
    for (const rate of [0.96, 0.98, 1.02, 1.04]) {
      const picture = new Picture(new RecordTimeline(), sends);
      picture.play(1_500, (seconds) => Math.round(seconds * RATE * rate));
      for (const distance of picture.distances) isNear(distance, 40, 4, `${rate}`);
      isNear(picture.times.at(-1), 1_499 * 40, 80, `${rate}`);
    }
  });

  for (const late of [0, 12, 24]) {
    const reported = late === 0 ? "reported at once" : `reported ${late} frames late`;
    test(`${how} a jump of timestamps that is ${reported} leaves no gap`, () => {
      for (const jump of [7_200, 10, 3, -3, -10, -61, -7_200, 20_000]) {
        const picture = new Picture(new RecordTimeline(), sends);
        picture.play(100, (seconds) => Math.round(seconds * RATE));
        picture.play(300, (seconds) => Math.round((seconds + jump) * RATE), late);
        for (const distance of picture.distances) isNear(distance, 40, 3, `${jump} s`);
        isNear(picture.times.at(-1), 399 * 40, 40, `${jump} s`);
      }
    });
  }

  test(`${how} a pause leaves a gap, whether its timestamps go on or not`, () => {
    for (const goesOn of [true, false]) {
      const picture = new Picture(new RecordTimeline(), sends);
      picture.play(100, (seconds) => Math.round(seconds * RATE));
      picture.pause(150);
      picture.play(200, (seconds) => Math.round((seconds - (goesOn ? 0 : 6)) * RATE));
      isNear(picture.distances[99], 6_040, 40, `goes on: ${goesOn}`);
      isNear(picture.times.at(-1), 449 * 40, 40, `goes on: ${goesOn}`);
    }
  });
}

test("a sender that is held up and then sends all that it held back leaves no gap", () => {
  const timeline = new RecordTimeline();
  const source = new SourceTimeline(RATE);
  const clock = new SteadyClock(timeline, source);
  const times: FrameTime[] = [];
  const ingestMsOf = (index: number): number => (index >= 100 && index < 220 ? 8_800 : index * 40);
  for (let index = 0; index < 500; index++) {
    const rtpTimestamp = (index * RATE) / 25;
    // What the ingest takes for a pause is reported at once, and again each second.
    const isDue = index % 25 === 0 && (index < 100 || index >= 225);
    const late = index === 100 ? 8_800 - 4_000 : 0;
    if (isDue || index === 100) {
      const report = { ingestMs: index * 40 + late, rtpTimestamp, sender: undefined };
      timeline.report(source, report);
    }
    times.push(clock.next(rtpTimestamp, ingestMsOf(index)));
  }
  clock.settle(Number.POSITIVE_INFINITY);
  const placed = times.map((time) => clock.place(time));
  for (const [index, ms] of placed.entries()) isNear(ms, index * 40, 5, `frame ${index}`);
});

test("what arrives late for seconds leaves no gap where sender reports say that nothing is missing", () => {
  const timeline = new RecordTimeline();
  const source = new SourceTimeline(RATE);
  const clock = new SteadyClock(timeline, source);
  const times: FrameTime[] = [];
  for (let index = 0; index < 500; index++) {
    const rtpTimestamp = (index * RATE) / 25;
    const ms = index * 40;
    const late = index >= 100 && index < 200 ? 1_900 : 0;
    if (index % 25 === 0) {
      const sender = { ntpMs: 1_000_000 + ms, rtpTimestamp };
      timeline.report(source, { ingestMs: ms + late, rtpTimestamp, sender });
    }
    times.push(clock.next(rtpTimestamp, ms + late));
  }
  clock.settle(Number.POSITIVE_INFINITY);
  for (const [index, time] of times.entries())
    isNear(clock.place(time), index * 40, 5, `frame ${index}`);
});

test("reports that are ahead of frames that were held up do not widen a gap, however clocks drift", () => {
  for (const rate of [0.96, 1.04]) {
    const timeline = new RecordTimeline();
    const source = new SourceTimeline(RATE);
    const clock = new SteadyClock(timeline, source);
    const ticksOf = (ms: number): number => Math.round((ms / 1000) * RATE * rate);
    const report = (ms: number): void =>
      reported(timeline, source, { ingestMs: ms, ticks: ticksOf(ms) });
    let last = 0;
    for (let ms = 0; ms <= 4_000; ms += 40) {
      if (ms % 1_000 === 0) report(ms);
      last = at(clock, ticksOf(ms), ms);
    }
    for (let ms = 5_500; ms <= 10_500; ms += 1_000) report(ms);
    isNear(at(clock, ticksOf(5_500), 10_500) - last, 1_500, 80, `${rate}`);
  }
});

test("a sender report that contradicts the others has no effect, and a lasting change is followed", () => {
  const timeline = new RecordTimeline();
  const source = new SourceTimeline(RATE);
  const clock = new SteadyClock(timeline, source);
  const ntpOf = (second: number): number =>
    second === 10 ? 9_000_000 : second < 20 ? second * 1_000 : second * 1_000 + 300;
  for (let second = 0; second < 40; second++) {
    const ticks = second * RATE;
    reported(timeline, source, { ingestMs: second * 1_000, ticks, ntpMs: ntpOf(second) });
    const ms = at(clock, ticks, second * 1_000);
    if (second < 20) assert.equal(ms, second * 1_000);
    if (second > 32) isNear(ms, second * 1_000 + 300, 30, `${second}`);
  }
});

test("when the publisher's clock is set, its tracks keep their place", () => {
  const timeline = new RecordTimeline();
  const sources = [new SourceTimeline(RATE), new SourceTimeline(RATE)];
  const clocks = sources.map((source) => new SteadyClock(timeline, source));
  for (let second = 0; second < 30; second++) {
    for (const [index, source] of sources.entries()) {
      const ticks = second * RATE;
      const set = second < 10 ? 0 : 3_600_000;
      const ingestMs = second * 1_000 + index * 700;
      reported(timeline, source, { ingestMs, ticks, ntpMs: 5_000_000 + set + second * 1_000 });
      const ms = at(clocks[index] as SteadyClock, ticks, ingestMs);
      isNear(ms, second * 1_000, 1, `${second}`);
    }
  }
});

for (const off of [9_800, 3_000, 700, -700, -3_000, -9_800, 1_000_000]) {
  test(`first sender reports that are all off by ${off} ms leave no gap when others contradict them`, () => {
    const timeline = new RecordTimeline();
    const sources = [new SourceTimeline(RATE), new SourceTimeline(RATE)];
    const clocks = sources.map((source) => new SteadyClock(timeline, source));
    for (let second = 0; second < 60; second++) {
      const placed = sources.map((source, index) => {
        const ticks = second * RATE;
        const wrong = second < 2 ? off : 0;
        const ntpMs = 5_000_000 + second * 1_000 + wrong;
        reported(timeline, source, { ingestMs: second * 1_000 + index * 400, ticks, ntpMs });
        return at(clocks[index] as SteadyClock, ticks, second * 1_000);
      });
      isNear(placed[0], second * 1_000, 1, `${second}`);
      isNear(placed[1], second * 1_000, 1, `${second}`);
    }
  });
}

test("a first sender report that is wrong leaves no gap when others come after a jump of timestamps", () => {
  for (const off of [9_800, -9_800, 3_000]) {
    const timeline = new RecordTimeline();
    const source = new SourceTimeline(RATE);
    const clock = new SteadyClock(timeline, source);
    for (let index = 0; index < 40 * 25; index++) {
      const ms = index * 40;
      const ticks = ((index + (index >= 100 ? 9_000 : 0)) * RATE) / 25;
      if (index % 25 === 0) {
        const wrong = index === 0 ? off : 0;
        reported(timeline, source, { ingestMs: ms, ticks, ntpMs: 5_000_000 + ms + wrong });
      }
      isNear(at(clock, ticks, ms), ms, 60, `${off}, frame ${index}`);
    }
  }
});

test("sender reports that are wrong, and are not believed any more after a jump of timestamps, leave no gap", () => {
  for (const off of [9_800, -9_800, 4_000, -2_150]) {
    for (const jump of [-3_000, 90_000]) {
      const timeline = new RecordTimeline();
      const sources = [new SourceTimeline(RATE), new SourceTimeline(RATE)];
      const clocks = sources.map((source) => new SteadyClock(timeline, source));
      for (let index = 0; index < 40 * 25; index++) {
        const ms = index * 40;
        for (const [which, source] of sources.entries()) {
          const ticks = (5_000_000 + ms + which * 700 + (index >= 100 ? jump : 0)) * 90;
          if (index % 25 === 0) {
            const sent = { ntpMs: 5_000_000 + ms + (index < 100 ? off : 0) };
            // The ingest reports a jump at once, and the sender a while later.
            reported(timeline, source, { ingestMs: ms, ticks, ...(index === 100 ? {} : sent) });
          }
          const placed = at(clocks[which] as SteadyClock, ticks, ms);
          isNear(placed, ms, 60, `${off}, ${jump}, track ${which}, frame ${index}`);
        }
      }
    }
  }
});

test("frames behind a loss that came long after the reports about them are of the time base that covers them", () => {
  for (const lateMs of [0, 2_000, 3_000, 4_480]) {
    const timeline = new RecordTimeline();
    const source = new SourceTimeline(RATE);
    const clock = new SteadyClock(timeline, source);
    const ticksOf = (index: number): number =>
      (10_000 + index * 40 - (index > 90 ? 3_000 : 0)) * 90;
    const lateFrames = lateMs / 40;
    const waiting: { readonly frame: number; readonly time: FrameTime }[] = [];
    for (let index = 0; index < 500 + lateFrames; index++) {
      const ingestMs = index * 40;
      if (index % 25 === 0 || index === 91)
        reported(timeline, source, { ingestMs, ticks: ticksOf(index) });
      const frame = index <= 80 ? index : index - lateFrames;
      if (index > 80 && frame < 200) continue;
      waiting.push({ frame, time: clock.next(ticksOf(frame), ingestMs) });
    }
    clock.settle(Number.POSITIVE_INFINITY);
    for (const { frame, time } of waiting)
      isNear(clock.place(time), frame * 40, 50, `${lateMs}, frame ${frame}`);
  }
});

test("frames that came before the first report are placed by that, though timestamps have come again since", () => {
  for (const jump of [-1_000, -3_000]) {
    const timeline = new RecordTimeline();
    const source = new SourceTimeline(RATE);
    const clock = new SteadyClock(timeline, source);
    const times: FrameTime[] = [];
    for (let index = 0; index < 200; index++) {
      const ms = index * 40;
      const ticks = (10_000 + ms + (index >= 90 ? jump : 0)) * 90;
      if (index % 25 === 9 || index === 90) reported(timeline, source, { ingestMs: ms, ticks });
      times.push(clock.next(ticks, ms));
      // A recording waits for sender reports.
      if (index < 120) continue;
      const first = index + 1 - times.length;
      for (const [at, time] of times.splice(0).entries())
        isNear(clock.place(time), (first + at) * 40, 5, `${jump}, frame ${first + at}`);
    }
  }
});

test("a source whose first sender report alone is wrong moves to where the others are", () => {
  const timeline = new RecordTimeline();
  const sources = [new SourceTimeline(RATE), new SourceTimeline(RATE)];
  const clocks = sources.map((source) => new SteadyClock(timeline, source));
  let placed: number[] = [];
  for (let second = 0; second < 60; second++)
    placed = sources.map((source, index) => {
      const ticks = second * RATE;
      const ntpMs = 5_000_000 + second * 1_000 + (index === 1 && second === 0 ? -4_000 : 0);
      reported(timeline, source, { ingestMs: second * 1_000 + 1, ticks, ntpMs });
      return at(clocks[index] as SteadyClock, ticks, second * 1_000);
    });
  isNear(placed[1], placed[0] as number, 10, "in lip-sync");
});

test("frames that are decoded ahead of their time keep it", () => {
  const timeline = new RecordTimeline();
  const source = new SourceTimeline(RATE);
  const clock = new SteadyClock(timeline, source);
  for (const [index, order] of [0, 4, 2, 1, 3, 8, 6, 5, 7].entries()) {
    const rtpTimestamp = (order * RATE) / 5;
    // The fastest packet counts.
    const ingestMs = rtpTimestamp / 90 - 800;
    timeline.report(source, { ingestMs, rtpTimestamp, sender: undefined });
    assert.equal(at(clock, rtpTimestamp, index * 200), order * 200 - 800);
  }
});
