import { type Clock, Counters, LIMITS } from "../../base/index.ts";
import type { EncodedFrame } from "../../channel/playout/index.ts";
import type { Track } from "../../wire/index.ts";
import type { Container } from "./container.ts";
import { OpenSegments, type RecordedTotals, type SegmentEnd } from "./open-segments.ts";
import { Segment, type SegmentFacts } from "./segment.ts";
import type { SegmentFile } from "./segment-file.ts";
import type { SteadyClock } from "./steady-clock.ts";
import { type Sample, TrackBuffer } from "./track-buffer.ts";
import { formatterFor } from "./track-format.ts";

export interface SegmenterEvents {
  onStarted(facts: SegmentFacts): void;
  /** The file is complete. */
  onFinished(facts: SegmentFacts, reason: SegmentEnd): void;
  /**
   * The file could not be created or written; `facts` describe what was written. Nothing is recorded until
   * {@link Segmenter.unblock}.
   */
  onFailed(error: unknown, facts: SegmentFacts | undefined): void;
  /** The recording has reached its length. */
  onEnough(): void;
}

export interface SegmenterOptions {
  readonly container: Container;
  /** A file ends at the first key frame after this, ms; infinite: never. */
  readonly segmentMs: number;
  /** Ends after this much was recorded, ms; infinite: never. */
  readonly durationMs: number;
  /** Title in the files. */
  readonly title: string;
  readonly clock: Clock;
  /** Creates the next file. */
  openFile(): { readonly path: string; readonly file: SegmentFile };
  readonly events: SegmenterEvents;
}

/** Publishers report how their tracks relate within this time, or never, ms. */
const SYNC_MS_MAX = 5_000;
/** How long the other tracks are waited for when one has reached the end of the recording, ms. */
const ENOUGH_MS_MAX = 1_500;
/** A track that is silent for this long does not delay the others, ms. */
const SILENT_MS = { audio: 5_000, video: 30_000 } as const;

/**
 * Writes the frames of a channel's tracks to files: a new one begins with a key frame when the previous one is long
 * enough, or when a track is added or changes its format. Times are the channel's, so that lost frames leave a gap and
 * nothing shifts.
 */
export class Segmenter {
  /** Frames that are not in any file, by reason; docs/guides/recording.md explains them. */
  readonly drops = new Counters();
  readonly #options: SegmenterOptions;
  readonly #buffers = new Set<TrackBuffer>();
  readonly #segments: OpenSegments;
  #isBlocked = false;
  /** Since when one track has reached the recording's end, ms. */
  #enoughSince: number | undefined;
  #isEnded = false;

  constructor(options: SegmenterOptions) {
    this.#options = options;
    this.#segments = new OpenSegments(options.clock, (facts, reason) =>
      options.events.onFinished(facts, reason),
    );
  }

  /** The file that is written now. */
  get current(): SegmentFacts | undefined {
    return this.#segments.current?.facts;
  }

  /** Over all files. */
  get totals(): RecordedTotals {
    return this.#segments.totals;
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
    this.#begin(true);
    this.#segments.leave(buffer);
    this.#buffers.delete(buffer);
    if (this.#buffers.size === 0) this.#segments.finish("the channel ended");
  }

  /** The next frame of a track, in decoding order; retained, never modify it. */
  frame(buffer: TrackBuffer, frame: EncodedFrame): void {
    const isIn = this.#segments.current?.has(buffer) === true;
    const isOver = this.#isEnded || (this.#enoughSince !== undefined && !isIn);
    if (isOver || !this.#buffers.has(buffer) || this.#isHeldUp(buffer)) return;
    const now = this.#options.clock.now();
    let sample = buffer.sampleOf(frame, now);
    if (sample === "changed") {
      this.#leave(buffer);
      sample = buffer.sampleOf(frame, now);
    }
    if (typeof sample === "string") {
      this.drops.add(sample);
      return;
    }
    if (this.#segments.current?.has(buffer) === true) {
      const ms = buffer.clock.at(sample.ticks);
      if (ms !== "jumped") {
        this.#write(buffer, sample, ms ?? 0);
        return;
      }
      this.#leave(buffer);
      if (!sample.key) {
        this.drops.add("before-key");
        return;
      }
      buffer.needsKey = false;
    }
    buffer.hold(sample, now);
    if (buffer.heldBytes > LIMITS.recordBacklogBytesMax)
      this.#forget(buffer, "held-too-long", "before-newest-key");
    this.#begin(false);
  }

  /** Does what is due by time. Called every 20 to 100 ms. */
  tick(): void {
    const now = this.#options.clock.now();
    this.#segments.tick();
    if (now - (this.#enoughSince ?? now) > ENOUGH_MS_MAX) this.#end();
    const { current } = this.#segments;
    if (current === undefined) {
      this.#begin(false);
      return;
    }
    if ([...current.open].every(({ lastAt }) => now - lastAt >= SILENT_MS.video))
      this.#segments.finish("nothing came");
    for (const buffer of [...current.open]) {
      const most = SILENT_MS[buffer.isVideo ? "video" : "audio"];
      if (now - buffer.lastAt >= most && current.open.size > 1) this.#leave(buffer);
    }
    if (current.unwrittenBytes > LIMITS.recordFragmentBytesMax) {
      for (const buffer of this.#buffers) buffer.needsKey = buffer.isVideo;
      this.#segments.finish("it could not be cut");
    }
  }

  /** After {@link SegmenterEvents.onFailed}: the next key frame begins a new file. */
  unblock(): void {
    this.#isBlocked = false;
  }

  /** Ends the recording. Settles when its files are complete. */
  async finish(): Promise<void> {
    if (!this.#isEnded) this.#begin(true);
    this.#isEnded = true;
    this.#segments.finish("the recording ended");
    await this.#segments.completed();
  }

  /** While the disk does not keep up, or fails, whole groups of pictures are left out. */
  #isHeldUp(buffer: TrackBuffer): boolean {
    // Frames that depend on one left out are left out anyway: so the disk has time until the next key frame.
    const most = LIMITS.recordBacklogBytesMax / (buffer.needsKey ? 2 : 1);
    if (!this.#isBlocked && this.#segments.waitingBytes <= most) return false;
    this.drops.add(this.#isBlocked ? "disk-refused" : "disk-slow", 1 + buffer.forget("all"));
    buffer.needsKey = buffer.isVideo;
    return true;
  }

  /** No further frame of the buffer belongs to the open files. */
  #leave(buffer: TrackBuffer): void {
    this.#segments.leave(buffer);
    this.#forget(buffer, "held-too-long");
    buffer.needsKey = buffer.isVideo;
    if (this.#segments.current?.open.size === 0) this.#segments.finish("its tracks changed");
  }

  #forget(buffer: TrackBuffer, reason: string, which: "all" | "before-newest-key" = "all"): void {
    const count = buffer.forget(which);
    if (count > 0) this.drops.add(reason, count);
  }

  #write(buffer: TrackBuffer, sample: Sample, ms: number): void {
    const { current } = this.#segments;
    if (current === undefined) return;
    const leftMs = this.#options.durationMs - this.#segments.secondsBefore * 1000;
    if (buffer.isBeyond(ms, current.startMs + leftMs)) {
      this.#enoughSince ??= this.#options.clock.now();
      current.end(buffer);
      if (current.open.size === 0) this.#end();
      return;
    }
    const reason = sample.key ? this.#cutReason(buffer, sample, ms) : undefined;
    if (reason !== undefined && !this.#cut(ms, reason)) return;
    // Late frames from before the recording do not belong to it.
    const isBefore = ms < current.startMs && this.totals.files === 1;
    if (isBefore || this.#segments.write(buffer, sample, ms)) return;
    this.drops.add("out-of-order");
  }

  /** The buffer whose key frames begin files: video, if there is any. */
  get #cutter(): TrackBuffer | undefined {
    const { current } = this.#segments;
    const usable = [...this.#buffers].filter(
      (buffer) => current?.has(buffer) || this.#isReady(buffer),
    );
    return usable.find(({ isVideo }) => isVideo) ?? usable[0];
  }

  #cutReason(buffer: TrackBuffer, { isCleanStart }: Sample, ms: number): SegmentEnd | undefined {
    const { current } = this.#segments;
    if (current === undefined || this.#enoughSince !== undefined || buffer !== this.#cutter)
      return undefined;
    if ([...this.#buffers].some((each) => !current.has(each) && this.#isReady(each)))
      return "its tracks changed";
    const most = this.#options.segmentMs * (isCleanStart ? 1 : 2);
    return ms - current.startMs >= most ? "full length" : undefined;
  }

  /** True when format and presentation time of what is held are known. */
  #isReady(buffer: TrackBuffer, atOnce = false): boolean {
    const [first] = buffer.held;
    if (first === undefined || buffer.format === undefined) return false;
    if (!buffer.clock.knows(first.ticks)) return false;
    const waited = this.#options.clock.now() - buffer.heldSince;
    const isAlone = this.#buffers.size < 2;
    return atOnce || isAlone || buffer.clock.isSynchronised || waited > SYNC_MS_MAX;
  }

  /** Begins a file with what is held, if possible. @param atOnce without waiting any longer */
  #begin(atOnce: boolean): void {
    if (this.#isBlocked || this.#isEnded || this.#enoughSince !== undefined) return;
    const { current } = this.#segments;
    if (current !== undefined && atOnce) return;
    const ready = [...this.#buffers].filter((buffer) => this.#isReady(buffer, atOnce));
    if (ready.length === 0) return;
    const since = Math.min(...ready.map(({ heldSince }) => heldSince));
    const isPatient = this.#options.clock.now() - since <= SYNC_MS_MAX;
    if (current === undefined && ready.length < this.#buffers.size && isPatient && !atOnce) return;
    const cutter = atOnce ? (ready.find(({ isVideo }) => isVideo) ?? ready[0]) : this.#cutter;
    if (cutter === undefined || current?.has(cutter) === true) return;
    const first = cutter.held.find(({ key }) => key);
    const ms = first === undefined ? undefined : cutter.clock.at(first.ticks);
    if (typeof ms !== "number") return;
    this.#cut(ms, "its tracks changed", ready);
  }

  /** Begins a new file at `ms`. @returns false when that failed */
  #cut(ms: number, reason: SegmentEnd, ready: readonly TrackBuffer[] = []): boolean {
    const { current } = this.#segments;
    const buffers = [...this.#buffers].filter(
      (buffer) => current?.has(buffer) || ready.includes(buffer) || this.#isReady(buffer),
    );
    // Players treat the first track as the main one.
    buffers.sort((left, right) => Number(right.isVideo) - Number(left.isVideo));
    this.#segments.cut(ms, this.#cutter, reason);
    const segment = this.#openSegment(ms, buffers);
    if (segment === undefined) return false;
    this.#segments.begin(segment);
    this.#options.events.onStarted(segment.facts);
    for (const { buffer, sample, at } of inOrder(buffers))
      if (at >= ms) this.#write(buffer, sample, at);
    return true;
  }

  #openSegment(startMs: number, buffers: readonly TrackBuffer[]): Segment | undefined {
    const { openFile, container, title } = this.#options;
    try {
      const { path, file } = openFile();
      const segment: Segment = new Segment({
        ...{ path, file, container, title, startMs, buffers },
        onFailed: (error) => {
          this.#segments.drop(segment);
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
      this.#forget(buffer, "disk-refused");
      buffer.needsKey = buffer.isVideo;
    }
    this.#options.events.onFailed(error, facts);
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#segments.finish("the recording ended");
    this.#options.events.onEnough();
  }
}

/** Releases what the buffers hold, in order of time, as far as each buffer's own order permits. */
function* inOrder(
  buffers: readonly TrackBuffer[],
): Generator<{ readonly buffer: TrackBuffer; readonly sample: Sample; readonly at: number }> {
  const queues = buffers.map((buffer) =>
    buffer.release().flatMap((sample) => {
      const at = buffer.clock.at(sample.ticks);
      return typeof at === "number" ? [{ buffer, sample, at }] : [];
    }),
  );
  for (;;) {
    const heads = queues.filter((queue) => queue.length > 0);
    heads.sort((left, right) => (left[0]?.at ?? 0) - (right[0]?.at ?? 0));
    const next = heads[0]?.shift();
    if (next === undefined) return;
    yield next;
  }
}
