import type { EncodedFrame } from "../../channel/playout/index.ts";
import type { Track } from "../../wire/index.ts";
import type { SteadyClock } from "./steady-clock.ts";
import { isSameFormat, type TrackFormat, type TrackFormatter } from "./track-format.ts";

/** A frame as files store it, before its presentation time is known. */
export interface Sample {
  readonly bytes: Uint8Array;
  readonly key: boolean;
  /** All frames presented before it also precede it: a file can begin here without loss. */
  readonly isCleanStart: boolean;
  readonly ticks: number;
  /** Duration, s; undefined: until the next frame. */
  readonly seconds: number | undefined;
}

/** The sample of a frame, or why there is none. */
export type SampleResult = Sample | "changed" | "before-key" | "unreadable";

/** Number of last frames whose distances determine the duration of a frame. */
const DISTANCES = 8;
/** Duration before there are two frames, s. */
const FRAME_SECONDS = 1 / 30;

/** The frames of one track that are not in a file yet, and how they become samples. */
export class TrackBuffer {
  readonly track: Track;
  readonly clock: SteadyClock;
  /** Format of what is held; undefined before the first key frame. */
  format: TrackFormat | undefined;
  /** When the latest frame arrived, ms. */
  lastAt: number;
  /** When the first frame held arrived, ms. */
  heldSince = 0;
  needsKey: boolean;
  readonly #formatter: TrackFormatter;
  #held: Sample[] = [];
  #heldBytes = 0;
  readonly #presented: number[] = [];
  /** Frames arrive that are presented before earlier ones. */
  #isReordered = false;
  #beyondMs: number | undefined;

  constructor(track: Track, formatter: TrackFormatter, clock: SteadyClock, nowMs: number) {
    this.track = track;
    this.clock = clock;
    this.lastAt = nowMs;
    this.needsKey = track.kind === "video";
    this.#formatter = formatter;
  }

  get isVideo(): boolean {
    return this.track.kind === "video";
  }

  get held(): readonly Sample[] {
    return this.#held;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * Makes a sample of a frame. `"changed"`: another format begins with it; call again with the same frame.
   */
  sampleOf(frame: EncodedFrame, nowMs: number): SampleResult {
    this.lastAt = nowMs;
    if (this.needsKey && !frame.key) return "before-key";
    if (frame.key) {
      const format = this.#formatter.formatOf(frame.bytes) ?? this.format;
      if (format === undefined) return "unreadable";
      const isNew = this.format !== undefined && !isSameFormat(this.format, format);
      this.format = format;
      if (isNew) return "changed";
    }
    const bytes = this.#formatter.sampleOf(frame.bytes);
    if (bytes === undefined || bytes.byteLength === 0) return "unreadable";
    this.needsKey = false;
    const { key, ticks } = frame;
    const isCleanStart = key && this.#formatter.isCleanStart(frame.bytes);
    return { bytes, key, isCleanStart, ticks, seconds: this.#formatter.secondsOf(frame.bytes) };
  }

  hold(sample: Sample, nowMs: number): void {
    if (this.#held.length === 0) this.heldSince = nowMs;
    this.#held.push(sample);
    this.#heldBytes += sample.bytes.byteLength;
  }

  /** Removes and returns what is held. */
  release(): Sample[] {
    const released = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    return released;
  }

  /** Discards everything before the newest key frame held, or everything. @returns how many frames */
  forget(which: "all" | "before-newest-key"): number {
    const newest = this.#held.findLastIndex(({ key }) => key);
    const count = which === "all" || newest < 1 ? this.#held.length : newest;
    const gone = this.#held.splice(0, count);
    this.#heldBytes -= gone.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
    if (this.#held.length === 0) this.needsKey = this.isVideo;
    return gone.length;
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
