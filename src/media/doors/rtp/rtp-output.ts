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

/** Where one medium of an output goes. */
export interface RtpDestination {
  /** u8, the header's. */
  readonly medium: number;
  readonly rtp: Remote;
  readonly rtcp: Remote;
}

/** What an output works with. */
export interface RtpOutputParts {
  /** Used, not owned. */
  readonly socket: DatagramSocket;
  /** Of the output's channel and socket. */
  readonly bundle: RtpBundle;
  readonly destinations: readonly RtpDestination[];
  /** Its remotes are not needed any more. Called once. */
  onClosed(): void;
}

/**
 * A plain RTP receiver outside: gets the RTP packets without our header, and the publisher's sender reports on the port
 * after it, as they were given, each second. Nobody listening is no error; it is counted as `refused`, where the kernel
 * tells.
 */
export class RtpOutput implements PacketSink {
  /** Datagrams that did not leave (`send-queue-full`, `send-failed`) or that nobody took (`refused`). */
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
    // Its SDP was given out when it was opened; a change of the source shows in the RTP itself.
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

/** RFC 3550 §6.1: a goodbye stands behind a report. */
function goodbyeAfter(report: Uint8Array, reason: string): Uint8Array | undefined {
  const packets = decodeRtcp(report);
  if (typeof packets === "string") return undefined;
  const sender = packets.find((packet) => packet.type === "sender-report");
  if (sender === undefined) return undefined;
  const short = new TextDecoder().decode(new TextEncoder().encode(reason).subarray(0, 200));
  return encodeRtcp([...packets, { type: "bye", ssrcs: [sender.ssrc], reason: short }]);
}
