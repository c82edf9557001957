import type { Clock } from "../../base/index.ts";
import type {
  ChannelPublisher,
  InputSnapshot,
  SourceId,
  SourceReport,
} from "../../reflector/index.ts";
import type { Track } from "../../wire/index.ts";
import type { Ingest, IngestSink } from "../doors/ingest-door.ts";
import { isEntry, StandbyBuffer } from "./standby-buffer.ts";

/** The primary's last packets may still be on their way when its twin's have arrived, ms. */
const OVERLAP_MS = 100;

/** What a door says of an input that it opens. */
export interface InputDescription {
  /** Unique among the inputs of the channel. */
  readonly name: string;
  readonly kind: InputSnapshot["kind"];
  /** What it arrives over, in words. */
  readonly stack: string;
  /** The senders that it accepts packets from, in words. */
  readonly senders: string;
  /** True: of all such inputs one is forwarded, the primary. False: it is forwarded beside the others. */
  readonly isRedundant: boolean;
}

/** What a {@link ChannelInput} works with. */
export interface ChannelInputOptions {
  readonly about: InputDescription;
  readonly publisher: ChannelPublisher;
  readonly clock: Clock;
  silenceMs(): number;
  /** Whether what arrives is passed on now. */
  isForwarded(): boolean;
  /** A packet arrived; called before it is forwarded or kept. */
  onPacket(packet: Uint8Array): void;
  onDescribed(): void;
  /** True when another input still carries the source. */
  isCarriedElsewhere(source: SourceId): boolean;
}

/**
 * One input of a channel: passes on what its door receives, or keeps the latest packets while it is not the primary.
 */
export class ChannelInput implements IngestSink {
  readonly about: InputDescription;
  readonly channelId: number;
  /** Time of day when it was opened, ms. */
  readonly openedAt: number;
  readonly #options: ChannelInputOptions;
  readonly #clock: Clock;
  readonly #buffer = new StandbyBuffer();
  #ingest: Ingest | undefined;
  #tracks: readonly Track[] = [];
  #lastAt = Number.NEGATIVE_INFINITY;
  #steadySince = 0;
  #hasEntries = false;

  constructor(options: ChannelInputOptions) {
    const { about, clock, publisher } = options;
    this.about = about;
    this.channelId = publisher.channelId;
    this.openedAt = clock.wall();
    this.#options = options;
    this.#clock = clock;
  }

  get name(): string {
    return this.about.name;
  }

  /** The tracks received so far. */
  get tracks(): readonly Track[] {
    return this.#tracks;
  }

  /** When the last packet arrived, ms; -Infinity: none has. */
  get lastAt(): number {
    return this.#lastAt;
  }

  /** True when nothing arrived for the silence allowed. */
  get isSilent(): boolean {
    return this.#clock.now() - this.#lastAt > this.#options.silenceMs();
  }

  /** Since when packets arrive without such silence, ms. */
  get steadySince(): number {
    return this.#steadySince;
  }

  /** True when a change to this input can wait for a key frame. */
  get hasEntries(): boolean {
    return this.#hasEntries;
  }

  /** Sets what makes its packets; once. */
  attach(ingest: Ingest): void {
    this.#ingest = ingest;
  }

  carries({ source, medium }: SourceId): boolean {
    return this.#tracks.some((track) => track.source === source && track.medium === medium);
  }

  /**
   * What to send when this input takes over from `previous`: the packets of the time it was silent if both carry the
   * same capture, else those from the newest key frame on. Empties the buffer.
   */
  takeOver(previous: ChannelInput | undefined): Uint8Array[] {
    const isTwin = previous?.tracks.some((track) => this.carries(track)) ?? false;
    const packets =
      isTwin && previous !== undefined
        ? this.#buffer.since(previous.lastAt - OVERLAP_MS)
        : this.#buffer.sinceEntry();
    this.#buffer.clear();
    return packets;
  }

  snapshot(isPrimary: boolean): InputSnapshot {
    const { isRedundant, kind, name, stack } = this.about;
    const heard = this.isSilent ? "down" : isPrimary ? "active" : "standby";
    const isFresh = this.#lastAt === Number.NEGATIVE_INFINITY;
    return {
      kind,
      name,
      connection: stack,
      state: isRedundant ? (isFresh ? "connecting" : heard) : "active",
      packets: this.#ingest?.packets ?? 0,
      bytes: this.#ingest?.bytes ?? 0,
      drops: this.#ingest?.drops.toJSON() ?? {},
    };
  }

  packet(packet: Uint8Array): void {
    const { about, isForwarded, onPacket, publisher, silenceMs } = this.#options;
    const now = this.#clock.now();
    if (now - this.#lastAt > silenceMs()) this.#steadySince = now;
    this.#lastAt = now;
    this.#hasEntries ||= isEntry(packet);
    if (about.isRedundant) onPacket(packet);
    if (isForwarded()) {
      publisher.publish(packet);
      return;
    }
    this.#ingest?.drops.add("standby-input");
    this.#buffer.keep(packet, now, now - silenceMs() - OVERLAP_MS);
  }

  describe(tracks: readonly Track[]): void {
    this.#tracks = tracks;
    if (this.#options.isForwarded()) this.#options.onDescribed();
  }

  report(report: SourceReport): void {
    if (this.#options.isForwarded()) this.#options.publisher.report(report);
  }

  gap(source: SourceId, sequence: number, count: number): void {
    if (this.#options.isForwarded()) this.#options.publisher.gap(source, sequence, count);
  }

  bye(source: SourceId): void {
    const { isCarriedElsewhere, isForwarded, publisher } = this.#options;
    if (isForwarded() && !isCarriedElsewhere(source)) publisher.bye(source);
  }

  /** Ends its sources. */
  close(): void {
    this.#ingest?.close();
  }
}
