import type { EncodedFrame } from "../../channel/playout/index.ts";
import type { Track } from "../../wire/index.ts";
import type { SteadyClock } from "./steady-clock.ts";
import { isSameFormat, type TrackFormat, type TrackFormatter } from "./track-format.ts";

/** A frame as files hold it, before it is known when it is presented. */
export interface Sample {
  readonly bytes: Uint8Array;
  readonly key: boolean;
  /** Whatever is presented before it also comes before it: a file can begin here and lose nothing. */
  readonly isCleanStart: boolean;
  readonly ticks: number;
  /** How long it lasts, s; undefined: until the next. */
  readonly seconds: number | undefined;
}

/** What a buffer makes of a frame. */
export type SampleResult = Sample | "changed" | "before-key" | "unreadable";

/** Frames whose distances tell how long one lasts. */
const DISTANCES = 8;
/** Before there are two frames, s. */
const FRAME_SECONDS = 1 / 30;

/** One track of a channel on its way into files: what is not in one yet is held here. */
export class TrackBuffer {
  readonly track: Track;
  readonly clock: SteadyClock;
  /** Of what is held; undefined before the first key frame. */
  format: TrackFormat | undefined;
  /** When the latest frame came, ms. */
  lastAt: number;
  /** When the first of those held came, ms. */
  heldSince = 0;
  needsKey: boolean;
  readonly #formatter: TrackFormatter;
  #held: Sample[] = [];
  #heldBytes = 0;
  readonly #presented: number[] = [];
  /** Frames come that are presented before others that came first. */
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
   * Makes a sample of a frame. `"changed"`: a format begins with it that is not the one before; the same frame is then
   * taken again.
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

  /** Hands out what is held. */
  release(): Sample[] {
    const released = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    return released;
  }

  /** Lets go of everything before the newest key frame held, or of everything. How many frames that were. */
  forget(which: "all" | "before-newest-key"): number {
    const newest = this.#held.findLastIndex(({ key }) => key);
    const count = which === "all" || newest < 1 ? this.#held.length : newest;
    const gone = this.#held.splice(0, count);
    this.#heldBytes -= gone.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
    if (this.#held.length === 0) this.needsKey = this.isVideo;
    return gone.length;
  }

  /**
   * True when a frame that is presented at `ms`, and all behind it, lie beyond a limit. Frames before it may need one beyond
   * it, which comes first then.
   */
  isBeyond(ms: number, limitMs: number): boolean {
    if (ms < limitMs) return false;
    if (!this.#isReordered) return true;
    this.#beyondMs ??= ms;
    return ms > this.#beyondMs;
  }

  /** How long a frame lasts that is presented at `ms`, s. */
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
