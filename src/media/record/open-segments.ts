import type { Clock } from "../../base/index.ts";
import type { Segment, SegmentFacts } from "./segment.ts";
import type { Sample, TrackBuffer } from "./track-buffer.ts";

/** Why a file ended. */
export type SegmentEnd =
  | "full length"
  | "the channel ended"
  | "its tracks changed"
  | "nothing came"
  | "it could not be cut"
  | "the recording ended";

/** A file that has ended for video: audio from before the cut arrives slightly later. */
interface Closing {
  readonly segment: Segment;
  readonly untilMs: number;
  readonly since: number;
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

/** How long a file waits for audio from before its cut, ms. */
const CLOSING_MS_MAX = 1_500;

/**
 * The files of a recording that are being written: the current one, the previous one while it waits for audio, and
 * those being completed.
 */
export class OpenSegments {
  readonly #clock: Clock;
  readonly #onFinished: (facts: SegmentFacts, reason: SegmentEnd) => void;
  #current: Segment | undefined;
  #closing: Closing | undefined;
  readonly #ending = new Map<Segment, Promise<void>>();
  readonly #failed = new WeakSet<Segment>();
  #past: RecordedTotals = { files: 0, seconds: 0, bytes: 0, frames: 0 };

  constructor(clock: Clock, onFinished: (facts: SegmentFacts, reason: SegmentEnd) => void) {
    this.#clock = clock;
    this.#onFinished = onFinished;
  }

  get current(): Segment | undefined {
    return this.#current;
  }

  get totals(): RecordedTotals {
    const open = [this.#current, this.#closing?.segment, ...this.#ending.keys()];
    return open.reduce(
      (sum, each) => (each === undefined ? sum : add(sum, each.facts)),
      this.#past,
    );
  }

  /** Seconds in the files before the current one. */
  get secondsBefore(): number {
    return this.totals.seconds - (this.#current?.facts.seconds ?? 0);
  }

  /** Bytes that wait for the disk. */
  get waitingBytes(): number {
    const open = [this.#current, this.#closing?.segment, ...this.#ending.keys()];
    return open.reduce((sum, each) => sum + (each?.waitingBytes ?? 0), 0);
  }

  /**
   * Ends the current file at `ms` of the channel's time; {@link begin} begins the next.
   *
   * @param leader the buffer that has reached the cut; the others follow
   */
  cut(ms: number, leader: TrackBuffer | undefined, reason: SegmentEnd): void {
    this.#finishClosing();
    const segment = this.#current;
    this.#current = undefined;
    if (segment === undefined) return;
    const awaited = new Set([...segment.open].filter((buffer) => buffer !== leader));
    const since = this.#clock.now();
    this.#closing = { segment, untilMs: ms, since, awaited, reason };
    if (awaited.size === 0) this.#finishClosing();
  }

  begin(segment: Segment): void {
    this.#current = segment;
  }

  /** Writes a frame to the file that it belongs to. @returns false when its time fits none */
  write(buffer: TrackBuffer, sample: Sample, ms: number): boolean {
    const closing = this.#closing;
    if (closing?.awaited.has(buffer) === true) {
      if (ms < closing.untilMs) return closing.segment.add(buffer, sample, ms);
      this.#arrived(buffer);
    }
    return this.#current?.add(buffer, sample, ms) ?? false;
  }

  /** No further frame of the buffer belongs to these files. */
  leave(buffer: TrackBuffer): void {
    this.#current?.end(buffer);
    this.#closing?.segment.end(buffer);
    this.#arrived(buffer);
  }

  tick(): void {
    if (this.#clock.now() - (this.#closing?.since ?? this.#clock.now()) > CLOSING_MS_MAX)
      this.#finishClosing();
  }

  finish(reason: SegmentEnd): void {
    this.#finishClosing();
    const current = this.#current;
    this.#current = undefined;
    if (current !== undefined) this.#finish(current, reason);
  }

  /** The disk returned an error for it. */
  drop(segment: Segment): void {
    this.#failed.add(segment);
    const isOpen = this.#current === segment || this.#closing?.segment === segment;
    if (this.#closing?.segment === segment) this.#closing = undefined;
    if (this.#current === segment) this.#current = undefined;
    if (isOpen && segment.hasMedia) this.#past = add(this.#past, segment.facts);
  }

  /** Settles when the files that have ended are complete. */
  async completed(): Promise<void> {
    await Promise.all(this.#ending.values());
  }

  #arrived(buffer: TrackBuffer): void {
    const awaited = this.#closing?.awaited;
    if (awaited?.delete(buffer) === true && awaited.size === 0) this.#finishClosing();
  }

  #finishClosing(): void {
    const closing = this.#closing;
    this.#closing = undefined;
    if (closing !== undefined) this.#finish(closing.segment, closing.reason);
  }

  #finish(segment: Segment, reason: SegmentEnd): void {
    const done = segment.finish().then(() => {
      this.#ending.delete(segment);
      this.#past = add(this.#past, segment.facts);
      if (!this.#failed.has(segment)) this.#onFinished(segment.facts, reason);
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
