import { every, MeanderError } from "../../../base/index.ts";
import { type DatagramSocket, GroupMembership, type Remote } from "../../../transport/index.ts";
import type { ChannelInputs } from "../../inputs/channel-inputs.ts";
import type { IngestDoorPorts, OpenIngest } from "../ingest-door.ts";
import {
  closePortPair,
  openGroupPair,
  openPairWithin,
  openPortPair,
  type PortPair,
} from "./port-pair.ts";
import { RtpIngest } from "./rtp-ingest.ts";
import type { IngestTrack, RtpIngestOptions } from "./rtp-options.ts";

/** RFC 3550 §6.2: the shortest interval recommended. */
const RECEIVER_REPORT_MS = 5_000;
const TRACKS_MAX = 32;

/** Adds an RTP input to those of a channel; its datagrams are to be handed to the ingest returned. */
export function addRtpInput(
  input: RtpIngestOptions,
  inputs: ChannelInputs,
  { clock, random }: Pick<IngestDoorPorts, "clock" | "random">,
): RtpIngest {
  const { generations } = inputs;
  return inputs.add(
    { name: input.input, kind: "rtp", stack: "rtp", senders: sendersOf(input), isRedundant: true },
    (sink) => new RtpIngest({ input, sink, clock, random, generations }),
  );
}

/**
 * Opens an RTP input on UDP sockets of its own: all of them, or none. Senders hear a receiver report every five
 * seconds.
 *
 * @throws {MeanderError} `publisher-exists`, `port-in-use`, `port-invalid`, `address-invalid`, `bind-failed`,
 *   `track-unsupported`, `multicast-refused`, `interface-unknown`
 */
export async function openRtpIngest(
  options: RtpIngestOptions,
  inputs: ChannelInputs,
  ports: IngestDoorPorts,
): Promise<OpenIngest & { readonly ingest: RtpIngest }> {
  const { clock } = ports;
  checkTracks(options.tracks);
  inputs.admit(options.input);
  const pairs = await openPairs(options, ports);
  /** When each track last received a datagram, ms; for its membership. */
  const heardAt = pairs.map(() => Number.NEGATIVE_INFINITY);
  const memberships: GroupMembership[] = [];
  let ingest: RtpIngest;
  try {
    for (const [index, pair] of pairs.entries()) {
      const joined = join(options, index, pair, () => heardAt[index] as number, ports);
      if (joined !== undefined) memberships.push(joined);
    }
    ingest = addRtpInput(options, inputs, ports);
  } catch (error) {
    for (const membership of memberships) membership[Symbol.dispose]();
    await closeAll(pairs);
    throw error;
  }

  const reporters: (Reporter | undefined)[] = pairs.map(() => undefined);
  for (const [index, { rtcp, rtp }] of pairs.entries()) {
    const isGroup = options.tracks[index]?.group !== undefined;
    for (const socket of [rtp, rtcp]) {
      receive(ingest, index, socket, {
        onHeard: () => {
          if (isGroup) heardAt[index] = clock.now();
        },
        onRtcp: (remote) => {
          // Receivers of a group send nothing, however many they are. [G34]
          if (!isGroup) reporters[index] = { socket, remote };
        },
      });
    }
  }
  const cancel = every(clock, "receiver-reports", RECEIVER_REPORT_MS, () => {
    for (const [index, reporter] of reporters.entries()) {
      const report = reporter === undefined ? undefined : ingest.receiverReport(index);
      // The sender may not listen: then the report is lost.
      if (report !== undefined) reporter?.socket.send(report, reporter.remote);
    }
  });

  let closed: Promise<void> | undefined;
  const close = async (reason: string): Promise<void> => {
    cancel();
    for (const membership of memberships) membership[Symbol.dispose]();
    inputs.remove(options.input, reason);
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

/** Where a report goes: to the sender of RTCP. */
interface Reporter {
  readonly socket: DatagramSocket;
  readonly remote: Remote;
}

/** Keeps the sockets of a track in its group, if it has one. */
function join(
  { channel, input, interface: on, tracks }: RtpIngestOptions,
  index: number,
  { rtcp, rtp }: PortPair,
  heardAt: () => number,
  { clock, log, onEvent, interfaces }: IngestDoorPorts,
): GroupMembership | undefined {
  const group = tracks[index]?.group;
  if (group === undefined) return undefined;
  const { address } = group;
  return new GroupMembership({
    sockets: [rtp, rtcp],
    group: { ...group, interface: on },
    clock,
    interfaces,
    heardAt,
    onChange: (change, reason) => {
      log.warn(change === "lost" ? "A group is not heard any more." : "A group was joined again.", {
        channel,
        input,
        group: address,
        reason,
      });
      onEvent({ type: `group-${change}`, channel, input, group: address, reason });
    },
  });
}

/** Passes a socket's datagrams to the ingest. @param on called when one was accepted, and for the sender of RTCP */
function receive(
  ingest: RtpIngest,
  index: number,
  socket: DatagramSocket,
  on: { onHeard(): void; onRtcp(remote: Remote): void },
): void {
  /** The last trusted sender: usually the same object each time, so that nothing has to be compared. */
  let known: Remote | undefined;
  socket.onDatagram((bytes, from) => {
    const what = ingest.datagram(index, bytes, from);
    if (what === undefined) return;
    on.onHeard();
    if (from !== known) {
      if (known !== undefined) socket.release(known);
      known = socket.remote(from.host, from.port);
    }
    if (what === "rtcp") on.onRtcp(known);
  });
}

async function openPairs(
  { host, tracks, assignedPorts }: RtpIngestOptions,
  { openSocket, random }: Pick<IngestDoorPorts, "openSocket" | "random">,
): Promise<PortPair[]> {
  const pairs: (PortPair | undefined)[] = tracks.map(() => undefined);
  const isAssigned = ({ port }: IngestTrack): boolean => port === 0;
  const openPair = (at: string, port: number): Promise<PortPair> =>
    port === 0 && assignedPorts !== undefined
      ? openPairWithin(openSocket, at, assignedPorts, random)
      : openPortPair(openSocket, at, port);
  try {
    // Requested ports first, so that none of them is assigned to another track.
    for (const assigned of [false, true]) {
      for (const [index, track] of tracks.entries()) {
        if (isAssigned(track) !== assigned) continue;
        pairs[index] =
          track.group === undefined
            ? await openPair(track.address ?? host, track.port)
            : await openGroupPair(openSocket, track.group.address, track.port);
      }
    }
  } catch (error) {
    await closeAll(pairs.filter((pair) => pair !== undefined));
    throw error;
  }
  return pairs as PortPair[];
}

/** The senders that an input accepts packets from, in words. */
function sendersOf({ tracks, trusted }: RtpIngestOptions): string {
  const groups = new Set(tracks.flatMap(({ group }) => group?.address ?? []));
  if (groups.size > 0) return `group ${[...groups].join(", ")}`;
  return trusted === "first" ? "the first sender" : trusted.join(", ");
}

async function closeAll(pairs: readonly PortPair[]): Promise<void> {
  await Promise.all(pairs.map(closePortPair));
}

function checkTracks(tracks: readonly IngestTrack[]): void {
  if (tracks.length === 0 || tracks.length > TRACKS_MAX) {
    throw new MeanderError("track-unsupported", `an input cannot have ${tracks.length} tracks`, {
      expected: `1 to ${TRACKS_MAX}`,
    });
  }
  const taken = new Set<string>();
  for (const [index, { clockRate, codec, group, payloadType, port }] of tracks.entries()) {
    const where = `track ${index + 1} (${codec})`;
    if (!Number.isInteger(payloadType) || payloadType < 0 || payloadType > 127) {
      throw new MeanderError("track-unsupported", `invalid payload type ${payloadType}`, {
        where,
        expected: "a whole number from 0 to 127",
      });
    }
    if (!(clockRate >= 1 && clockRate <= 10_000_000)) {
      throw new MeanderError("track-unsupported", `invalid clock rate ${clockRate}`, {
        where,
        expected: "1 to 10000000 ticks per second",
      });
    }
    if (port === 0 && group === undefined) continue;
    if (port < 1 || port > 65_534) {
      throw new MeanderError("port-invalid", `invalid RTP port ${port}`, {
        where,
        expected: "1 to 65534, since RTCP takes the port after it",
      });
    }
    for (const needed of [port, port + 1]) {
      const key = `${group?.address ?? ""} ${needed}`;
      if (taken.has(key)) {
        throw new MeanderError("port-in-use", `another track of this input needs port ${needed}`, {
          where,
          next: "give each track an even port of its own: RTCP takes the port after it",
        });
      }
      taken.add(key);
    }
  }
}
