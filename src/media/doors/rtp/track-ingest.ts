import type { Clock, Counters } from "../../../base/index.ts";
import type { SourceId } from "../../../reflector/index.ts";
import {
  decodeRtp,
  encodePacket,
  encodeParameterSets,
  KIND,
  PacketMemory,
  type PacketPosition,
  ParameterSets,
  parameterSetsOfFmtp,
  type ReportBlock,
  type RtcpPacket,
  type RtpPacket,
  setFormatOf,
  type Track,
} from "../../../wire/index.ts";
import type { SourceGenerations } from "../../inputs/source-generations.ts";
import { sourceIdOf } from "../../inputs/source-id.ts";
import type { IngestSink } from "../ingest-door.ts";
import { FrameFlags } from "./frame-flags.ts";
import { GapWatch } from "./gap-watch.ts";
import { MediaClock } from "./media-clock.ts";
import { ReceptionStatistics } from "./reception-statistics.ts";
import type { IngestTrack } from "./rtp-options.ts";
import { SenderReports } from "./sender-reports.ts";
import { SequenceCheck } from "./sequence-check.ts";

/** Silence after which another SSRC is accepted for the track, ms. */
const TAKEOVER_MS = 500;
/** For this long after a goodbye, packets of the old run may still arrive, ms. */
const STRAGGLER_MS = 200;
/** A source silent for longer is not reported any more, ms. */
const REPORTED_MS = 10_000;
/** Most parameter sets in a description. */
const SETS_MAX = 16;
const NO_RTCP = new Uint8Array(0);

/** One run of one SSRC. */
interface Source extends SourceId {
  readonly ssrc: number;
  readonly sequences: SequenceCheck;
  readonly flags: FrameFlags;
  readonly clock: MediaClock;
  readonly statistics: ReceptionStatistics;
  readonly gaps: GapWatch;
  lastAt: number;
  endedAt: number | undefined;
}

export interface TrackIngestOptions {
  readonly track: IngestTrack;
  /** u8, the header's. */
  readonly medium: number;
  /** The media of all tracks of the input, this one among them. */
  readonly companions?: readonly number[];
  readonly sourceName: string;
  readonly sink: IngestSink;
  readonly clock: Clock;
  readonly generations: SourceGenerations;
  /** Counts drops: `malformed-rtp`, `payload-type`, `second-source`, `sequence-jump`, `duplicate`. */
  readonly drops: Counters;
  /** The track has another source or other parameter sets. Called before the packet that shows it is published. */
  onChange(): void;
}

/** Makes packets from the RTP and RTCP of one track of an input. Sans-IO. */
export class TrackIngest {
  readonly #options: TrackIngestOptions;
  /** Undefined for codecs without parameter sets. */
  readonly #sets: ParameterSets | undefined;
  readonly #memory = new PacketMemory();
  #source: Source | undefined;
  #held: { bytes: Uint8Array; rtp: RtpPacket } | undefined;
  readonly #senderReports = new SenderReports();

  constructor(options: TrackIngestOptions) {
    this.#options = options;
    const { codec, fmtp } = options.track;
    const format = setFormatOf(codec);
    this.#sets = format && new ParameterSets(format);
    // They may be in the description, out of band.
    for (const set of parameterSetsOfFmtp(codec, fmtp)) this.#sets?.keep(set);
  }

  /** The track, for the description; undefined before the first packet. */
  get track(): Track | undefined {
    const source = this.#source;
    if (source === undefined) return undefined;
    const { companions = [], track } = this.#options;
    const { kind, codec, payloadType, clockRate, channels, fmtp, facts } = track;
    const sets = this.#sets?.all().slice(0, SETS_MAX) ?? [];
    return {
      medium: source.medium,
      kind,
      source: source.source,
      generation: source.generation,
      codec,
      payloadType,
      clockRate,
      ...(channels === undefined ? {} : { channels }),
      ...(fmtp === undefined ? {} : { fmtp }),
      ...(sets.length === 0 ? {} : { parameterSets: encodeParameterSets(sets) }),
      ...(companions.length < 2 ? {} : { companions }),
      ...facts,
    };
  }

  /** Handles one RTP datagram, which is copied. @returns true when it was of the track's source, and new */
  rtp(bytes: Uint8Array): boolean {
    const rtp = decodeRtp(bytes);
    if (typeof rtp === "string") return this.#drop("malformed-rtp");
    if (rtp.payloadType !== this.#options.track.payloadType) return this.#drop("payload-type");
    const source = this.#source;
    if (source === undefined) return this.#start(bytes, rtp);
    const now = this.#options.clock.now();
    if (rtp.ssrc !== source.ssrc) {
      if (source.endedAt === undefined && now - source.lastAt < TAKEOVER_MS) {
        return this.#drop("second-source");
      }
      this.#end(source);
      return this.#start(bytes, rtp);
    }
    if (source.endedAt !== undefined && now - source.endedAt >= STRAGGLER_MS) {
      return this.#start(bytes, rtp);
    }
    return this.#checked(source, bytes, rtp, now);
  }

  /** Handles the parts of one RTCP datagram. */
  rtcp(packets: readonly RtcpPacket[]): void {
    this.#senderReports.add(packets, this.#options.clock.now());
    const source = this.#source;
    if (source === undefined) return;
    for (const packet of packets) {
      if (packet.type !== "bye" || !packet.ssrcs.includes(source.ssrc)) continue;
      this.#end(source);
      this.#options.generations.ended(source.source, source.generation);
    }
  }

  /** Reports the position of the source; called every second. */
  tick(): void {
    const source = this.#source;
    if (source === undefined) return;
    this.#options.generations.reached(source.source, source.generation, source.sequences.highest);
    if (source.endedAt !== undefined) return;
    if (this.#options.clock.now() - source.lastAt < REPORTED_MS) this.#report(source);
  }

  /** The reception report for the sender; undefined without a source. */
  receptionReport(): ReportBlock | undefined {
    const source = this.#source;
    if (source === undefined || source.endedAt !== undefined) return undefined;
    return source.statistics.report({
      extendedHighest: source.sequences.extendedHighest,
      now: this.#options.clock.now(),
      senderReport: this.#senderReports.of(source.ssrc),
    });
  }

  /** Ends the source, if any. */
  close(): void {
    if (this.#source !== undefined) this.#end(this.#source);
  }

  /** @param before the run of the same SSRC that this one follows */
  #start(bytes: Uint8Array, rtp: RtpPacket, before?: Source): boolean {
    const { clock, generations, medium, sink, sourceName, track } = this.#options;
    const { ssrc, sequence } = rtp;
    const id = sourceIdOf({ name: sourceName, medium, ssrc });
    const source: Source = {
      source: id,
      generation: generations.begin(id, sequence, before?.generation),
      medium,
      ssrc,
      sequences: new SequenceCheck(sequence),
      flags: new FrameFlags(track.codec, this.#sets?.all()),
      clock: new MediaClock(track.clockRate),
      statistics: new ReceptionStatistics(ssrc, track.clockRate, sequence),
      gaps: new GapWatch(clock, ({ sequence: missing, count }) => {
        sink.gap(idOf(source), missing, count);
      }),
      lastAt: clock.now(),
      endedAt: undefined,
    };
    this.#source = source;
    this.#held = undefined;
    this.#forward(source, bytes, rtp, "next", source.lastAt, true);
    // Newcomers need to know how the clocks relate at once, not in a second.
    this.#report(source);
    return true;
  }

  #checked(source: Source, bytes: Uint8Array, rtp: RtpPacket, now: number): boolean {
    const verdict = source.sequences.check(rtp.sequence);
    switch (verdict.type) {
      case "next":
        if (this.#held !== undefined) this.#dropHeld();
        if (verdict.missing > 0) source.gaps.skipped(rtp.sequence, verdict.missing);
        this.#forward(source, bytes, rtp, verdict.missing > 0 ? "after-loss" : "next", now);
        return true;
      case "late":
        source.gaps.arrived(rtp.sequence);
        this.#forward(source, bytes, rtp, "late", now);
        return true;
      case "duplicate":
        return this.#drop("duplicate");
      case "jump":
        if (this.#held !== undefined) this.#dropHeld();
        this.#held = copyOf(bytes);
        return false;
      case "restart": {
        const held = this.#held;
        source.gaps.finish();
        this.#start(held?.bytes ?? bytes, held?.rtp ?? rtp, source);
        if (held === undefined) return true;
        return this.#source !== undefined && this.#checked(this.#source, bytes, rtp, now);
      }
    }
  }

  #forward(
    source: Source,
    bytes: Uint8Array,
    rtp: RtpPacket,
    position: PacketPosition,
    now: number,
    isFirst = false,
  ): void {
    const { onChange, sink } = this.#options;
    source.lastAt = now;
    source.clock.arrived(rtp.timestamp, now);
    source.statistics.arrived(rtp.timestamp, now);
    const { flags, parameterSets } = source.flags.flag(rtp, position);
    const hasNewSets = parameterSets.length > 0 && this.#keep(parameterSets);
    if (isFirst || hasNewSets) onChange();
    sink.packet(
      encodePacket(
        {
          kind: KIND.rtp,
          flags,
          channel: sink.channelId,
          source: source.source,
          medium: source.medium,
          sourceGeneration: source.generation,
          sequence: rtp.sequence,
        },
        bytes,
        this.#memory,
      ),
    );
  }

  /** Keeps parameter sets. @returns true when one of them was new */
  #keep(sets: readonly Uint8Array[]): boolean {
    return sets.filter((set) => this.#sets?.keep(set)).length > 0;
  }

  #end(source: Source): void {
    if (source.endedAt !== undefined) return;
    const { clock, generations, sink } = this.#options;
    source.gaps.finish();
    source.endedAt = clock.now();
    generations.reached(source.source, source.generation, source.sequences.highest);
    sink.bye(idOf(source));
  }

  #report(source: Source): void {
    const instant = source.clock.instant;
    if (instant === undefined) return;
    const rtcp = this.#senderReports.of(source.ssrc)?.bytes ?? NO_RTCP;
    this.#options.sink.report({ ...idOf(source), ...instant, rtcp });
  }

  #dropHeld(): void {
    this.#held = undefined;
    this.#drop("sequence-jump");
  }

  #drop(reason: string): false {
    this.#options.drops.add(reason);
    return false;
  }
}

function idOf({ source, generation, medium }: SourceId): SourceId {
  return { source, generation, medium };
}

function copyOf(bytes: Uint8Array): { bytes: Uint8Array; rtp: RtpPacket } | undefined {
  const copy = bytes.slice();
  const rtp = decodeRtp(copy);
  return typeof rtp === "string" ? undefined : { bytes: copy, rtp };
}
