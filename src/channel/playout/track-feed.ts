import { serialDistance } from "../../base/index.ts";
import { decodeParameterSets, type Frame, type Track } from "../../wire/index.ts";
import { FrameReceiver, type FrameReceiverStats } from "../frame-receiver.ts";
import { SourceTimeline } from "./source-timeline.ts";

/** A frame before decoding, with RTP time that does not wrap. */
export interface EncodedFrame {
  readonly bytes: Uint8Array;
  readonly ticks: number;
  readonly key: boolean;
  /**
   * Refers to frames before the key frame that it follows: whatever begins with that one, a decoder or a file, has to
   * leave it out. Absent: no. What the feed itself started with is taken into account already.
   */
  readonly leading?: boolean | undefined;
}

/** Packets this far behind the newest are not waited for any more, and not yet ahead of it: sequences wrap. */
const GIVEN_UP_MIN = 100;
const GIVEN_UP_MAX = 0x4000;

/** Assembles one source's packets into frames. */
export class TrackFeed {
  readonly track: Track;
  readonly timeline: SourceTimeline;
  readonly #receiver: FrameReceiver;
  readonly #onFrame: (frame: EncodedFrame) => void;
  /** Parameter sets that the newest description names. */
  #describedSets: readonly string[];
  /** Newest sequence. */
  #newest: number | undefined;

  /**
   * @param waitMs how long a missing packet may be waited for
   * @throws {MeanderError} `codec-unsupported`
   */
  constructor(track: Track, waitMs: number, onFrame: (frame: EncodedFrame) => void) {
    this.track = track;
    this.timeline = new SourceTimeline(track.clockRate);
    this.#describedSets = track.parameterSets ?? [];
    this.#receiver = new FrameReceiver({
      codec: track.codec,
      clockRate: track.clockRate,
      fmtp: track.fmtp,
      parameterSets: decodeParameterSets(this.#describedSets),
      waitMs,
    });
    this.#onFrame = onFrame;
  }

  /** What became of its packets and frames. */
  get stats(): Readonly<FrameReceiverStats> {
    return this.#receiver.stats;
  }

  /** Frames that arrived incomplete, or before the first key frame. */
  get framesDropped(): number {
    return this.#receiver.stats.framesDropped;
  }

  /** Of those, complete frames that came before a key frame, at the start or after a loss. */
  get framesBeforeKey(): number {
    return this.#receiver.stats.framesBeforeKey;
  }

  /** Of those, complete frames that refer to what was sent before the key frame that the feed started with. */
  get framesLeading(): number {
    return this.#receiver.stats.framesLeading;
  }

  /**
   * Since when frames have come of which none can be decoded, because no key frame came, ms by the clock of
   * {@link push}; undefined: they can be, or none come. Seconds of it mean that the channel sends no key frame.
   */
  get keylessSinceMs(): number | undefined {
    return this.#receiver.keylessSinceMs;
  }

  /** Packets that never arrived. */
  get packetsLost(): number {
    return this.#receiver.stats.packetsLost;
  }

  /** True when a description still names this source. */
  matches(track: Track): boolean {
    const own = this.track;
    return (
      own.source === track.source &&
      own.generation === track.generation &&
      own.codec === track.codec &&
      own.clockRate === track.clockRate &&
      own.fmtp === track.fmtp
    );
  }

  /** A later description of the same source: it may name parameter sets that were sent since, and lost on their way. */
  describe({ parameterSets = [] }: Track): void {
    const others = parameterSets.filter((set) => !this.#describedSets.includes(set));
    this.#describedSets = parameterSets;
    if (others.length > 0) this.#receiver.learn(decodeParameterSets(others));
  }

  /** Adds an RTP packet, which is retained: never modify it. */
  push(rtp: Uint8Array, nowMs: number): void {
    if (this.#isPast(rtp)) return;
    this.#hand(this.#receiver.push(rtp, nowMs));
  }

  /** Notes packets that will never arrive. */
  gap(sequence: number, count: number, nowMs: number): void {
    this.#receiver.gap(sequence, count);
    this.tick(nowMs);
  }

  /** Gives up packets that were missing for too long. Call it regularly. */
  tick(nowMs: number): void {
    this.#hand(this.#receiver.tick(nowMs));
  }

  /** The source has ended: hands on what still waits. */
  finish(): void {
    this.#hand(this.#receiver.finish());
  }

  /**
   * A source that restarts has another generation, so what is this far behind was repaired after it had been given up.
   */
  #isPast(rtp: Uint8Array): boolean {
    if (rtp.byteLength < 4) return false;
    const sequence = ((rtp[2] as number) << 8) | (rtp[3] as number);
    const behind = serialDistance(sequence, this.#newest ?? sequence, 16);
    if (behind <= 0) this.#newest = sequence;
    return behind > GIVEN_UP_MIN && behind < GIVEN_UP_MAX;
  }

  #hand(frames: readonly Frame[]): void {
    for (const { timestamp, ...frame } of frames) {
      this.#onFrame({ ...frame, ticks: this.timeline.unwrap(timestamp) });
    }
  }
}
