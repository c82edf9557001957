import { type Counters, LIMITS } from "../../base/index.ts";
import type { EncodedFrame } from "../../channel/playout/index.ts";
import type { Track } from "../../wire/index.ts";
import { FrameBalance } from "./frame-balance.ts";
import { inOrder } from "./in-order.ts";
import { OpenSegments, type RecordedTotals, type SegmentEnd } from "./open-segments.ts";
import { Segment, type SegmentFacts } from "./segment.ts";
import type { SegmenterOptions } from "./segmenter-options.ts";
import { areAllSilent, newestArrival, silentAmong } from "./silent-tracks.ts";
import type { SteadyClock } from "./steady-clock.ts";
import { type Sample, TrackBuffer } from "./track-buffer.ts";
import { formatterFor, isSameCoding } from "./track-format.ts";

/** Publishers report how their tracks relate within this time, or never; tracks that are announced come, or not, ms. */
const SYNC_MS_MAX = 5_000;
/** How long the other tracks are waited for when one has reached the end of the recording, ms. */
const ENOUGH_MS_MAX = 1_500;
/** Players look for the tracks of a file within so much of it, ms. */
const PROBED_MS = 3_000;

/**
 * Writes the frames of a channel's tracks to files: a new one begins with a key frame when the previous one is long
 * enough, or when a track is added or changes its format. Times are the channel's, so that lost frames leave a gap and
 * nothing shifts. Each frame that comes is in a file, or counted by the reason for which it is not.
 */
export class Segmenter {
  readonly #options: SegmenterOptions;
  readonly #buffers = new Set<TrackBuffer>();
  readonly #segments: OpenSegments;
  readonly #balance = new FrameBalance();
  /** Tracks that are announced and not open yet. */
  #awaited = 0;
  #isBlocked = false;
  /** The publisher changes parameter sets as it goes: they stand among the frames from then on. */
  #setsChange = false;
  /** By how much the current file reaches back before the end of the one before it, ms. */
  #overlapMs = 0;
  /** Since when one track has reached the recording's end, ms. */
  #enoughSince: number | undefined;
  #isEnded = false;

  constructor(options: SegmenterOptions) {
    this.#options = options;
    this.#segments = new OpenSegments(options.clock, (facts, reason) =>
      options.events.onFinished(facts, reason),
    );
  }

  /** Frames that are not in any file, by reason; docs/guides/recording.md explains them. */
  get drops(): Counters {
    return this.#balance.drops;
  }

  /** The file that is written now. */
  get current(): SegmentFacts | undefined {
    return this.#segments.current?.facts;
  }

  /** Over all files. */
  get totals(): RecordedTotals {
    return this.#segments.totals;
  }

  /** Frames that came, and are neither in a file, nor held, nor dropped for a reason: always 0. */
  get unaccounted(): number {
    return this.#balance.unaccounted(this.totals.frames, this.#buffers);
  }

  /** How many more tracks will probably come: the first file waits for them, for a time. */
  expect(count: number): void {
    this.#awaited = count;
    this.#begin();
  }

  /** A track begins. Undefined when it cannot be recorded. */
  open(track: Track, clock: SteadyClock): TrackBuffer | undefined {
    const formatter = formatterFor(track, this.#options.container);
    if (formatter === undefined) return undefined;
    const buffer = new TrackBuffer(track, formatter, clock, this.#options.clock.now());
    this.#buffers.add(buffer);
    return buffer;
  }

  /** A track ends. With the last one, the file ends. */
  close(buffer: TrackBuffer): void {
    if (!this.#buffers.has(buffer)) return;
    this.#settle(buffer);
    this.#part(buffer, this.#buffers.size === 1 ? "the channel ended" : "its tracks changed");
    this.#buffers.delete(buffer);
  }

  /** The next frame of a track, in decoding order; retained, never modify it. */
  frame(buffer: TrackBuffer, frame: EncodedFrame): void {
    if (this.#isEnded || !this.#buffers.has(buffer)) return;
    const now = this.#options.clock.now();
    const time = buffer.arrived(frame, now);
    const isIn = this.#isIn(buffer);
    // The recording has its length.
    if (this.#enoughSince !== undefined && !isIn) return;
    this.#balance.received();
    if (this.#isHeldUp(buffer)) return;
    const sample = buffer.sampleOf(frame, time);
    if (typeof sample === "string") {
      this.#balance.drop(sample);
      return;
    }
    buffer.hold(sample);
    if (isIn) this.#drain(buffer);
    if (buffer.heldBytes > LIMITS.recordBacklogBytesMax) this.#settle(buffer);
    else this.#begin();
  }

  /** Does what is due by time. Called every 20 to 100 ms. */
  tick(): void {
    const now = this.#options.clock.now();
    this.#segments.tick(newestArrival(this.#buffers));
    for (const buffer of this.#buffers) {
      buffer.clock.settle(now);
      if (this.#isIn(buffer)) this.#drain(buffer);
    }
    if (now - (this.#enoughSince ?? now) > ENOUGH_MS_MAX) this.#end();
    this.#begin();
    const { current } = this.#segments;
    if (current === undefined) return;
    const open = [...current.open];
    if (areAllSilent(open, now)) this.#abandon("nothing came");
    for (const buffer of silentAmong(open, now)) this.#leave(buffer);
    if (current.unwrittenBytes > LIMITS.recordFragmentBytesMax)
      this.#abandon("it could not be cut");
  }

  /** After {@link SegmenterEvents.onFailed}: the next key frame begins a new file. */
  unblock(): void {
    this.#isBlocked = false;
  }

  /** Ends the recording. Settles when its files are complete. */
  async finish(): Promise<void> {
    if (!this.#isEnded) for (const buffer of this.#buffers) this.#settle(buffer);
    this.#isEnded = true;
    this.#segments.finish("the recording ended");
    await this.#segments.completed();
  }

  /** While the disk does not keep up, or fails, whole groups of pictures are left out. */
  #isHeldUp(buffer: TrackBuffer): boolean {
    // Frames that depend on one left out are left out anyway: so the disk has time until the next key frame.
    const most = LIMITS.recordBacklogBytesMax / (buffer.needsKey ? 2 : 1);
    if (!this.#isBlocked && this.#segments.waitingBytes <= most) return false;
    this.#balance.drop(this.#isBlocked ? "disk-refused" : "disk-slow", 1 + buffer.forget());
    buffer.needsKey = buffer.isVideo;
    return true;
  }

  /** Whether frames of the buffer belong to the current file. */
  #isIn(buffer: TrackBuffer): boolean {
    return this.#segments.current?.has(buffer) === true;
  }

  /** No further frame of the buffer belongs to the open files. */
  #leave(buffer: TrackBuffer): void {
    this.#drain(buffer, "all");
    buffer.silentSince = undefined;
    this.#part(buffer, "its tracks changed");
    buffer.needsKey = buffer.isVideo;
  }

  /** The buffer brings no more to the open files, and nothing waits for it. With the last one, the file ends. */
  #part(buffer: TrackBuffer, reason: SegmentEnd): void {
    if (buffer === this.#cutter)
      for (const each of this.#segments.current?.open ?? []) this.#drain(each, "settled");
    this.#segments.leave(buffer);
    if (this.#segments.current?.open.size === 0) this.#segments.finish(reason);
  }

  /** Ends the file though no key frame has come. */
  #abandon(reason: SegmentEnd): void {
    // What the others hold begins with a key frame of their own.
    for (const buffer of this.#segments.current?.open ?? []) buffer.needsKey = buffer.isVideo;
    this.#segments.finish(reason);
  }

  /** Writes what the buffer holds without waiting any longer: to the first file, or to one of its own. */
  #settle(buffer: TrackBuffer): void {
    if (this.#segments.current === undefined) this.#begin(true);
    if (this.#isIn(buffer)) this.#drain(buffer, "all");
    if (buffer.held.length === 0) return;
    this.#writeApart(buffer);
    buffer.needsKey = buffer.isVideo;
  }

  /** Writes what the buffer holds to a file of its own. */
  #writeApart(buffer: TrackBuffer): void {
    buffer.clock.settle(Number.POSITIVE_INFINITY);
    const ms = this.#startOf(buffer);
    buffer.format = buffer.held[0]?.format;
    const segment = this.#isBlocked ? undefined : this.#openSegment(ms, [buffer]);
    if (segment === undefined) {
      this.#balance.drop("disk-refused", buffer.forget());
      return;
    }
    this.#options.events.onStarted(segment.facts);
    for (const sample of buffer.release()) {
      const isFitting = segment.accepts(buffer, sample.format);
      const at = buffer.place(sample);
      const refusal = isFitting ? segment.add(buffer, sample, at) : "held-too-long";
      if (refusal !== undefined) this.#balance.drop(refusal);
    }
    this.#segments.complete(segment, "its tracks changed");
  }

  /** Writes what a buffer of the current file holds: what cannot belong to the next one, all with a known time, or all. */
  #drain(buffer: TrackBuffer, what: "certain" | "settled" | "all" = "certain"): void {
    if (what === "all") buffer.clock.settle(Number.POSITIVE_INFINITY);
    for (;;) {
      const [first] = buffer.held;
      if (first === undefined || !buffer.clock.isSettled(first.time)) return;
      if (what === "certain" && this.#mayPrecedeCut(buffer)) return;
      buffer.shift();
      this.#place(buffer, first);
    }
  }

  /** Whether the track whose key frames begin files has not come as far as the next frame of another one. */
  #mayPrecedeCut(buffer: TrackBuffer): boolean {
    const cutter = this.#cutter;
    if (cutter === undefined || cutter === buffer || !this.#isIn(cutter)) return false;
    return buffer.isAheadOf(cutter, this.#options.clock.now());
  }

  #place(buffer: TrackBuffer, sample: Sample): void {
    if (this.#isEnded) {
      this.#balance.notWanted();
      return;
    }
    const ms = buffer.place(sample);
    const leftMs = this.#options.durationMs - this.#segments.secondsBefore * 1000;
    const { current } = this.#segments;
    if (current !== undefined && buffer.isBeyond(ms, current.startMs + this.#overlapMs + leftMs)) {
      this.#balance.notWanted();
      this.#enoughSince ??= this.#options.clock.now();
      current.end(buffer);
      if (current.open.size === 0) this.#end();
      return;
    }
    let file = this.#segments.fileOf(buffer, sample, ms);
    const reason = file === current ? this.#cutReason(buffer, sample, ms) : undefined;
    buffer.format = sample.format;
    if (reason !== undefined) {
      if (this.#cut(ms, reason, buffer)) file = this.#segments.current;
      else file = undefined;
    }
    // If there is none, the disk has just refused one.
    const refusal =
      file === undefined ? "disk-refused" : this.#segments.write(file, buffer, sample, ms);
    if (refusal !== undefined) this.#balance.drop(refusal);
  }

  /** The buffer whose key frames begin files: video, if there is any. */
  get #cutter(): TrackBuffer | undefined {
    const usable = [...this.#buffers].filter(
      (buffer) => this.#isIn(buffer) || this.#isReady(buffer),
    );
    return usable.find(({ isVideo }) => isVideo) ?? usable[0];
  }

  /** Why a new file begins with a frame of the current one. */
  #cutReason(buffer: TrackBuffer, sample: Sample, ms: number): SegmentEnd | undefined {
    const { current } = this.#segments;
    if (current === undefined || !sample.key) return undefined;
    if (!current.accepts(buffer, sample.format)) {
      const { format } = buffer;
      this.#setsChange ||= format !== undefined && isSameCoding(format, sample.format);
      return "its tracks changed";
    }
    if (this.#enoughSince !== undefined || buffer !== this.#cutter) return undefined;
    if ([...this.#buffers].some((each) => !current.has(each) && this.#isReady(each)))
      return "its tracks changed";
    const most = this.#options.segmentMs * (sample.isCleanStart ? 1 : 2);
    return ms - current.startMs - this.#overlapMs >= most ? "full length" : undefined;
  }

  /** True when presentation times of what is held are known, or were waited for long enough. */
  #isReady(buffer: TrackBuffer): boolean {
    const [first] = buffer.held;
    if (first === undefined) return false;
    if (this.#options.clock.now() - buffer.heldSince > SYNC_MS_MAX) return true;
    const isAlone = this.#buffers.size < 2 && this.#awaited === 0;
    return buffer.clock.knows(first.time) && (isAlone || buffer.clock.isSynchronised);
  }

  /** Begins a file with what is held, if possible. @param atOnce without waiting any longer */
  #begin(atOnce = false): void {
    if (this.#isBlocked || this.#isEnded || this.#enoughSince !== undefined) return;
    const holders = [...this.#buffers].filter(
      (buffer) => buffer.held.length > 0 && !this.#isIn(buffer),
    );
    if (holders.length === 0) return;
    const ready = holders.filter((buffer) => atOnce || this.#isReady(buffer));
    const { current } = this.#segments;
    if (current !== undefined) {
      // Others begin with the next key frame of the one that begins files.
      const cutter = this.#cutter;
      if (atOnce || cutter === undefined || current.has(cutter) || !ready.includes(cutter)) return;
      this.#cut(this.#startOf(cutter), "its tracks changed");
      return;
    }
    const isComplete = ready.length === this.#buffers.size && this.#awaited === 0;
    const since = Math.min(...holders.map(({ heldSince }) => heldSince));
    const isPatient = this.#options.clock.now() - since <= SYNC_MS_MAX;
    if ((!isComplete && isPatient && !atOnce) || ready.length === 0) return;
    const ms = Math.min(...holders.map((buffer) => this.#startOf(buffer)));
    this.#cut(ms, "its tracks changed", undefined, holders);
  }

  /** When the first frame that the buffer holds is presented, ms. */
  #startOf(buffer: TrackBuffer): number {
    const { time } = buffer.held[0] as Sample;
    const known = buffer.clock.peek(time);
    if (known !== undefined) return known;
    // Without any report it belongs to what the others brought when it came.
    const others = [...this.#buffers].flatMap((each) => each.localOffsetMs ?? []);
    const ms = buffer.heldSince + (others[0] ?? 0);
    buffer.clock.assume(time, ms);
    return ms;
  }

  /**
   * Begins a new file: at `ms` for the tracks of the current one, and with all that the others hold.
   *
   * @returns false when that failed
   */
  #cut(
    ms: number,
    reason: SegmentEnd,
    leader?: TrackBuffer,
    joining = [...this.#buffers].filter((buffer) => !this.#isIn(buffer) && this.#isReady(buffer)),
  ): boolean {
    const { current } = this.#segments;
    for (const buffer of joining) buffer.clock.settle(Number.POSITIVE_INFINITY);
    // Nothing but one track for long, at the beginning of a file, is a file of its own.
    if (current !== undefined)
      for (const buffer of joining)
        if (ms - this.#startOf(buffer) > PROBED_MS) this.#writeApart(buffer);
    const staying = [...this.#buffers].filter((buffer) => current?.has(buffer) === true);
    const startMs = Math.min(
      ...[ms, ...joining.filter(({ held }) => held.length > 0).map((each) => this.#startOf(each))],
    );
    // Players treat the first track as the main one.
    const buffers = [...staying, ...joining];
    buffers.sort((left, right) => Number(right.isVideo) - Number(left.isVideo));
    for (const buffer of joining) buffer.format = buffer.held[0]?.format ?? buffer.format;
    this.#segments.cut(ms, leader, reason);
    const segment = this.#openSegment(startMs, buffers);
    if (segment === undefined) return false;
    this.#overlapMs = current === undefined ? 0 : ms - startMs;
    this.#segments.begin(segment);
    this.#options.events.onStarted(segment.facts);
    for (const { buffer, sample } of inOrder(joining)) this.#place(buffer, sample);
    return true;
  }

  #openSegment(startMs: number, buffers: readonly TrackBuffer[]): Segment | undefined {
    const { openFile, container, title } = this.#options;
    const setsInBand = container === "mkv" || this.#setsChange;
    try {
      const { path, file } = openFile();
      const segment: Segment = new Segment({
        ...{ path, file, container, title, startMs, buffers, setsInBand },
        onFailed: (error) => {
          this.#segments.drop(segment);
          this.#balance.drop("disk-refused", segment.lostFrames);
          this.#block(error, segment.hasMedia ? segment.facts : undefined);
        },
      });
      return segment;
    } catch (error) {
      this.#block(error, undefined);
      return undefined;
    }
  }

  #block(error: unknown, facts: SegmentFacts | undefined): void {
    this.#isBlocked = true;
    this.#segments.finish("the recording ended");
    for (const buffer of this.#buffers) {
      this.#balance.drop("disk-refused", buffer.forget());
      buffer.needsKey = buffer.isVideo;
    }
    this.#options.events.onFailed(error, facts);
  }

  #end(): void {
    if (this.#isEnded) return;
    for (const buffer of this.#buffers) this.#settle(buffer);
    this.#isEnded = true;
    this.#segments.finish("the recording ended");
    this.#options.events.onEnough();
  }
}
