import { serialDistance } from "../../../base/index.ts";
import type { ReportBlock } from "../../../wire/index.ts";
import type { KeptReport } from "./sender-reports.ts";

/** What a receiver reports to the sender about one source (RFC 3550 §6.4.1, A.3, A.8). */
export class ReceptionStatistics {
  readonly #ssrc: number;
  readonly #ticksPerMs: number;
  readonly #base: number;
  #received = 0;
  #receivedBefore = 0;
  #expectedBefore = 0;
  #jitter = 0;
  #previousTimestamp = 0;
  /** When that packet arrived, ms; -1: none has. */
  #previousAt = -1;

  /**
   * @param ssrc u32
   * @param clockRate RTP ticks per second
   * @param first u16, the first sequence number
   */
  constructor(ssrc: number, clockRate: number, first: number) {
    this.#ssrc = ssrc;
    this.#ticksPerMs = clockRate / 1000;
    this.#base = first;
  }

  /** Counts a packet (timestamp u32) that arrived at `now` (ms). */
  arrived(timestamp: number, now: number): void {
    this.#received++;
    if (this.#previousAt >= 0) {
      const ticks = (now - this.#previousAt) * this.#ticksPerMs;
      const deviation = Math.abs(ticks - serialDistance(this.#previousTimestamp, timestamp, 32));
      this.#jitter += (deviation - this.#jitter) / 16;
    }
    this.#previousTimestamp = timestamp;
    this.#previousAt = now;
  }

  /** The report since the last call. */
  report(state: {
    /** u32, with cycles. */
    readonly extendedHighest: number;
    /** ms. */
    readonly now: number;
    /** The sender's last report, if any. */
    readonly senderReport: KeptReport | undefined;
  }): ReportBlock {
    const { extendedHighest, now, senderReport } = state;
    const expected = extendedHighest - this.#base + 1;
    const expectedSince = expected - this.#expectedBefore;
    const lostSince = expectedSince - (this.#received - this.#receivedBefore);
    this.#expectedBefore = expected;
    this.#receivedBefore = this.#received;
    return {
      ssrc: this.#ssrc,
      fractionLost:
        expectedSince <= 0 || lostSince <= 0
          ? 0
          : Math.min(255, Math.floor((lostSince * 256) / expectedSince)),
      packetsLost: clamp(expected - this.#received, -0x80_0000, 0x7f_ffff),
      highestSequence: extendedHighest,
      jitter: Math.min(0xffff_ffff, Math.round(this.#jitter)),
      lastSenderReport: senderReport === undefined ? 0 : middleOf(senderReport),
      delaySinceLastSenderReport:
        senderReport === undefined
          ? 0
          : Math.min(0xffff_ffff, Math.round((now - senderReport.at) * 65.536)),
    };
  }
}

/** The middle 32 bits of an NTP time. */
function middleOf({ ntpSeconds, ntpFraction }: KeptReport): number {
  return ((ntpSeconds << 16) | (ntpFraction >>> 16)) >>> 0;
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}
