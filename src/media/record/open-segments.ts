import type { Clock } from "../../base/index.ts";
import type { Refusal, Segment, SegmentFacts } from "./segment.ts";
import type { Sample, TrackBuffer } from "./track-buffer.ts";

/** Why a file ended. */
export type SegmentEnd =
  | "full length"
  | "the channel ended"
  | "its tracks changed"
  | "nothing came"
  | "it could not be cut"
  | "the recording ended";

/** A file that has ended for one track: what the others bring from before the cut arrives later. */
interface Closing {
  readonly segment: Segment;
  readonly untilMs: number;
  /** For how long, ms, while the channel went on. */
  waitedMs: number;
  readonly awaited: Set<TrackBuffer>;
  readonly reason: SegmentEnd;
}

/** Sums over the files of a recording. */
export interface RecordedTotals {
  readonly files: number;
  readonly seconds: number;
  readonly bytes: number;
  readonly frames: number;
}

/** How long a file waits for audio from before its cut, ms: longer than that waits for a missing packet. */
const AUDIO_MS_MAX = 5_000;
/** How long it waits for the next key frame of further video, ms. */
const VIDEO_MS_MAX = 30_000;
/** A channel of which nothing has come for this long stands still: then that is no waiting, ms. */
const STILL_MS = 1_500;
/** What came while this process was held up is not read at once: so much of that time counts, ms. */
const TICK_MS_MAX = 200;
/** Files that wait so. */
const CLOSING_MAX = 4;

/**
 * The files of a recording that are being written: the current one, earlier ones while they wait for what other tracks
 * bring from before the cut, and those being completed.
 */
export class OpenSegments {
  readonly #clock: Clock;
  #tickedAt: number;
  readonly #onFinished: (facts: SegmentFacts, reason: SegmentEnd) => void;
  #current: Segment | undefined;
  /** Oldest first. */
  #closing: Closing[] = [];
  readonly #ending = new Map<Segment, Promise<void>>();
  readonly #failed = new WeakSet<Segment>();
  #past: RecordedTotals = { files: 0, seconds: 0, bytes: 0, frames: 0 };

  constructor(clock: Clock, onFinished: (facts: SegmentFacts, reason: SegmentEnd) => void) {
    this.#clock = clock;
    this.#tickedAt = clock.now();
    this.#onFinished = onFinished;
  }

  get current(): Segment | undefined {
    return this.#current;
  }

  get totals(): RecordedTotals {
    return this.#open.reduce((sum, each) => add(sum, each.facts), this.#past);
  }

  /** Seconds in the files before the current one. */
  get secondsBefore(): number {
    return this.totals.seconds - (this.#current?.facts.seconds ?? 0);
  }

  /** Bytes that wait for the disk. */
  get waitingBytes(): number {
    return this.#open.reduce((sum, each) => sum + each.waitingBytes, 0);
  }

  /**
   * Ends the current file at `ms` of the channel's time; {@link begin} begins the next.
   *
   * @param leader the buffer that has reached the cut; the others follow
   */
  cut(ms: number, leader: TrackBuffer | undefined, reason: SegmentEnd): void {
    const segment = this.#current;
    this.#current = undefined;
    if (leader !== undefined) for (const each of this.#closing) this.#arrived(each, leader);
    if (segment === undefined) return;
    const awaited = new Set([...segment.open].filter((buffer) => buffer !== leader));
    if (leader !== undefined) segment.end(leader);
    const closing = { segment, untilMs: ms, waitedMs: 0, awaited, reason };
    this.#closing.push(closing);
    if (awaited.size === 0) this.#finishClosing(closing);
    if (this.#closing.length > CLOSING_MAX) this.#finishClosing(this.#closing[0] as Closing);
  }

  begin(segment: Segment): void {
    this.#current = segment;
  }

  /**
   * The file that a frame belongs to. Those that can begin a file belong to the newest one from the cut on; all others
   * follow the frames before them.
   */
  fileOf(buffer: TrackBuffer, { key, format }: Sample, ms: number): Segment | undefined {
    for (const closing of [...this.#closing]) {
      if (!closing.awaited.has(buffer)) continue;
      const isFitting = closing.segment.accepts(buffer, format);
      if (isFitting && !(key && ms >= closing.untilMs)) return closing.segment;
      this.#arrived(closing, buffer);
    }
    return this.#current;
  }

  /** Writes a frame to a file of {@link fileOf}. @returns why it is left out; undefined: it is not */
  write(
    segment: Segment | undefined,
    buffer: TrackBuffer,
    sample: Sample,
    ms: number,
  ): Refusal | undefined {
    return segment?.has(buffer) === true ? segment.add(buffer, sample, ms) : "out-of-order";
  }

  /** Completes a file that was never the current one. */
  complete(segment: Segment, reason: SegmentEnd): void {
    this.#finish(segment, reason);
  }

  /** No further frame of the buffer belongs to these files. */
  leave(buffer: TrackBuffer): void {
    this.#current?.end(buffer);
    for (const closing of [...this.#closing]) {
      closing.segment.end(buffer);
      this.#arrived(closing, buffer);
    }
  }

  /** @param arrivedAt when the newest frame of any track arrived, ms */
  tick(arrivedAt: number): void {
    const now = this.#clock.now();
    const isStill = now - arrivedAt > STILL_MS;
    const passedMs = isStill ? 0 : Math.min(now - this.#tickedAt, TICK_MS_MAX);
    this.#tickedAt = now;
    for (const closing of [...this.#closing]) {
      closing.waitedMs += passedMs;
      for (const buffer of [...closing.awaited]) {
        const most = buffer.isVideo ? VIDEO_MS_MAX : AUDIO_MS_MAX;
        if (closing.waitedMs > most) this.#arrived(closing, buffer);
      }
    }
  }

  finish(reason: SegmentEnd): void {
    for (const closing of [...this.#closing]) this.#finishClosing(closing);
    const current = this.#current;
    this.#current = undefined;
    if (current !== undefined) this.#finish(current, reason);
  }

  /** The disk returned an error for it. */
  drop(segment: Segment): void {
    this.#failed.add(segment);
    const isClosing = this.#closing.some((each) => each.segment === segment);
    const isOpen = this.#current === segment || isClosing;
    this.#closing = this.#closing.filter((each) => each.segment !== segment);
    if (this.#current === segment) this.#current = undefined;
    if (isOpen && segment.hasMedia) this.#past = add(this.#past, segment.facts);
  }

  /** Settles when the files that have ended are complete. */
  async completed(): Promise<void> {
    await Promise.all(this.#ending.values());
  }

  /** Those that are not complete. */
  get #open(): Segment[] {
    const closing = this.#closing.map(({ segment }) => segment);
    const current = this.#current === undefined ? [] : [this.#current];
    return [...current, ...closing, ...this.#ending.keys()];
  }

  #arrived(closing: Closing, buffer: TrackBuffer): void {
    if (!closing.awaited.delete(buffer)) return;
    closing.segment.end(buffer);
    if (closing.awaited.size === 0) this.#finishClosing(closing);
  }

  #finishClosing(closing: Closing): void {
    if (!this.#closing.includes(closing)) return;
    this.#closing = this.#closing.filter((each) => each !== closing);
    this.#finish(closing.segment, closing.reason);
  }

  #finish(segment: Segment, reason: SegmentEnd): void {
    const done = segment.finish().then(() => {
      this.#ending.delete(segment);
      const hasFailed = this.#failed.has(segment);
      if (!hasFailed || segment.hasMedia) this.#past = add(this.#past, segment.facts);
      if (!hasFailed) this.#onFinished(segment.facts, reason);
    });
    this.#ending.set(segment, done);
  }
}

function add(sum: RecordedTotals, { seconds, bytes, frames }: SegmentFacts): RecordedTotals {
  return {
    files: sum.files + 1,
    seconds: sum.seconds + seconds,
    bytes: sum.bytes + bytes,
    frames: sum.frames + frames,
  };
}
