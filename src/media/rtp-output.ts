import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import { Counters, MeanderError, messageOf } from "../base/index.ts";
import type { PacketSink, RtpOutputOptions, SourceReport } from "../reflector/index.ts";
import {
  type Description,
  decodeRtcp,
  encodeRtcp,
  KIND,
  kindOf,
  mediumOf,
  payloadOf,
} from "../wire/index.ts";

interface Destination {
  readonly rtp: Socket;
  readonly rtcp: Socket;
  lastReport: Uint8Array | undefined;
}

/**
 * A plain RTP receiver outside: gets the RTP packets without our header, and the publisher's sender reports on the port
 * after it, as they were given, each second. Nobody listening is no error; it is counted as `refused`.
 */
export class RtpOutput implements PacketSink {
  /** `send-failed`, `refused`: datagrams that did not leave or that nobody took. */
  readonly drops = new Counters();
  readonly #destinations: ReadonlyMap<number, Destination>;
  #packets = 0;
  #bytes = 0;
  #isClosed = false;

  private constructor(destinations: ReadonlyMap<number, Destination>) {
    this.#destinations = destinations;
    for (const { rtcp, rtp } of destinations.values()) {
      // A connected socket hears of refusals after the fact.
      for (const socket of [rtp, rtcp]) socket.on("error", (error) => this.#failed(error));
    }
  }

  /**
   * Opens its sockets.
   *
   * @throws {MeanderError} `output-invalid` when the host is unknown or a port is impossible
   */
  static async open({
    host,
    tracks,
  }: Pick<RtpOutputOptions, "host" | "tracks">): Promise<RtpOutput> {
    const destinations = new Map<number, Destination>();
    const sockets: Socket[] = [];
    try {
      for (const { medium, port } of tracks) {
        const rtp = await connect(host, port, sockets);
        const rtcp = await connect(host, port + 1, sockets);
        destinations.set(medium, { rtp, rtcp, lastReport: undefined });
      }
    } catch (error) {
      for (const socket of sockets) socket.close();
      throw error;
    }
    return new RtpOutput(destinations);
  }

  /** RTP packets sent, and their bytes. */
  get packets(): number {
    return this.#packets;
  }

  get bytes(): number {
    return this.#bytes;
  }

  packet(packet: Uint8Array): void {
    if (this.#isClosed || kindOf(packet) !== KIND.rtp) return;
    const destination = this.#destinations.get(mediumOf(packet));
    if (destination === undefined) return;
    const rtp = payloadOf(packet);
    this.#packets++;
    this.#bytes += rtp.byteLength;
    this.#send(destination.rtp, rtp);
  }

  description(_description: Description): void {
    // Its SDP was given out when it was opened; a change of the source shows in the RTP itself.
  }

  report({ medium, rtcp }: SourceReport): void {
    const destination = this.#destinations.get(medium);
    if (this.#isClosed || destination === undefined || rtcp.byteLength === 0) return;
    destination.lastReport = rtcp;
    this.#send(destination.rtcp, rtcp);
  }

  close(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const { lastReport, rtcp, rtp } of this.#destinations.values()) {
      const goodbye = lastReport === undefined ? undefined : goodbyeAfter(lastReport, reason);
      rtp.close();
      if (goodbye === undefined) rtcp.close();
      else rtcp.send(goodbye, () => rtcp.close());
    }
  }

  /** One callback for all sends: without any, a failed send would go unnoticed. */
  readonly #sent = (error: Error | null): void => {
    if (error !== null) this.#failed(error);
  };

  #send(socket: Socket, bytes: Uint8Array): void {
    socket.send(bytes, this.#sent);
  }

  #failed(error: Error): void {
    const isRefused = "code" in error && error.code === "ECONNREFUSED";
    this.drops.add(isRefused ? "refused" : "send-failed");
  }
}

async function connect(host: string, port: number, opened: Socket[]): Promise<Socket> {
  const socket = createSocket({ type: isIPv6(host) ? "udp6" : "udp4" });
  opened.push(socket);
  try {
    socket.connect(port, host);
    await once(socket, "connect");
  } catch (error) {
    throw new MeanderError("output-invalid", `cannot send to it: ${messageOf(error)}`, {
      where: `${host}:${port}`,
      expected: "a reachable host, and an RTP port from 1 to 65534",
      cause: error,
    });
  }
  return socket;
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
