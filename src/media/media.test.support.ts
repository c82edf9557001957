import {
  type Clock,
  type Random,
  SeededRandom,
  SILENT,
  SystemClock,
  serialAdd,
  VirtualClock,
} from "../base/index.ts";
import type { ChannelPublisher, SourceId, SourceReport } from "../reflector/index.ts";
import { openDatagramSocket, type Remote } from "../transport/index.ts";
import {
  decodeHeader,
  encodeRtp,
  flagsOf,
  generationOf,
  type Header,
  sequenceOf,
  sourceOf,
  type Track,
} from "../wire/index.ts";
import type { IngestDoorPorts, IngestSink } from "./doors/ingest-door.ts";
import { addRtpInput } from "./doors/rtp/open-rtp-ingest.ts";
import type { RtpIngest } from "./doors/rtp/rtp-ingest.ts";
import type { IngestTrack, RtpIngestOptions } from "./doors/rtp/rtp-options.ts";
import { ChannelInputs } from "./inputs/channel-inputs.ts";
import type { OpenSocket } from "./open-socket.ts";

/** Records what is published, in order, by an input or directly by a door. */
export class RecordingPublisher implements ChannelPublisher, IngestSink {
  readonly channelId = 7;
  readonly published: Uint8Array[] = [];
  readonly descriptions: (readonly Track[])[] = [];
  readonly reports: SourceReport[] = [];
  readonly gaps: { sequence: number; count: number }[] = [];
  readonly byes: SourceId[] = [];
  isClosed = false;

  publish(packet: Uint8Array): void {
    this.published.push(packet);
  }

  packet(packet: Uint8Array): void {
    this.publish(packet);
  }

  describe(tracks: readonly Track[]): void {
    this.descriptions.push(tracks);
  }

  report(report: SourceReport): void {
    this.reports.push(report);
  }

  gap(_source: SourceId, sequence: number, count: number): void {
    this.gaps.push({ sequence, count });
  }

  bye(source: SourceId): void {
    this.byes.push(source);
  }

  close(): void {
    this.isClosed = true;
  }

  get headers(): Header[] {
    return this.published.map((packet) => decodeHeader(packet) as Header);
  }

  get sequences(): number[] {
    return this.published.map(sequenceOf);
  }

  get flags(): number[] {
    return this.published.map(flagsOf);
  }

  get generations(): number[] {
    return this.published.map(generationOf);
  }

  /** Ids of the sources, in the order of their first packets. */
  get sources(): number[] {
    return [...new Set(this.published.map(sourceOf))];
  }
}

export const VIDEO: IngestTrack = {
  kind: "video",
  codec: "h264",
  payloadType: 96,
  clockRate: 90_000,
  port: 0,
};

export const AUDIO: IngestTrack = {
  kind: "audio",
  codec: "opus",
  payloadType: 97,
  clockRate: 48_000,
  channels: 2,
  port: 0,
};

export const TRUSTED = "127.0.0.1";
/** A sender there. */
export const SENDER: Remote = { host: TRUSTED, port: 40_000 };

/** Opens real sockets. */
export const openSocket: OpenSocket = (where) =>
  openDatagramSocket({ ...where, clock: new SystemClock(), log: SILENT });

/** An input of one Opus track; `changes` go on top. */
export function inputOptions(changes: Partial<RtpIngestOptions> = {}): RtpIngestOptions {
  return {
    door: "rtp",
    channel: "talk",
    input: "main",
    sourceName: "studio",
    tracks: [AUDIO],
    trusted: [TRUSTED],
    host: TRUSTED,
    ...changes,
  };
}

/** One RTP source with a packet every 20 ms of media time. */
export class RtpSource {
  sequence: number;
  timestamp: number;
  readonly ssrc: number;
  readonly #payloadType: number;

  constructor(ssrc: number, { sequence = 100, timestamp = 0, payloadType = 97 } = {}) {
    this.ssrc = ssrc;
    this.sequence = sequence;
    this.timestamp = timestamp;
    this.#payloadType = payloadType;
  }

  /** The next packet. */
  next(payload: Uint8Array = Uint8Array.of(1, 2, 3), marker = false): Uint8Array {
    const packet = this.at(this.sequence, payload, marker);
    this.skip(1);
    return packet;
  }

  /** A packet of any number, at the current timestamp. */
  at(sequence: number, payload: Uint8Array = Uint8Array.of(1, 2, 3), marker = false): Uint8Array {
    return encodeRtp({
      marker,
      payloadType: this.#payloadType,
      sequence,
      timestamp: this.timestamp,
      ssrc: this.ssrc,
      csrcs: [],
      extensions: [],
      payload,
    });
  }

  /** Skips packets, as if they were lost. */
  skip(count: number): void {
    this.sequence = serialAdd(this.sequence, count, 16);
    this.timestamp = serialAdd(this.timestamp, 960 * count, 32);
  }
}

/** The inputs of a channel on a virtual clock, with what they published. */
export function testInputs({ silenceMs = 1000, maxPublishers = 1 } = {}): {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly publisher: RecordingPublisher;
  readonly inputs: ChannelInputs;
  /** Adds an RTP input; `changes` go on top of {@link inputOptions}. */
  readonly add: (changes?: Partial<RtpIngestOptions>) => RtpIngest;
  readonly events: string[];
} {
  const clock = new VirtualClock(5_000);
  const random = new SeededRandom(7);
  const publisher = new RecordingPublisher();
  const events: string[] = [];
  const inputs = new ChannelInputs({
    channel: "talk",
    openPublisher: () => publisher,
    silenceMs,
    maxPublishers,
    clock,
    log: SILENT,
    onEvent: (event) => {
      if (event.type === "input-switched") events.push(`${event.from ?? "none"} > ${event.to}`);
    },
  });
  const add = (changes: Partial<RtpIngestOptions> = {}): RtpIngest => {
    return addRtpInput(inputOptions(changes), inputs, { clock, random });
  };
  return { clock, random, publisher, inputs, add, events };
}

/** What doors work with. */
export function ingestPorts(clock: Clock): IngestDoorPorts {
  return { clock, random: new SeededRandom(7), log: SILENT, openSocket, onEvent() {} };
}
