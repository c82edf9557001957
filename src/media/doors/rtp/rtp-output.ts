import { Counters } from "../../../base/index.ts";
import type { BundleMember, PacketSink, SourceReport } from "../../../reflector/index.ts";
import type { DatagramSocket, Remote } from "../../../transport/index.ts";
import {
  type Description,
  decodeRtcp,
  encodeRtcp,
  KIND,
  kindOf,
  mediumOf,
  payloadOf,
} from "../../../wire/index.ts";
import type { RtpBundle } from "./rtp-bundle.ts";
import { RtpBundleMember } from "./rtp-bundle-member.ts";

/** Where one medium of an output is sent. */
export interface RtpDestination {
  /** u8, the header's. */
  readonly medium: number;
  readonly rtp: Remote;
  readonly rtcp: Remote;
}

/** What an {@link RtpOutput} works with. */
export interface RtpOutputParts {
  /** Used, not owned. */
  readonly socket: DatagramSocket;
  /** Of the output's channel and socket. */
  readonly bundle: RtpBundle;
  readonly destinations: readonly RtpDestination[];
  /** The output is closed, and its remotes can be released. Called once. */
  onClosed(): void;
}

/**
 * Sends a channel to a plain RTP receiver outside: RTP packets without Meander's header and, on the next port, the
 * publisher's sender reports, each second. If no program listens there, that is not an error; where the kernel reports
 * it, it is counted as `refused`.
 */
export class RtpOutput implements PacketSink {
  /** Datagrams that were not sent (`send-queue-full`, `send-failed`) or were refused by the receiver (`refused`). */
  readonly drops = new Counters();
  readonly member: BundleMember;
  readonly #parts: RtpOutputParts;
  readonly #destinations: ReadonlyMap<number, RtpDestination>;
  /** The newest sender report of each medium. */
  readonly #reports = new Map<number, Uint8Array>();
  #isClosed = false;

  constructor(parts: RtpOutputParts) {
    this.#parts = parts;
    this.#destinations = new Map(parts.destinations.map((each) => [each.medium, each]));
    this.member = new RtpBundleMember(parts.bundle, parts.destinations, (reason) => {
      this.drops.add(reason);
    });
  }

  wants(packet: Uint8Array): boolean {
    return kindOf(packet) === KIND.rtp && this.#destinations.has(mediumOf(packet));
  }

  packet(packet: Uint8Array): void {
    if (this.#isClosed || !this.wants(packet)) return;
    const destination = this.#destinations.get(mediumOf(packet));
    if (destination !== undefined) this.#send(payloadOf(packet), destination.rtp);
  }

  description(_description: Description): void {
    // Its SDP was returned when it was opened; a change of the source shows in the RTP itself.
  }

  report({ medium, rtcp }: SourceReport): void {
    const destination = this.#destinations.get(medium);
    if (this.#isClosed || destination === undefined || rtcp.byteLength === 0) return;
    this.#reports.set(medium, rtcp);
    this.#send(rtcp, destination.rtcp);
  }

  close(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.member.leave();
    for (const { medium, rtcp } of this.#destinations.values()) {
      const report = this.#reports.get(medium);
      const goodbye = report === undefined ? undefined : goodbyeAfter(report, reason);
      if (goodbye !== undefined) this.#send(goodbye, rtcp);
    }
    this.#parts.socket.flush();
    this.#parts.onClosed();
  }

  #send(bytes: Uint8Array, to: Remote): void {
    if (!this.#parts.socket.send(bytes, to)) this.drops.add("send-failed");
  }
}

/** RFC 3550 §6.1: a goodbye follows a report. */
function goodbyeAfter(report: Uint8Array, reason: string): Uint8Array | undefined {
  const packets = decodeRtcp(report);
  if (typeof packets === "string") return undefined;
  const sender = packets.find((packet) => packet.type === "sender-report");
  if (sender === undefined) return undefined;
  const short = new TextDecoder().decode(new TextEncoder().encode(reason).subarray(0, 200));
  return encodeRtcp([...packets, { type: "bye", ssrcs: [sender.ssrc], reason: short }]);
}
