import { type Clock, every, MeanderError } from "../base/index.ts";
import type { IngestOptions, IngestPorts, IngestTrack } from "../reflector/index.ts";
import type { DatagramSocket, Remote } from "../transport/index.ts";
import type { IngestGroup } from "./ingest-group.ts";
import type { OpenSocket } from "./open-socket.ts";
import { closePortPair, openPortPair, type PortPair } from "./port-pair.ts";
import type { RtpIngest } from "./rtp-ingest.ts";

/** RFC 3550 §6.2: the shortest interval recommended. */
const RECEIVER_REPORT_MS = 5_000;
const TRACKS_MAX = 32;

/** An open outside input with its sockets. */
export interface OpenIngest {
  /** Where it listens. */
  readonly ports: IngestPorts;
  readonly ingest: RtpIngest;
  /** Ends the input and closes its sockets; settles when the ports are free. Twice is fine. */
  close(reason?: string): Promise<void>;
}

/**
 * Opens an outside input on UDP sockets of its own: all of them, or none. Senders hear a receiver report every five seconds.
 *
 * @throws {MeanderError} `publisher-exists`, `port-in-use`, `port-invalid`, `address-invalid`, `bind-failed`,
 *   `track-unsupported`
 */
export async function openRtpIngest(
  options: IngestOptions,
  group: IngestGroup,
  { clock, openSocket }: { readonly clock: Clock; readonly openSocket: OpenSocket },
): Promise<OpenIngest> {
  checkTracks(options.tracks);
  group.admit(options.input);
  const pairs = await openPairs(options, openSocket);
  let ingest: RtpIngest;
  try {
    ingest = group.add(options);
  } catch (error) {
    await closeAll(pairs);
    throw error;
  }

  const reporters: (Reporter | undefined)[] = pairs.map(() => undefined);
  for (const [index, { rtcp, rtp }] of pairs.entries()) {
    for (const socket of [rtp, rtcp]) {
      receive(ingest, index, socket, (remote) => {
        reporters[index] = { socket, remote };
      });
    }
  }
  const cancel = every(clock, "receiver-reports", RECEIVER_REPORT_MS, () => {
    for (const [index, reporter] of reporters.entries()) {
      const report = reporter === undefined ? undefined : ingest.receiverReport(index);
      // A sender that does not listen is none of our concern.
      if (report !== undefined) reporter?.socket.send(report, reporter.remote);
    }
  });

  let closed: Promise<void> | undefined;
  const close = async (reason: string): Promise<void> => {
    cancel();
    group.remove(options.input, reason);
    await closeAll(pairs);
  };
  return {
    ports: {
      tracks: pairs.map(({ rtcp, rtp }, index) => {
        return { medium: ingest.media[index] as number, rtpPort: rtp.port, rtcpPort: rtcp.port };
      }),
    },
    ingest,
    close(reason = "closed") {
      closed ??= close(reason);
      return closed;
    },
  };
}

/** Whoever sent RTCP, and where to. */
interface Reporter {
  readonly socket: DatagramSocket;
  readonly remote: Remote;
}

/** Hands what a socket gets to the ingest. @param onRtcp told who sent RTCP */
function receive(
  ingest: RtpIngest,
  index: number,
  socket: DatagramSocket,
  onRtcp: (remote: Remote) => void,
): void {
  /** The last trusted sender: while it goes on, it is the same object each time, and nothing has to be compared. */
  let known: Remote | undefined;
  socket.onDatagram((bytes, from) => {
    const what = ingest.datagram(index, bytes, from);
    if (what === undefined) return;
    if (from !== known) {
      if (known !== undefined) socket.release(known);
      known = socket.remote(from.host, from.port);
    }
    if (what === "rtcp") onRtcp(known);
  });
}

async function openPairs(
  { host, tracks }: IngestOptions,
  openSocket: OpenSocket,
): Promise<PortPair[]> {
  const pairs: PortPair[] = [];
  try {
    // Ports that were asked for first, so that an assigned one does not take them.
    for (const { port } of tracks) {
      if (port !== 0) pairs.push(await openPortPair(openSocket, host, port));
    }
    for (const { port } of tracks) {
      if (port === 0) pairs.push(await openPortPair(openSocket, host, 0));
    }
  } catch (error) {
    await closeAll(pairs);
    throw error;
  }
  const named = pairs.filter(({ rtp }) => tracks.some(({ port }) => port === rtp.port));
  const assigned = pairs.filter((pair) => !named.includes(pair));
  return tracks.map(({ port }) => {
    return (port === 0 ? assigned.shift() : named.find(({ rtp }) => rtp.port === port)) as PortPair;
  });
}

async function closeAll(pairs: readonly PortPair[]): Promise<void> {
  await Promise.all(pairs.map(closePortPair));
}

function checkTracks(tracks: readonly IngestTrack[]): void {
  if (tracks.length === 0 || tracks.length > TRACKS_MAX) {
    throw new MeanderError("track-unsupported", `an input with ${tracks.length} tracks`, {
      expected: `1 to ${TRACKS_MAX}`,
    });
  }
  const taken = new Set<number>();
  for (const [index, { clockRate, codec, payloadType, port }] of tracks.entries()) {
    const where = `track ${index + 1} (${codec})`;
    if (!Number.isInteger(payloadType) || payloadType < 0 || payloadType > 127) {
      throw new MeanderError("track-unsupported", `payload type ${payloadType}`, {
        where,
        expected: "a whole number from 0 to 127",
      });
    }
    if (!(clockRate >= 1 && clockRate <= 10_000_000)) {
      throw new MeanderError("track-unsupported", `clock rate ${clockRate}`, {
        where,
        expected: "1 to 10000000 ticks per second",
      });
    }
    if (port === 0) continue;
    for (const needed of [port, port + 1]) {
      if (taken.has(needed)) {
        throw new MeanderError("port-in-use", `another track of this input needs port ${needed}`, {
          where,
          next: "give each track an even port of its own: RTCP takes the port after it",
        });
      }
      taken.add(needed);
    }
  }
}
