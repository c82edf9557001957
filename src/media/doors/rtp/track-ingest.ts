import { type Clock, type Counters, serialDistance } from "../../../base/index.ts";
import {
  decodeRtp,
  encodePacket,
  encodeParameterSets,
  FLAG,
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
import { type AcceptedPacket, DoubtfulPackets } from "./doubtful-packets.ts";
import { FrameFlags } from "./frame-flags.ts";
import type { HeldPacket } from "./held-packets.ts";
import type { MediaClock } from "./media-clock.ts";
import { Newcomers } from "./newcomers.ts";
import type { IngestTrack } from "./rtp-options.ts";
import { DOUBTFUL } from "./run-check.ts";
import { SenderReports } from "./sender-reports.ts";
import { idOf, openSource, type TrackSource } from "./track-source.ts";

/** For this long after a goodbye, packets of the old run may still arrive, ms. */
const STRAGGLER_MS = 200;
/** A goodbye that ends a run sooner after it began may be of the run before, with the same SSRC, ms. */
const LATE_BYE_MS = 200;
/** Such a goodbye counts once nothing has come for this long, ms. */
const BYE_SILENCE_MS = 500;
/** A source silent for longer is not reported any more, ms. */
const REPORTED_MS = 10_000;
/** Most parameter sets in a description. */
const SETS_MAX = 16;
const NO_RTCP = new Uint8Array(0);

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

/**
 * Makes packets from the RTP and RTCP of one track of an input. Sans-IO.
 *
 * A sender that starts again is a new run: with another SSRC ({@link Newcomers}), with the same one ({@link RunCheck}),
 * or after a goodbye. The packets that show it are held until it is certain, and then published first. [W8] [W19]
 */
export class TrackIngest {
  readonly #options: TrackIngestOptions;
  /** Undefined for codecs without parameter sets. */
  readonly #sets: ParameterSets | undefined;
  readonly #memory = new PacketMemory();
  readonly #newcomers: Newcomers;
  /** Of the source's SSRC, and in doubt. */
  readonly #doubtful: DoubtfulPackets;
  readonly #senderReports = new SenderReports();
  #source: TrackSource | undefined;
  #packets = 0;
  #bytes = 0;

  constructor(options: TrackIngestOptions) {
    this.#options = options;
    const { clock, drops, track } = options;
    const { codec, fmtp } = track;
    const format = setFormatOf(codec);
    this.#sets = format && new ParameterSets(format);
    // They may be in the description, out of band.
    for (const set of parameterSetsOfFmtp(codec, fmtp)) this.#sets?.keep(set);
    this.#doubtful = new DoubtfulPackets(drops);
    this.#newcomers = new Newcomers({
      clock,
      onTakeOver: (packets) => this.#startWith(packets),
      onDropped: (count) => drops.add("second-source", count),
    });
  }

  /** RTP packets published. */
  get packets(): number {
    return this.#packets;
  }

  /** Bytes of those. */
  get bytes(): number {
    return this.#bytes;
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

  /**
   * Handles one RTP datagram, which is copied. @returns false when it cannot be of this track, or is known; true when
   * it was published, or is held until it is known what it belongs to
   */
  rtp(bytes: Uint8Array): boolean {
    const rtp = decodeRtp(bytes);
    if (typeof rtp === "string") return this.#drop("malformed-rtp");
    if (rtp.payloadType !== this.#options.track.payloadType) return this.#drop("payload-type");
    const source = this.#source;
    const packet = { bytes, rtp, at: this.#options.clock.now() };
    if (source === undefined) return this.#start(packet);
    if (rtp.ssrc !== source.ssrc) {
      if (source.endedAt !== undefined) return this.#start(packet);
      this.#newcomers.packet(rtp.ssrc, bytes, packet.at);
      return true;
    }
    if (!this.#isBeyond(source, packet)) return this.#checked(source, packet);
    this.#startWith([...this.#doubtful.take(), packet]);
    return true;
  }

  /** Handles the parts of one RTCP datagram. */
  rtcp(packets: readonly RtcpPacket[]): void {
    const { clock } = this.#options;
    const now = clock.now();
    const clockOf = (ssrc: number): MediaClock | undefined => {
      return this.#source?.ssrc === ssrc ? this.#source.clock : undefined;
    };
    this.#senderReports.add(packets, { now, wall: clock.wall(), clockOf });
    const source = this.#source;
    if (source === undefined) return;
    for (const packet of packets) {
      if (packet.type !== "bye" || !packet.ssrcs.includes(source.ssrc)) continue;
      if (source.mayGetLateBye && now - source.beganAt < LATE_BYE_MS) source.doubtfulBye = true;
      else this.#bye(source);
    }
  }

  /** Reports the position of the source; called every second. */
  tick(): void {
    const source = this.#source;
    if (source === undefined || source.endedAt !== undefined) return;
    this.#reached(source);
    const silentFor = this.#options.clock.now() - source.lastAt;
    if (source.doubtfulBye && silentFor > BYE_SILENCE_MS) this.#bye(source);
    else if (silentFor < REPORTED_MS) this.#report(source);
  }

  /** This process stood still until now: what comes before `ms` is late for that. */
  excuse(ms: number): void {
    this.#source?.clock.excuse(ms);
  }

  /** The reception report for the sender; undefined without a source. */
  receptionReport(): ReportBlock | undefined {
    const source = this.#source;
    if (source === undefined || source.endedAt !== undefined) return undefined;
    return source.statistics.report({
      extendedHighest: source.run.extendedHighest,
      now: this.#options.clock.now(),
      senderReport: this.#senderReports.lastOf(source.ssrc),
    });
  }

  /** Ends the source, if any. */
  close(): void {
    this.#newcomers.close();
    this.#doubtful.giveUp();
    if (this.#source !== undefined) this.#end(this.#source);
  }

  /** Whether a packet of the source's SSRC came too long after its goodbye to belong to it. */
  #isBeyond(source: TrackSource, { rtp, at }: HeldPacket): boolean {
    if (source.endedAt === undefined) return false;
    if (at - source.endedAt >= STRAGGLER_MS) return true;
    const isNewFrame =
      serialDistance(source.run.highest, rtp.sequence, 16) > 0 &&
      rtp.timestamp !== source.run.timestamp;
    if (!isNewFrame) return false;
    if (!source.run.fits(rtp, at)) return true;
    // What was on its way is at most one frame, and hardly a key frame of video.
    const { flags } = this.#newFlags().flag(rtp, "next");
    if (source.hasStraggler || (flags & FLAG.keyframe) !== 0) return true;
    source.hasStraggler = true;
    return false;
  }

  #newFlags(): FrameFlags {
    return new FrameFlags(this.#options.track.codec, this.#sets?.all());
  }

  /** Starts a run with packets that were held. */
  #startWith([first, ...others]: readonly HeldPacket[]): void {
    if (first === undefined) return;
    this.#start(first);
    for (const packet of others) {
      if (this.#source !== undefined) this.#checked(this.#source, packet);
    }
  }

  #start(packet: HeldPacket): true {
    const { clock, generations, medium, sink, sourceName, track } = this.#options;
    const { at, rtp } = packet;
    const { ssrc, sequence, timestamp } = rtp;
    const before = this.#source;
    const isRestart = before?.ssrc === ssrc;
    const mayGetLateBye = isRestart && before.endedAt === undefined;
    if (before !== undefined) this.#end(before);
    this.#doubtful.giveUp();
    const id = sourceIdOf({ name: sourceName, medium, ssrc });
    const moment = { timestamp, clockRate: track.clockRate, at };
    const generation = generations.begin(
      id,
      sequence,
      isRestart ? before.generation : undefined,
      moment,
    );
    const source = openSource({
      ...{ source: id, generation, medium },
      ...{ first: packet, track, flags: this.#newFlags(), clock, mayGetLateBye },
      onGap: (range) => sink.gap(idOf(source), range.sequence, range.count),
    });
    this.#source = source;
    this.#newcomers.begin(at);
    this.#forward(source, packet, "next", true);
    return true;
  }

  #checked(source: TrackSource, packet: HeldPacket): boolean {
    const { bytes, rtp, at } = packet;
    const neighbour = this.#doubtful.neighbourOf(rtp.sequence)?.rtp;
    // The number may follow both: the timestamp tells which.
    const isOther = neighbour && ticksBetween(neighbour, rtp) < ticksBetween(source.run, rtp);
    const verdict = isOther ? DOUBTFUL : source.run.check(rtp, at);
    switch (verdict.type) {
      case "next":
        this.#publish(source, [{ packet, verdict }]);
        this.#publish(source, this.#doubtful.following(source.run, at));
        return true;
      case "late":
        this.#publish(source, [{ packet, verdict }]);
        return true;
      case "duplicate":
        return this.#drop("duplicate");
      case "doubtful": {
        this.#doubtful.add(bytes, at);
        if (neighbour === undefined) return true;
        // Numbers that go on are those of the run, however far its timestamps have jumped.
        if (source.run.isAhead(neighbour.sequence))
          this.#publish(source, this.#doubtful.jumped(source.run, at));
        else this.#startWith(this.#doubtful.take());
        return true;
      }
    }
  }

  #publish(source: TrackSource, accepted: Iterable<AcceptedPacket>): void {
    for (const { packet, verdict } of accepted) {
      const { sequence } = packet.rtp;
      const missing = verdict.type === "next" ? verdict.missing : 0;
      if (missing > 0) source.gaps.skipped(sequence, missing);
      if (verdict.type === "late") source.gaps.arrived(sequence);
      this.#forward(source, packet, missing > 0 ? "after-loss" : verdict.type);
    }
  }

  #forward(
    source: TrackSource,
    { bytes, rtp, at }: HeldPacket,
    position: PacketPosition,
    isFirst = false,
  ): void {
    const { onChange, sink } = this.#options;
    source.lastAt = at;
    this.#newcomers.heard(at);
    // What was overtaken came no faster, and may be of the time before a jump.
    if (position !== "late") source.clock.arrived(rtp.timestamp, at);
    source.statistics.arrived(rtp.timestamp, at);
    const { flags, parameterSets } = source.flags.flag(rtp, position);
    const hasNewSets = parameterSets.length > 0 && this.#keep(parameterSets);
    if (isFirst || hasNewSets) onChange();
    // Receivers place a packet by what they know when it comes: of a new time base they are told before.
    if (source.reports.isDue(source.clock, at)) this.#report(source);
    const packet = encodePacket(
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
    );
    source.run.published(rtp.sequence, packet);
    this.#packets++;
    this.#bytes += bytes.byteLength;
    sink.packet(packet);
  }

  /** Keeps parameter sets. @returns true when one of them was new */
  #keep(sets: readonly Uint8Array[]): boolean {
    return sets.filter((set) => this.#sets?.keep(set)).length > 0;
  }

  /** The source has said goodbye. */
  #bye(source: TrackSource): void {
    this.#end(source);
    this.#options.generations.ended(source.source, source.generation);
    this.#newcomers.ended();
  }

  #end(source: TrackSource): void {
    if (source.endedAt !== undefined) return;
    const { clock, generations, sink } = this.#options;
    source.gaps.finish();
    source.endedAt = clock.now();
    this.#reached(source);
    generations.left(source.source, source.generation);
    sink.bye(idOf(source));
  }

  #reached({ generation, lastAt, run, source }: TrackSource): void {
    const { generations, track } = this.#options;
    const { highest, timestamp } = run;
    const moment = { timestamp, clockRate: track.clockRate, at: lastAt };
    generations.reached(source, generation, highest, moment);
  }

  #report(source: TrackSource): void {
    const instant = source.clock.instant;
    if (instant === undefined) return;
    source.reports.reported(source.clock, this.#options.clock.now());
    const rtcp = this.#senderReports.believedOf(source.ssrc, source.clock)?.bytes ?? NO_RTCP;
    this.#options.sink.report({ ...idOf(source), ...instant, rtcp });
  }

  #drop(reason: string): false {
    this.#options.drops.add(reason);
    return false;
  }
}

/** How far timestamps are from each other. */
function ticksBetween(one: { readonly timestamp: number }, other: RtpPacket): number {
  return Math.abs(serialDistance(one.timestamp, other.timestamp, 32));
}
