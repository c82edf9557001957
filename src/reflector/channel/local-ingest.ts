import { type Cancel, type Clock, type Counters, LIMITS } from "../../base/index.ts";
import { type InBandMessage, SourceWindows } from "../../channel/index.ts";
import type { SourcePoint, Track } from "../../wire/index.ts";
import type { Announcer } from "./announcer.ts";
import type { ChannelPublisher, SourceId, SourceReport } from "./channel-publisher.ts";

/** What a {@link LocalIngest} works with. */
export interface LocalIngestOptions {
  /** The channel's id. */
  readonly id: number;
  readonly clock: Clock;
  /** Counts `duplicate`, `too-old` and `ingest-loss`. */
  readonly drops: Counters;
  readonly announcer: Announcer;
  /** A packet that is new by identity. @param now ms */
  onPacket(packet: Uint8Array, now: number): void;
  onInBand(message: InBandMessage, packet: Uint8Array): void;
  /** What the channel carries, again or changed. */
  onTracks(tracks: readonly Track[]): void;
  /** A publisher was opened. */
  onOpened(): void;
  /** The last publisher was closed. */
  onEnded(): void;
}

/**
 * A source that has ended is described for so much longer, ms: its last packets are still on their way, and who was
 * told that it is gone would not expect them.
 */
const FAREWELL_MS = 1_500;

/** The publishing half of a channel, where it is ingested at this site: the counterpart of the `Receiver`. */
export class LocalIngest {
  readonly #options: LocalIngestOptions;
  readonly #windows = new SourceWindows();
  #openCount = 0;
  /** As described last. */
  #tracks: readonly Track[] = [];
  /** When sources ended, ms. */
  readonly #endedAt = new Map<string, number>();
  #cancelFarewell: Cancel | undefined;

  constructor(options: LocalIngestOptions) {
    this.#options = options;
  }

  /** Whether the channel is ingested here. */
  get isOpen(): boolean {
    return this.#openCount > 0;
  }

  /** Newest identities published. @param now ms */
  newest(now: number): SourcePoint[] {
    return this.#windows.newest(now);
  }

  /**
   * Whether a packet that has not come may have been overtaken on its way to this site. The ingest says when it gives
   * one up; doors that do not are waited for as long as subscribers wait.
   */
  mayArrive(point: SourcePoint): boolean {
    const sinceMs = this.#options.clock.now() - LIMITS.repairMsMax;
    return this.isOpen && this.#windows.find(point)?.misses(point.sequence, sinceMs) === true;
  }

  open(): ChannelPublisher {
    this.#openCount++;
    this.#options.onOpened();
    return new LocalPublisher(this, this.#options.id);
  }

  publish(packet: Uint8Array): void {
    const { clock, drops, onPacket } = this.#options;
    const now = clock.now();
    const verdict = this.#windows.accept(packet, now);
    if (verdict === "new") onPacket(packet, now);
    else drops.add(verdict);
  }

  describe(tracks: readonly Track[]): void {
    this.#tracks = tracks;
    this.#options.onTracks(this.#present());
  }

  /** Says again that nothing is published, for subscribers that may have missed it. */
  repeat(): void {
    const isOver = this.#openCount === 0 && this.#tracks.length > 0;
    if (isOver && this.#present().length === 0) this.#options.onTracks([]);
  }

  report({ ingestMs, rtpTimestamp, rtcp, ...source }: SourceReport): void {
    this.#announce({ type: "report", ingestMs, rtpTimestamp, rtcp }, source);
  }

  gap(source: SourceId, sequence: number, count: number): void {
    this.#options.drops.add("ingest-loss", count);
    this.#windows.find(source)?.abandon(sequence, count);
    this.#announce({ type: "gap", sequence, count }, source);
  }

  bye(source: SourceId): void {
    this.#announce({ type: "bye" }, source);
    this.#part(source);
  }

  closed(): void {
    if (--this.#openCount > 0) return;
    for (const track of this.#tracks) if (!this.#endedAt.has(keyOf(track))) this.bye(track);
    this.#options.onEnded();
  }

  /** Ends its timers. */
  close(): void {
    this.#cancelFarewell?.();
  }

  /** A source has ended; soon it is not described any more. */
  #part(source: SourceId): void {
    const { clock } = this.#options;
    const key = keyOf(source);
    if (this.#endedAt.has(key)) return;
    this.#endedAt.set(key, clock.now());
    this.#cancelFarewell?.();
    this.#cancelFarewell = clock.after("farewell", FAREWELL_MS, () => {
      if (this.#tracks.length > 0) this.#options.onTracks(this.#present());
    });
  }

  /** The tracks without those that ended a while ago. */
  #present(): readonly Track[] {
    const described = new Set(this.#tracks.map(keyOf));
    const since = this.#options.clock.now() - FAREWELL_MS;
    for (const [key, at] of this.#endedAt) {
      if (at <= since && !described.has(key)) this.#endedAt.delete(key);
    }
    return this.#tracks.filter((track) => {
      return (this.#endedAt.get(keyOf(track)) ?? Number.POSITIVE_INFINITY) > since;
    });
  }

  #announce(message: Exclude<InBandMessage, { type: "path" }>, source: SourceId): void {
    this.#options.onInBand(message, this.#options.announcer.packet(message, source));
  }
}

/** One publisher's access to a {@link LocalIngest}, until it is closed. */
class LocalPublisher implements ChannelPublisher {
  readonly channelId: number;
  readonly #ingest: LocalIngest;
  #isOpen = true;

  constructor(ingest: LocalIngest, channelId: number) {
    this.#ingest = ingest;
    this.channelId = channelId;
  }

  publish(packet: Uint8Array): void {
    if (this.#isOpen) this.#ingest.publish(packet);
  }

  describe(tracks: readonly Track[]): void {
    if (this.#isOpen) this.#ingest.describe(tracks);
  }

  report(report: SourceReport): void {
    if (this.#isOpen) this.#ingest.report(report);
  }

  gap(source: SourceId, sequence: number, count: number): void {
    if (this.#isOpen) this.#ingest.gap(source, sequence, count);
  }

  bye(source: SourceId): void {
    if (this.#isOpen) this.#ingest.bye(source);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#ingest.closed();
  }
}

function keyOf({ source, generation, medium }: SourceId): string {
  return `${medium}/${source}/${generation}`;
}
