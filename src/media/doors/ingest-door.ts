import type { Clock, Counters, Log, Random } from "../../base/index.ts";
import type { PlaneEvent, SourceId, SourceReport } from "../../reflector/index.ts";
import type { ListInterfaces } from "../../transport/index.ts";
import type { Track } from "../../wire/index.ts";
import type { ChannelInputs } from "../inputs/channel-inputs.ts";
import type { OpenSocket } from "../open-socket.ts";

/**
 * Where a door passes on what it receives for one input: packets of the channel, and what it knows of their sources.
 *
 * A redundant input that is not the primary keeps or drops what is passed on.
 */
export interface IngestSink {
  /** For the headers of packets. */
  readonly channelId: number;
  /** Passes on one packet, made by `encodePacket` for this channel. The callee keeps it; never change it again. */
  packet(packet: Uint8Array): void;
  /** The tracks received so far; call on change, before the packet that shows it, and every second. */
  describe(tracks: readonly Track[]): void;
  report(report: SourceReport): void;
  /** `count` sequence numbers from `sequence` on were never received. */
  gap(source: SourceId, sequence: number, count: number): void;
  /** A source has ended. */
  bye(source: SourceId): void;
}

/** What a door does with the bytes of one input: makes packets of them. */
export interface Ingest {
  /** What was discarded, by reason. */
  readonly drops: Counters;
  /** Packets made, and bytes received for them. */
  readonly packets: number;
  readonly bytes: number;
  /** Ends its sources, and its timers. Idempotent. */
  close(): void;
}

/** Where an opened input listens, in the order of its tracks. Empty for doors that have no ports of their own. */
export interface IngestPorts {
  readonly tracks: readonly {
    readonly medium: number;
    readonly rtpPort: number;
    readonly rtcpPort: number;
  }[];
}

/** An open input. */
export interface OpenIngest {
  readonly ports: IngestPorts;
  /**
   * Publishes one message. Absent: the door takes no messages. Copies.
   *
   * @throws {MeanderError} `message-too-large`, `content-type-invalid`
   */
  publishMessage?(contentType: string, bytes: Uint8Array): void;
  /** Ends the input; settles when its ports are free. Idempotent. @param reason for events */
  close(reason?: string): Promise<void>;
}

/** What doors work with. */
export interface IngestDoorPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly openSocket: OpenSocket;
  /** Absent: the interfaces of this machine. */
  readonly interfaces?: ListInterfaces | undefined;
  onEvent(event: PlaneEvent): void;
}

/**
 * Opens an input at one door, and adds it to those of its channel.
 *
 * @throws {MeanderError} `publisher-exists`, and what the door's protocol demands
 */
export type OpenDoor<Options> = (
  options: Options,
  inputs: ChannelInputs,
  ports: IngestDoorPorts,
) => Promise<OpenIngest>;
