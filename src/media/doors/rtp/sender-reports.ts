import { encodeRtcp, type RtcpPacket } from "../../../wire/index.ts";

/** SSRCs remembered: the current one, a successor that reports before its first packet, and strays. */
const KEPT = 4;

/** A sender report as it is forwarded. */
export interface KeptReport {
  /** A compound packet: the report and the sender's name, without its report blocks. */
  readonly bytes: Uint8Array;
  /** NTP time, two u32. */
  readonly ntpSeconds: number;
  readonly ntpFraction: number;
  /** When it arrived, ms. */
  readonly at: number;
}

/** The last sender report of each SSRC of a track. Bounded. */
export class SenderReports {
  readonly #reports = new Map<number, KeptReport>();

  /** Adds the parts of a compound packet that arrived at `at` (ms). */
  add(packets: readonly RtcpPacket[], at: number): void {
    for (const packet of packets) {
      if (packet.type !== "sender-report") continue;
      const { ssrc, ntpSeconds, ntpFraction } = packet;
      const names = packets.filter(
        (other) => other.type === "source-description" && other.ssrc === ssrc,
      );
      const bytes = encodeRtcp([{ ...packet, reports: [] }, ...names]);
      this.#reports.delete(ssrc);
      this.#reports.set(ssrc, { bytes, ntpSeconds, ntpFraction, at });
      const [oldest] = this.#reports.keys();
      if (this.#reports.size > KEPT && oldest !== undefined) this.#reports.delete(oldest);
    }
  }

  /** The last of one SSRC (u32). */
  of(ssrc: number): KeptReport | undefined {
    return this.#reports.get(ssrc);
  }
}
