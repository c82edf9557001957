import type { RemoteInfo, Socket } from "node:dgram";
import { type Clock, every, type Log, MeanderError } from "../base/index.ts";
import type { IngestOptions, IngestPorts, IngestTrack } from "../reflector/index.ts";
import type { IngestGroup } from "./ingest-group.ts";
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
 * @throws {MeanderError} `publisher-exists`, `port-in-use`, `port-invalid`, `bind-failed`, `track-unsupported`
 */
export async function openRtpIngest(
  options: IngestOptions,
  group: IngestGroup,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<OpenIngest> {
  checkTracks(options.tracks);
  group.admit(options.input);
  const pairs = await openPairs(options);
  let ingest: RtpIngest;
  try {
    ingest = group.add(options);
  } catch (error) {
    for (const pair of pairs) closePortPair(pair);
    throw error;
  }

  const senders: ({ socket: Socket; remote: RemoteInfo } | undefined)[] = pairs.map(
    () => undefined,
  );
  for (const [index, { rtcp, rtp }] of pairs.entries()) {
    for (const socket of [rtp, rtcp]) {
      socket.on("message", (bytes, remote) => {
        const what = ingest.datagram(index, bytes, remote.address);
        if (what === "rtcp") senders[index] = { socket, remote };
      });
      socket.on("error", (cause) => log.warn("an ingest socket failed", { cause: cause.message }));
    }
  }
  const cancel = every(clock, "receiver-reports", RECEIVER_REPORT_MS, () => {
    for (const [index, sender] of senders.entries()) {
      const report = sender === undefined ? undefined : ingest.receiverReport(index);
      if (sender === undefined || report === undefined) continue;
      // A sender that does not listen is none of our concern.
      sender.socket.send(report, sender.remote.port, sender.remote.address, () => {});
    }
  });

  let closed: Promise<void> | undefined;
  const close = async (reason: string): Promise<void> => {
    cancel();
    group.remove(options.input, reason);
    const sockets = pairs.flatMap(({ rtcp, rtp }) => [rtp, rtcp]);
    await Promise.all(sockets.map((socket) => new Promise<void>((done) => socket.close(done))));
  };
  return {
    ports: {
      tracks: pairs.map(({ rtcpPort, rtpPort }, index) => {
        return { medium: ingest.media[index] as number, rtpPort, rtcpPort };
      }),
    },
    ingest,
    close(reason = "closed") {
      closed ??= close(reason);
      return closed;
    },
  };
}

async function openPairs({ host, tracks }: IngestOptions): Promise<PortPair[]> {
  const pairs: PortPair[] = [];
  try {
    // Ports that were asked for first, so that an assigned one does not take them.
    for (const { port } of tracks) if (port !== 0) pairs.push(await openPortPair(host, port));
    for (const { port } of tracks) if (port === 0) pairs.push(await openPortPair(host, 0));
  } catch (error) {
    for (const pair of pairs) closePortPair(pair);
    throw error;
  }
  const named = pairs.filter(({ rtpPort }) => tracks.some(({ port }) => port === rtpPort));
  const assigned = pairs.filter((pair) => !named.includes(pair));
  return tracks.map(({ port }) => {
    return (
      port === 0 ? assigned.shift() : named.find(({ rtpPort }) => rtpPort === port)
    ) as PortPair;
  });
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
