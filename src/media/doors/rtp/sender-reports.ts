import { encodeRtcp, ntpToMs, type RtcpPacket } from "../../../wire/index.ts";
import type { MediaClock } from "./media-clock.ts";

/** SSRCs remembered: the current one, a successor that reports before its first packet, and strays. */
const KEPT = 4;
/** RFC 3550 §6.5.1: a name has at most so many bytes. */
const NAME_BYTES_MAX = 255;
/** Reports whose clocks differ by less agree, ms: packets are delayed, and so are reports. */
const AGREEMENT_MS = 250;
/** A report that contradicts earlier ones is believed when so many in a row agree. */
const VOTES = 3;
/**
 * No clock is ahead of ours by this much, ms: such a time counts from the start of the sender, not from 1900, or is
 * none. It is believed when {@link VOTES} reports in a row agree.
 */
const AHEAD_MS_MAX = 5 * 365 * 86_400_000;

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

type SenderReport = Extract<RtcpPacket, { type: "sender-report" }>;

/** A report as a statement about the sender's clock. */
interface Statement {
  readonly kept: KeptReport;
  readonly ntpMs: number;
  readonly rtpTimestamp: number;
  /** The sender's clock less ours when it arrived, ms; undefined before the first packet of its source. */
  readonly offsetMs: number | undefined;
  /** The clock of the run that it is about, and the time base of that. */
  readonly clock: MediaClock | undefined;
  readonly base: number;
  /** How many reports in a row agreed with it, this one included; at most {@link VOTES}. */
  readonly votes: number;
}

/** The reports of one SSRC. */
interface Sender {
  last: KeptReport;
  believed: Statement | undefined;
  contrary: Statement | undefined;
}

/** What reports are compared with. */
export interface ReportContext {
  /** When the report arrived: our clock, ms. */
  readonly now: number;
  /** Time of day, ms since 1970. */
  readonly wall: number;
  /** Of the source that an SSRC (u32) is, if it is the track's. */
  clockOf(ssrc: number): MediaClock | undefined;
}

/**
 * The sender reports of a track. They are evidence: one that contradicts the arrival of the media and the reports
 * before it is not passed on until others confirm it. Bounded.
 */
export class SenderReports {
  readonly #senders = new Map<number, Sender>();

  /** Adds the parts of a compound packet. */
  add(packets: readonly RtcpPacket[], context: ReportContext): void {
    for (const packet of packets) {
      if (packet.type !== "sender-report") continue;
      const kept = keptOf(packet, packets, context.now);
      const { ssrc } = packet;
      const sender = this.#senders.get(ssrc) ?? {
        last: kept,
        believed: undefined,
        contrary: undefined,
      };
      sender.last = kept;
      judge(sender, packet, kept, context);
      this.#senders.delete(ssrc);
      this.#senders.set(ssrc, sender);
      const [oldest] = this.#senders.keys();
      if (this.#senders.size > KEPT && oldest !== undefined) this.#senders.delete(oldest);
    }
  }

  /** The last of an SSRC (u32), whatever it says. */
  lastOf(ssrc: number): KeptReport | undefined {
    return this.#senders.get(ssrc)?.last;
  }

  /** The last of an SSRC (u32) that can be relied on in the present time base of its run's clock. */
  believedOf(ssrc: number, clock: MediaClock): KeptReport | undefined {
    const believed = this.#senders.get(ssrc)?.believed;
    if (believed === undefined) return undefined;
    return isOfBase(believed, clock) || believed.offsetMs === undefined ? believed.kept : undefined;
  }
}

function judge(
  sender: Sender,
  { ntpSeconds, ntpFraction, rtpTimestamp, ssrc }: SenderReport,
  kept: KeptReport,
  { clockOf, wall }: ReportContext,
): void {
  const ntpMs = ntpToMs(ntpSeconds, ntpFraction);
  if (ntpSeconds === 0) return;
  // RFC 3550 §6.4.1: a sender that does not know the time of day may count from its own start.
  const isTimeOfDay = ntpMs >= 0 && ntpMs <= wall + AHEAD_MS_MAX;
  const clock = clockOf(ssrc);
  const dueAt = clock?.dueAt(rtpTimestamp);
  const statement: Statement = {
    ...{ kept, ntpMs, rtpTimestamp },
    offsetMs: dueAt === undefined ? undefined : ntpMs - dueAt,
    clock,
    base: clock?.base ?? 0,
    votes: 1,
  };
  const { believed, contrary } = sender;
  if (believed === undefined ? isTimeOfDay : agree(believed, statement, clock)) {
    const votes = Math.min(VOTES, (believed?.votes ?? 0) + 1);
    sender.believed = { ...statement, votes };
    sender.contrary = undefined;
    return;
  }
  const isConfirmed = contrary !== undefined && agree(contrary, statement, clock);
  const votes = isConfirmed ? contrary.votes + 1 : 1;
  sender.contrary = { ...statement, votes };
  if (votes < (believed === undefined ? VOTES : Math.min(VOTES, believed.votes + 1))) return;
  sender.believed = sender.contrary;
  sender.contrary = undefined;
}

/** Whether two reports speak of one clock: as the media was placed when they arrived, or as it is placed now. */
function agree(before: Statement, now: Statement, clock: MediaClock | undefined): boolean {
  if (now.offsetMs === undefined) return before.offsetMs === undefined;
  const dueAt = isOfBase(before, clock) ? clock?.dueAt(before.rtpTimestamp) : undefined;
  // It came before the first packet, and is about the only time base there has been.
  const early = before.offsetMs === undefined ? clock?.dueAt(before.rtpTimestamp) : undefined;
  return [before.offsetMs, offsetAt(before, dueAt), offsetAt(before, early)].some((offset) => {
    return offset !== undefined && Math.abs(offset - (now.offsetMs as number)) <= AGREEMENT_MS;
  });
}

/** Whether a report is about the present time base of a clock. */
function isOfBase({ base, clock: own }: Statement, clock: MediaClock | undefined): boolean {
  return own === clock && base === (clock?.base ?? 0);
}

function offsetAt({ ntpMs }: Statement, dueAt: number | undefined): number | undefined {
  return dueAt === undefined ? undefined : ntpMs - dueAt;
}

function keptOf(report: SenderReport, packets: readonly RtcpPacket[], at: number): KeptReport {
  const { ssrc, ntpSeconds, ntpFraction } = report;
  const name = packets.find((packet) => {
    // Bytes that are no UTF-8 are longer as text.
    return packet.type === "source-description" && packet.ssrc === ssrc && isShort(packet.cname);
  });
  const names = name === undefined ? [] : [name];
  const bytes = encodeRtcp([{ ...report, reports: [] }, ...names]);
  return { bytes, ntpSeconds, ntpFraction, at };
}

function isShort(name: string): boolean {
  return new TextEncoder().encode(name).byteLength <= NAME_BYTES_MAX;
}
