import { type Cancel, type Clock, Counters, every, type Random } from "../../../base/index.ts";
import type { Remote } from "../../../transport/index.ts";
import { decodeRtcp, encodeRtcp, isRtcp, type Track } from "../../../wire/index.ts";
import { SourceGenerations } from "../../inputs/source-generations.ts";
import type { Ingest, IngestSink } from "../ingest-door.ts";
import { mediumNumbers } from "./medium-numbers.ts";
import type { RtpIngestOptions } from "./rtp-options.ts";
import { SenderTrust } from "./sender-trust.ts";
import { TrackIngest } from "./track-ingest.ts";

const TICK_MS = 1_000;
/** When a tick is later than this, ms, the process stood still, and the packets of that time come now, … */
const STOOD_STILL_MS = 500;
/** … for this long, ms. */
const EXCUSED_MS = 200;

/** What an {@link RtpIngest} works with. */
export interface RtpIngestParts {
  readonly input: Pick<RtpIngestOptions, "sourceName" | "tracks" | "trusted">;
  readonly sink: IngestSink;
  readonly clock: Clock;
  readonly random: Random;
  /** Shared among the inputs of a channel. */
  readonly generations?: SourceGenerations;
}

/**
 * Makes packets, descriptions and reports of a channel from the RTP and RTCP datagrams of one input. Sans-IO: the owner
 * of the sockets passes the datagrams in.
 *
 * Counts what it drops in `drops`: `untrusted-source`, `malformed-rtp`, `malformed-rtcp`, `payload-type`,
 * `second-source`, `sequence-jump`, `duplicate`.
 */
export class RtpIngest implements Ingest {
  readonly drops = new Counters();
  /** Media of the tracks, in their order. */
  readonly media: readonly number[];
  readonly #sink: IngestSink;
  readonly #tracks: readonly TrackIngest[];
  /** Of each track. */
  readonly #trusts: readonly SenderTrust[];
  /** Of each track, the last sender that was found to be trusted. */
  readonly #senders: (Remote | undefined)[];
  readonly #ssrc: number;
  readonly #cancelTick: Cancel;
  #isClosed = false;
  readonly #clock: Clock;
  #tickedAt: number;

  constructor(parts: RtpIngestParts) {
    const { clock, input, sink, random } = parts;
    const generations = parts.generations ?? new SourceGenerations();
    this.#sink = sink;
    this.media = mediumNumbers(input.tracks.map(({ kind }) => kind));
    this.#tracks = input.tracks.map((track, index) => {
      return new TrackIngest({
        track,
        medium: this.media[index] as number,
        companions: this.media,
        sourceName: input.sourceName,
        sink,
        clock,
        generations,
        drops: this.drops,
        onChange: () => this.#describe(),
      });
    });
    this.#trusts = input.tracks.map(({ group }) => {
      return new SenderTrust(group?.sources ?? input.trusted);
    });
    this.#senders = input.tracks.map(() => undefined);
    this.#ssrc = random.uint32();
    this.#clock = clock;
    this.#tickedAt = clock.now();
    this.#cancelTick = every(clock, "ingest-reports", TICK_MS, () => this.#tick());
  }

  /** RTP packets published, and their bytes. */
  get packets(): number {
    return this.#tracks.reduce((sum, { packets }) => sum + packets, 0);
  }

  get bytes(): number {
    return this.#tracks.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** The tracks received so far, for the description. */
  get tracks(): Track[] {
    return this.#tracks.flatMap(({ track }) => track ?? []);
  }

  /**
   * Handles a datagram of the track at `index`; RTCP differs from RTP by its type (RFC 5761). Borrowed until return.
   *
   * @param from the sender; checked only when it is another object than before
   * @returns what it was; undefined when its sender is not trusted
   */
  datagram(index: number, bytes: Uint8Array, from: Remote): "rtp" | "rtcp" | undefined {
    const track = this.#tracks[index];
    const trust = this.#trusts[index];
    if (track === undefined || trust === undefined || this.#isClosed) return undefined;
    const isControl = isRtcp(bytes);
    if (from !== this.#senders[index]) {
      if (!trust.admits(from.host) || (isControl && !trust.isSettled)) {
        this.drops.add("untrusted-source");
        return undefined;
      }
      if (trust.isSettled) this.#senders[index] = from;
    }
    if (isControl) {
      const packets = decodeRtcp(bytes);
      if (typeof packets === "string") this.drops.add("malformed-rtcp");
      else track.rtcp(packets);
      return "rtcp";
    }
    if (track.rtp(bytes)) trust.accepted(from);
    return "rtp";
  }

  /**
   * A receiver report for the sender of the track at `index`, due every five seconds (RFC 3550 §6.2); undefined without
   * a source.
   */
  receiverReport(index: number): Uint8Array | undefined {
    const report = this.#tracks[index]?.receptionReport();
    if (report === undefined) return undefined;
    const ssrc = this.#ssrc;
    return encodeRtcp([
      { type: "receiver-report", ssrc, reports: [report] },
      { type: "source-description", ssrc, cname: "meander" },
    ]);
  }

  /** Ends its sources. Later datagrams are ignored. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelTick();
    for (const track of this.#tracks) track.close();
  }

  #tick(): void {
    const now = this.#clock.now();
    if (now - this.#tickedAt > TICK_MS + STOOD_STILL_MS) {
      for (const track of this.#tracks) track.excuse(now + EXCUSED_MS);
    }
    this.#tickedAt = now;
    for (const [index, trust] of this.#trusts.entries()) {
      if (trust.tick()) this.#senders[index] = undefined;
    }
    for (const track of this.#tracks) track.tick();
    if (this.tracks.length > 0) this.#describe();
  }

  #describe(): void {
    this.#sink.describe(this.tracks);
  }
}
