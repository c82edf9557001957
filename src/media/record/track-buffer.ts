import type { EncodedFrame } from "../../channel/playout/index.ts";
import type { Track } from "../../wire/index.ts";
import type { FrameTime, SteadyClock } from "./steady-clock.ts";
import { isSameFormat, type TrackFormat, type TrackFormatter } from "./track-format.ts";

/** A frame that is not in a file yet. */
export interface Sample {
  /** As a description has it; retained, never modify it. */
  readonly bytes: Uint8Array;
  readonly key: boolean;
  /** All frames presented before it also precede it: a file can begin here without loss. */
  readonly isCleanStart: boolean;
  /** A decoder that starts with the key frame before it cannot decode it. */
  readonly isLeading: boolean;
  readonly time: FrameTime;
  readonly format: TrackFormat;
  /** Duration, s; undefined: until the next frame. */
  readonly seconds: number | undefined;
  /** ms, local. */
  readonly arrivedAt: number;
}

/** Why a frame cannot be in a file. */
export type Unusable = "before-key" | "unreadable";

/** Number of last frames whose distances determine the duration of a frame. */
const DISTANCES = 8;
/** Duration before there are two frames, s. */
const FRAME_SECONDS = 1 / 30;
/** How long a frame waits for a track that is behind it, ms: longer than that track waits for a missing packet. */
const BEHIND_MS_MAX = 4_000;

/** The frames of one track that are not in a file yet, and how they become samples. */
export class TrackBuffer {
  readonly track: Track;
  readonly clock: SteadyClock;
  readonly formatter: TrackFormatter;
  /** Format of the latest frame that was placed in a file, or of the first one held. */
  format: TrackFormat | undefined;
  /** When the latest frame arrived, ms. */
  lastAt: number;
  needsKey: boolean;
  /** Since when it was noticed that other tracks go on without this one, ms. */
  silentSince: number | undefined;
  #arriving: TrackFormat | undefined;
  #latest: FrameTime | undefined;
  #held: Sample[] = [];
  #heldBytes = 0;
  readonly #presented: number[] = [];
  /** Frames arrive that are presented before earlier ones. */
  #isReordered = false;
  #beyondMs: number | undefined;
  /** The latest presentation of all frames that were placed, ms. */
  #reachedMs = Number.NEGATIVE_INFINITY;

  constructor(track: Track, formatter: TrackFormatter, clock: SteadyClock, nowMs: number) {
    this.track = track;
    this.clock = clock;
    this.lastAt = nowMs;
    this.needsKey = track.kind === "video";
    this.formatter = formatter;
  }

  get isVideo(): boolean {
    return this.track.kind === "video";
  }

  get held(): readonly Sample[] {
    return this.#held;
  }

  /** When the first frame held arrived, ms; 0: none is held. */
  get heldSince(): number {
    return this.#held[0]?.arrivedAt ?? 0;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Channel time minus local time, by the arrival of the latest frame, ms; undefined: not known. */
  get localOffsetMs(): number | undefined {
    const ms = this.#latest && this.clock.peek(this.#latest);
    return ms === undefined ? undefined : ms - this.lastAt;
  }

  /** Notes the next frame in decoding order. @returns its time, also of a frame that is not used */
  arrived({ ticks }: EncodedFrame, nowMs: number): FrameTime {
    this.lastAt = nowMs;
    this.#latest = this.clock.next(ticks, nowMs);
    return this.#latest;
  }

  /** Makes a sample of a frame. */
  sampleOf(frame: EncodedFrame, time: FrameTime): Sample | Unusable {
    const { bytes, key } = frame;
    if (this.needsKey && !key) return "before-key";
    if (bytes.byteLength === 0) return "unreadable";
    if (key) {
      const format = this.formatter.formatOf(bytes) ?? this.#arriving;
      // The same object for the same format.
      if (format !== undefined && !isSame(this.#arriving, format)) this.#arriving = format;
    }
    const format = this.#arriving;
    if (format === undefined) return "unreadable";
    this.needsKey = false;
    return {
      ...{ bytes, key, time, format, arrivedAt: this.lastAt },
      isLeading: frame.leading === true,
      isCleanStart: key && this.formatter.isCleanStart(bytes),
      seconds: this.formatter.secondsOf(bytes),
    };
  }

  hold(sample: Sample): void {
    this.#held.push(sample);
    this.#heldBytes += sample.bytes.byteLength;
  }

  /** Removes the first frame held. */
  shift(): void {
    this.#heldBytes -= this.#held.shift()?.bytes.byteLength ?? 0;
  }

  /** Removes and returns what is held. */
  release(): Sample[] {
    const released = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    return released;
  }

  /** Discards everything that is held. @returns how many frames */
  forget(): number {
    const { length } = this.#held;
    this.release();
    if (length > 0) this.needsKey = this.isVideo;
    return length;
  }

  /**
   * When a frame is presented, ms of the channel's time. Once for each frame, in decoding order; see
   * {@link SteadyClock.knows}.
   */
  place({ time }: Sample): number {
    const ms = this.clock.place(time);
    this.#reachedMs = Math.max(this.#reachedMs, ms);
    return ms;
  }

  /**
   * True while the first frame held is to wait for another track, which has not come as far: a file that begins there
   * has to have it.
   */
  isAheadOf(other: TrackBuffer, nowMs: number): boolean {
    const [first] = this.#held;
    if (first === undefined || nowMs - first.arrivedAt > BEHIND_MS_MAX) return false;
    return (this.clock.peek(first.time) ?? other.#reachedMs) > other.#reachedMs;
  }

  /**
   * True when a frame presented at `ms`, and all after it, are beyond a limit. Frames before the limit may refer to one
   * beyond it, which then arrives first.
   */
  isBeyond(ms: number, limitMs: number): boolean {
    if (ms < limitMs) return false;
    if (!this.#isReordered) return true;
    this.#beyondMs ??= ms;
    return ms > this.#beyondMs;
  }

  /** Duration of a frame that is presented at `ms`, s. */
  durationOf(sample: Sample, ms: number): number {
    if (sample.seconds !== undefined) return sample.seconds;
    this.#isReordered ||= this.#presented.some((each) => each > ms);
    this.#presented.push(ms);
    if (this.#presented.length > DISTANCES) this.#presented.shift();
    const sorted = this.#presented.toSorted((left, right) => left - right);
    const distances = sorted.slice(1).map((each, index) => each - (sorted[index] as number));
    const least = Math.min(...distances.filter((each) => each > 0));
    return Number.isFinite(least) ? least / 1000 : FRAME_SECONDS;
  }
}

function isSame(left: TrackFormat | undefined, right: TrackFormat): boolean {
  return left !== undefined && isSameFormat(left, right);
}
