import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SourceTimeline } from "../../channel/playout/index.ts";
import type { Track } from "../../wire/index.ts";
import { AUDIO, type MemoryFile, Recording, readBack, VIDEO } from "./record.test.support.ts";
import { RecordTimeline } from "./record-timeline.ts";
import { SteadyClock } from "./steady-clock.ts";
import type { TrackBuffer } from "./track-buffer.ts";

const FRAME_MS = { video: 40, audio: 20 } as const;
const SPS = "677a000db6cd941519e222f011000003000100000300320f142996";
/** A format, one that differs by its picture parameter set, and one of another level. */
const FORMATS: readonly (readonly [sps: string, pps: string])[] = [
  [SPS, "68ea8ccb22c0"],
  [SPS, "68ea8ccb22c1"],
  [SPS.replace("0d", "1e"), "68ea8ccb22c0"],
];

/** What happens to one track. Times are ms since the start. */
interface TrackPlan {
  readonly kind: "video" | "audio";
  readonly startMs: number;
  readonly pauses: readonly {
    readonly atMs: number;
    readonly ms: number;
    readonly stops: boolean;
  }[];
  readonly jumps: readonly { readonly atMs: number; readonly ms: number }[];
  readonly changes: readonly number[];
  /** Frames from one key frame to the next. */
  readonly gop: number;
  readonly isReordered: boolean;
  readonly isOpen: boolean;
  readonly sends: boolean;
  /** Of reports, ms; infinite: there are none. */
  readonly reportsFromMs: number;
}

interface Plan {
  readonly container: "mkv" | "mp4";
  readonly tracks: readonly TrackPlan[];
  readonly announced: number;
  readonly segmentMs: number;
  readonly durationMs: number;
  readonly lengthMs: number;
  readonly fullAtMs: number | undefined;
  readonly slow: { readonly atMs: number; readonly ms: number } | undefined;
  readonly closesAtMs: number | undefined;
}

const time = (most: number) => fc.integer({ min: 0, max: most });
const track: fc.Arbitrary<TrackPlan> = fc.record({
  kind: fc.constantFrom("video", "audio"),
  startMs: fc.oneof(
    { weight: 2, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: time(9_000) },
  ),
  pauses: fc.array(fc.record({ atMs: time(20_000), ms: time(40_000), stops: fc.boolean() }), {
    maxLength: 2,
  }),
  jumps: fc.array(
    fc.record({
      atMs: time(20_000),
      ms: fc.constantFrom(-7_200_000, -10_000, -800, -61, 61, 700, 9_000, 7_200_000),
    }),
    { maxLength: 2 },
  ),
  changes: fc.array(time(20_000), { maxLength: 2 }),
  gop: fc.constantFrom(1, 12, 25, 250),
  isReordered: fc.boolean(),
  isOpen: fc.boolean(),
  sends: fc.boolean(),
  reportsFromMs: fc.constantFrom(0, 0, 400, 8_000, Number.POSITIVE_INFINITY),
});
const plan: fc.Arbitrary<Plan> = fc.record({
  container: fc.constantFrom("mkv", "mp4"),
  tracks: fc.array(track, { minLength: 1, maxLength: 3 }),
  announced: fc.constantFrom(0, 0, 1),
  segmentMs: fc.constantFrom(2_000, 5_000, Number.POSITIVE_INFINITY),
  durationMs: fc.constantFrom(3_000, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY),
  lengthMs: fc.integer({ min: 100, max: 25_000 }),
  fullAtMs: fc.option(time(20_000), { nil: undefined, freq: 4 }),
  slow: fc.option(fc.record({ atMs: time(15_000), ms: time(8_000) }), {
    nil: undefined,
    freq: 4,
  }),
  closesAtMs: fc.option(time(20_000), { nil: undefined, freq: 4 }),
});

interface Event {
  readonly atMs: number;
  readonly track: number;
  readonly ticks: number;
  readonly key: boolean;
  readonly leading: boolean;
  readonly bytes: Uint8Array;
}

/** The frames of a track in decoding order, with the time at which each arrives. */
function framesOf(plan: TrackPlan, index: number, lengthMs: number): Event[] {
  const frameMs = FRAME_MS[plan.kind];
  const rate = plan.kind === "video" ? 90 : 48;
  const events: Event[] = [];
  let mediaMs = 1_000_000;
  let count = 0;
  for (let atMs = plan.startMs; atMs < lengthMs; atMs += frameMs) {
    mediaMs += frameMs;
    const isOver = (span: { atMs: number; ms: number }): boolean =>
      atMs >= span.atMs && atMs < span.atMs + span.ms;
    for (const jump of plan.jumps)
      if (jump.atMs >= atMs && jump.atMs < atMs + frameMs) mediaMs += jump.ms;
    const pause = plan.pauses.find(isOver);
    if (pause !== undefined) {
      if (pause.stops) mediaMs -= frameMs;
      continue;
    }
    const isVideo = plan.kind === "video";
    const inGop = count++ % plan.gop;
    const key = !isVideo || inGop === 0;
    const leading = isVideo && plan.isOpen && plan.isReordered && (inGop === 1 || inGop === 2);
    // Two pictures that are presented before the one that they follow.
    const place = plan.isReordered && isVideo && plan.gop > 3 ? [2, -1, -1][inGop % 3] : 0;
    const format = plan.changes.filter((change) => change <= atMs).length;
    const ticks = (mediaMs + (place ?? 0) * frameMs) * rate;
    const bytes = isVideo ? picture(key, format, plan.isOpen) : Uint8Array.of(0xfc, 0xff, 0xfe);
    events.push({ atMs, track: index, ticks, key, leading, bytes });
  }
  return events;
}

function picture(key: boolean, format: number, isOpen: boolean): Uint8Array {
  const [sps, pps] = (FORMATS[format] ?? []).map((set) => Buffer.from(set, "hex"));
  const start = [0, 0, 0, 1];
  if (!key) return Uint8Array.from([...start, 0x41, 0x9a, 0x22, 0x80, 1]);
  const slice = isOpen ? [0x41, 0x88, 0x84, 0x80, 1] : [0x65, 0x88, 0x84, 0x80, 1];
  return Uint8Array.from([...start, ...(sps ?? []), ...start, ...(pps ?? []), ...start, ...slice]);
}

/** Lets the writers process what was enqueued. */
const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

async function play(plan: Plan): Promise<void> {
  const { container, segmentMs, durationMs, lengthMs } = plan;
  const recording = new Recording(container, { segmentMs, durationMs });
  const { clock, segmenter } = recording;
  const timeline = new RecordTimeline();
  const tracks = plan.tracks.map(({ kind }, index): Track => {
    const base = kind === "video" ? VIDEO : AUDIO;
    return { ...base, medium: index + 1, source: index + 1 };
  });
  const sources = tracks.map(({ clockRate }) => new SourceTimeline(clockRate));
  const buffers: (TrackBuffer | undefined)[] = [];
  const reported: number[] = [];
  let offered = 0;
  let open: (() => void) | undefined;
  segmenter.expect(plan.announced);
  const frames = plan.tracks
    .flatMap((each, index) => framesOf(each, index, lengthMs))
    .sort((left, right) => left.atMs - right.atMs);
  let sinceSettled = 0;
  for (const { atMs, bytes, key, leading, ticks, track: index } of frames) {
    while (clock.now() < atMs) {
      clock.advance(Math.min(50, atMs - clock.now()));
      segmenter.tick();
    }
    const { slow, fullAtMs } = plan;
    const isSlow = slow !== undefined && atMs >= slow.atMs && atMs < slow.atMs + slow.ms;
    if (isSlow && open === undefined) {
      const gate = new Promise<void>((resolve) => {
        open = resolve;
      });
      recording.gate = gate;
      for (const { file } of recording.files) (file as MemoryFile).gate = gate;
    } else if (!isSlow) open?.();
    if (fullAtMs !== undefined && atMs >= fullAtMs && recording.room > 1e9) {
      recording.room = 10_000;
      for (const { file } of recording.files)
        (file as MemoryFile).room = file.bytes.byteLength + 40;
    }
    if (recording.room < 1e9 && atMs > (fullAtMs ?? 0) + 2_000) {
      recording.room = Number.POSITIVE_INFINITY;
      segmenter.unblock();
    }
    const { reportsFromMs, sends } = plan.tracks[index] as TrackPlan;
    const source = sources[index] as SourceTimeline;
    buffers[index] ??= segmenter.open(tracks[index] as Track, new SteadyClock(timeline, source));
    const ms = source.unwrap(ticks % 2 ** 32) / (source.clockRate / 1000);
    if (atMs >= reportsFromMs && atMs >= (reported[index] ?? 0)) {
      reported[index] = atMs + 1_000;
      const rtpTimestamp = ticks % 2 ** 32;
      const sender = sends ? { ntpMs: 5_000_000 + atMs, rtpTimestamp } : undefined;
      timeline.report(source, { ingestMs: 90_000 + atMs, rtpTimestamp, sender });
    }
    const buffer = buffers[index] as TrackBuffer;
    if (plan.closesAtMs !== undefined && atMs > plan.closesAtMs && index === 0) {
      segmenter.close(buffer);
      continue;
    }
    offered++;
    segmenter.frame(buffer, {
      bytes,
      key,
      leading,
      ticks: Math.round(ms * (source.clockRate / 1000)),
    });
    if (++sinceSettled % 20 === 0) await settle();
    assert.equal(segmenter.unaccounted, 0, `at ${atMs} ms`);
  }
  open?.();
  await segmenter.finish();
  await settle();
  assert.equal(segmenter.unaccounted, 0);
  const { drops, totals } = segmenter;
  if (durationMs === Number.POSITIVE_INFINITY)
    assert.equal(totals.frames + drops.total, offered, "every frame is in a file or counted");
  const contents = await Promise.all(
    recording.files
      .filter(({ file }) => file.bytes.byteLength > 0)
      .map(({ file }) => readBack(file.bytes)),
  );
  const inFiles = contents.flat().reduce((sum, { times }) => sum + times.length, 0);
  // The library does not read the last, unfinished, cluster of a file that could not be completed.
  if (plan.fullAtMs === undefined)
    assert.equal(inFiles, totals.frames, "the files hold what is counted");
  else assert.ok(inFiles <= totals.frames);
  for (const { times } of contents.flat()) {
    const first = times[0] ?? 0;
    assert.ok(first >= 0 && (times.at(-1) ?? 0) < first + 130_000, "times do not jump");
  }
  if (plan.fullAtMs === undefined && plan.slow === undefined)
    for (const reason of ["disk-refused", "disk-slow", "held-too-long", "unreadable"])
      assert.equal(drops.get(reason), 0, reason);
}

test("every frame that a recording is given is in a file, or counted by the reason for which it is not", async () => {
  await fc.assert(fc.asyncProperty(plan, play), { numRuns: 120, includeErrorInReport: true });
});
