import assert from "node:assert/strict";
import { test } from "node:test";
import { SourceTimeline } from "./source-timeline.ts";
import { TrackTime } from "./track-time.ts";

const FRAME_MS = 20;
/** From capture to us. */
const WAY_MS = 30;

/**
 * Plays sound whose clock stands still from `pausedAt` for `standsMs`, over a network that holds everything up between
 * two times. Reports come each second, in their place; they know of the standstill `knowsMs` after it.
 *
 * @returns how wrong the time on the ingest's clock is for each frame, ms, by its capture
 */
function errorsOf(plan: {
  readonly pausedAt: number;
  readonly standsMs: number;
  readonly heldFrom: number;
  readonly heldTo: number;
  readonly knowsMs: number;
}): Map<number, number> {
  const { heldFrom, heldTo, knowsMs, pausedAt, standsMs } = plan;
  const source = new SourceTimeline(1_000);
  const time = new TrackTime(source);
  const errors = new Map<number, number>();
  let reportedAt = Number.NEGATIVE_INFINITY;
  for (let captured = 0; captured < 20_000; captured += FRAME_MS) {
    if (captured >= pausedAt && captured < pausedAt + standsMs) continue;
    const stood = captured >= pausedAt ? standsMs : 0;
    const ticks = captured - stood;
    const arrives = captured + WAY_MS;
    const now = arrives >= heldFrom && arrives < heldTo ? heldTo : arrives;
    if (captured - reportedAt >= 1_000) {
      reportedAt = captured;
      const isKnown = stood > 0 && captured >= pausedAt + standsMs + knowsMs;
      const ingestMs = isKnown || stood === 0 ? captured : captured - standsMs;
      time.report({ ingestMs, rtpTimestamp: ticks, sender: undefined });
    }
    const own = time.arrived(source.unwrap(ticks), now);
    const offset = time.ingestOffsetMs(own);
    if (offset !== undefined) errors.set(captured, own + offset - captured);
  }
  return errors;
}

for (const [name, held] of [
  ["nothing is held up", { heldFrom: 0, heldTo: 0 }],
  ["the network holds it up, and reports come with the burst", { heldFrom: 4_900, heldTo: 9_900 }],
] as const) {
  test(`a clock that stood still is counted once: ${name}`, () => {
    for (const standsMs of [700, 973, 1_500]) {
      const errors = errorsOf({ ...held, pausedAt: 3_800, standsMs, knowsMs: 1_250 });
      for (const [captured, error] of errors) {
        if (captured < 3_800 || captured > 12_000)
          assert.ok(
            Math.abs(error) < 60,
            `${error} ms at ${captured}, stood still for ${standsMs}`,
          );
      }
    }
  });
}

test("reports about media behind a jump that come before it say nothing about the media before", () => {
  for (const jumpMs of [3_000, 90_000, 7_200_000]) {
    const source = new SourceTimeline(1_000);
    const time = new TrackTime(source);
    const ticksOf = (captured: number): number => captured + (captured < 5_000 ? 0 : jumpMs);
    for (let captured = 0; captured < 9_000; captured += FRAME_MS) {
      // From 4 s to 7 s all is held up, and then comes at once: the reports first.
      if (captured === 4_000)
        for (const at of [4_000, 5_000, 6_000])
          time.report({ ingestMs: at, rtpTimestamp: ticksOf(at), sender: undefined });
      else if (captured % 1_000 === 0 && (captured < 4_000 || captured >= 7_000))
        time.report({ ingestMs: captured, rtpTimestamp: ticksOf(captured), sender: undefined });
      const isHeldUp = captured >= 4_000 && captured < 7_000;
      const now = (isHeldUp ? 7_000 : captured) + WAY_MS;
      const own = time.arrived(source.unwrap(ticksOf(captured)), now);
      const error = own + (time.ingestOffsetMs(own) ?? Number.NaN) - captured;
      // What comes in a burst is placed by its arrival until it is in time.
      const isSettled = captured < 5_000 || captured >= 7_000;
      if (isSettled) assert.ok(Math.abs(error) < 60, `${error} ms at ${captured}, by ${jumpMs}`);
    }
  }
});

test("a clock that has gone back is noticed soon behind a burst of held-up media", () => {
  const source = new SourceTimeline(1_000);
  const time = new TrackTime(source);
  for (let captured = 0; captured < 9_000; captured += FRAME_MS) {
    // A pause in which timestamps go back by less than it lasts, and media held up behind it.
    if (captured >= 3_000 && captured < 5_500) continue;
    const ticks = captured - (captured < 3_000 ? 0 : 2_000);
    const now = (captured >= 5_500 && captured < 7_000 ? 7_000 : captured) + WAY_MS;
    const own = time.arrived(source.unwrap(ticks), now);
    if (captured >= 7_400) assert.ok(Math.abs(own - captured) < 60, `${own} at ${captured}`);
  }
});

test("sender reports from behind a standstill that come before and after it is noticed do not count it again", () => {
  const [pausedAt, standsMs, heldFrom, heldTo] = [5_270, 1_290, 4_785, 9_785];
  const ticksOf = (captured: number): number =>
    captured - Math.min(standsMs, Math.max(0, captured - pausedAt));
  for (const phaseMs of [0, 200, 400, 600, 800]) {
    for (const ageMs of [0, 300, 600, 900]) {
      const source = new SourceTimeline(1_000);
      const time = new TrackTime(source);
      for (let captured = 0; captured < 15_000; captured += FRAME_MS) {
        if (captured >= pausedAt && captured < pausedAt + standsMs) continue;
        const arrives = captured + WAY_MS;
        const now = arrives >= heldFrom && arrives < heldTo ? heldTo : arrives;
        const own = time.arrived(source.unwrap(ticksOf(captured)), now);
        const error = own + (time.senderOffsetMs(own) ?? captured - own) - captured;
        const story = `${error} ms at ${captured}, reports ${phaseMs} ms late and ${ageMs} ms old`;
        if (captured > 10_200) assert.ok(Math.abs(error) < 60, story);
        if (captured % 1_000 !== phaseMs) continue;
        const at = captured - ageMs;
        // The ingest believes its fastest packet, and does not notice the standstill.
        const ingestMs = captured - (captured > pausedAt ? standsMs : 0);
        const sender = { ntpMs: at, rtpTimestamp: Math.max(0, ticksOf(at)) };
        time.report({ ingestMs, rtpTimestamp: ticksOf(captured), sender });
      }
    }
  }
});

test("what was held up alone has not jumped when what follows it is in time, as reports say", () => {
  for (const heldMs of [2_500, 3_200, 5_000]) {
    for (const missingMs of [0, 1_500, 6_000]) {
      for (const phaseMs of [0, 300, 700]) {
        const source = new SourceTimeline(1_000);
        const time = new TrackTime(source);
        const resumesAt = Math.max(FRAME_MS, heldMs + missingMs);
        // The first frame is held up, and so are reports; those after it are lost until some time later.
        for (let captured = 0; captured < resumesAt + 5_000; captured += FRAME_MS) {
          const isReported = captured === 0 || captured % 1_000 === phaseMs;
          const report = { ingestMs: captured, rtpTimestamp: captured, sender: undefined };
          if (isReported) time.report(report);
          if (captured === Math.floor(heldMs / FRAME_MS) * FRAME_MS)
            time.arrived(source.unwrap(0), heldMs + WAY_MS);
          if (captured < resumesAt) continue;
          const own = time.arrived(source.unwrap(captured), captured + WAY_MS);
          const error = own + (time.ingestOffsetMs(own) ?? Number.NaN) - captured;
          const story = `${error} ms at ${captured}, ${heldMs} held, ${missingMs} missing, ${phaseMs}`;
          assert.ok(Math.abs(error) < 60, story);
        }
      }
    }
  }
});
