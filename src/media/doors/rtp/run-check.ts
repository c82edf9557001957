import { serialDistance } from "../../../base/index.ts";
import { decodeRtp, payloadOf, type RtpPacket } from "../../../wire/index.ts";
import { SequenceCheck } from "./sequence-check.ts";

/** Media time this far from what the numbers and the arrival let expect does not fit, ms. */
const FIT_MS = 2_000;
/** Known numbers that come again after this long without a new one are no copies that a network made, ms. */
const QUIET_MS = 500;
/** For this long after the first packet, of a run or of a time base, packets that it overtook may arrive, ms. */
const BEGINNING_MS = 500;
/** Numbers so far ahead are those of the run, whatever their time: networks reorder and lose by less. */
const NEAR_MAX = 100;
/** Packets that are remembered: a power of two above those that the sequence check can find again. */
const REMEMBERED = 128;

/** The verdict on a packet of a known SSRC. */
export type RunVerdict =
  /** In order; `missing` numbers before it have not arrived. */
  | { readonly type: "next"; readonly missing: number }
  /** Behind the highest, and not seen before. */
  | { readonly type: "late" }
  | { readonly type: "duplicate" }
  /** It does not fit this run, and may be the beginning of another one. */
  | { readonly type: "doubtful" };

type NextVerdict = RunVerdict & { readonly type: "next" };

const LATE: RunVerdict = Object.freeze({ type: "late" });
const DUPLICATE: RunVerdict = Object.freeze({ type: "duplicate" });
/** Of a packet that cannot be of the present run. */
export const DOUBTFUL: RunVerdict = Object.freeze({ type: "doubtful" });
const NEXT: NextVerdict = Object.freeze({ type: "next", missing: 0 });

/**
 * Whether packets of an SSRC belong to its present run, or to a sender that has started again with the same SSRC: by
 * their numbers (RFC 3550 A.1), by timestamps that fit the numbers and the time of arrival, and by the contents of
 * known numbers. A packet in doubt leaves no trace. [W8]
 */
export class RunCheck {
  readonly #sequences: SequenceCheck;
  readonly #msPerTick: number;
  /** The last packets, as they were published. */
  readonly #published: (Uint8Array | undefined)[] = new Array(REMEMBERED);
  readonly #beganAt: number;
  /** How many numbers the highest is ahead of the first. */
  #advanced = 0;
  #timestamp: number;
  /** When the packet with the highest number arrived, ms. */
  #at: number;
  /** Where timestamps were before they jumped, and until when packets of that time may arrive, ms. */
  #past: { readonly timestamp: number; readonly until: number } | undefined;

  /**
   * @param first the packet that starts the run; it is not checked again
   * @param clockRate RTP ticks per second
   * @param now ms
   */
  constructor(first: RtpPacket, clockRate: number, now: number) {
    this.#sequences = new SequenceCheck(first.sequence);
    this.#msPerTick = 1000 / clockRate;
    this.#timestamp = first.timestamp;
    this.#at = now;
    this.#beganAt = now;
  }

  /** The highest number, u16. */
  get highest(): number {
    return this.#sequences.highest;
  }

  /** The same as in receiver reports: u32, cycles in the high half. */
  get extendedHighest(): number {
    return this.#sequences.extendedHighest;
  }

  /** Timestamp of the packet with the highest number, u32. */
  get timestamp(): number {
    return this.#timestamp;
  }

  /** Judges a packet that arrived at `now` (ms), and remembers its number unless it is in doubt. */
  check(rtp: RtpPacket, now: number): RunVerdict {
    const { sequence, timestamp } = rtp;
    const { ahead, isNear } = this.#sequences.distanceOf(sequence);
    if (!isNear) return DOUBTFUL;
    const mediaMs = serialDistance(this.#timestamp, timestamp, 32) * this.#msPerTick;
    if (ahead <= 0) {
      if (Math.abs(mediaMs) > FIT_MS && !this.#isOfPast(timestamp, now)) return DOUBTFUL;
      if (this.#sequences.has(sequence)) {
        return now - this.#at < QUIET_MS && this.#isKnown(rtp) ? DUPLICATE : DOUBTFUL;
      }
      const isFromBefore = -ahead > this.#advanced;
      if (isFromBefore && now - this.#beganAt > BEGINNING_MS) return DOUBTFUL;
      this.#sequences.check(sequence);
      return LATE;
    }
    // With consecutive numbers it is the same run, whose time base has changed.
    return ahead > 1 && !this.#fits(mediaMs, now) ? DOUBTFUL : this.#advance(rtp, ahead, now);
  }

  /** Whether a number (u16) is ahead by so little that it is one of this run. */
  isAhead(sequence: number): boolean {
    const { ahead } = this.#sequences.distanceOf(sequence);
    return ahead > 0 && ahead <= NEAR_MAX;
  }

  /** Accepts a packet that {@link isAhead}, though its time does not fit: timestamps have jumped. */
  accept(rtp: RtpPacket, now: number): NextVerdict {
    return this.#advance(rtp, this.#sequences.distanceOf(rtp.sequence).ahead, now);
  }

  /** Whether the timestamp of a packet that arrived at `now` (ms) is one that this run may have reached. */
  fits({ timestamp }: RtpPacket, now: number): boolean {
    return this.#fits(serialDistance(this.#timestamp, timestamp, 32) * this.#msPerTick, now);
  }

  /** Keeps a packet of this run, to compare what comes under the same number. @param packet with Meander's header */
  published(sequence: number, packet: Uint8Array): void {
    this.#published[sequence % REMEMBERED] = packet;
  }

  #advance({ sequence, timestamp }: RtpPacket, ahead: number, now: number): NextVerdict {
    const mediaMs = serialDistance(this.#timestamp, timestamp, 32) * this.#msPerTick;
    if (!this.#fits(mediaMs, now))
      this.#past = { timestamp: this.#timestamp, until: now + BEGINNING_MS };
    this.#sequences.check(sequence);
    this.#timestamp = timestamp;
    this.#at = now;
    this.#advanced += ahead;
    return ahead === 1 ? NEXT : { type: "next", missing: ahead - 1 };
  }

  /** Whether a timestamp is of the time before the last jump, and may still arrive. */
  #isOfPast(timestamp: number, now: number): boolean {
    if (this.#past === undefined || now > this.#past.until) return false;
    const ticks = serialDistance(this.#past.timestamp, timestamp, 32);
    return Math.abs(ticks * this.#msPerTick) <= FIT_MS;
  }

  /** Media continues where it was, however long it paused, or at the time that has passed. */
  #fits(mediaMs: number, now: number): boolean {
    return Math.abs(mediaMs) <= FIT_MS || Math.abs(mediaMs - (now - this.#at)) <= FIT_MS;
  }

  /** Whether a packet of the same number had the same payload. True when that is not remembered. */
  #isKnown({ payload, sequence }: RtpPacket): boolean {
    const packet = this.#published[sequence % REMEMBERED];
    const before = packet === undefined ? "short" : decodeRtp(payloadOf(packet));
    if (typeof before === "string" || before.sequence !== sequence) return true;
    const { byteLength } = payload;
    if (before.payload.byteLength !== byteLength) return false;
    for (let at = 0; at < byteLength; at++) if (before.payload[at] !== payload[at]) return false;
    return true;
  }
}
