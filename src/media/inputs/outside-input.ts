import type { Clock } from "../../base/index.ts";
import type {
  ChannelPublisher,
  IngestOptions,
  InputSnapshot,
  SourceId,
  SourceReport,
} from "../../reflector/index.ts";
import type { Track } from "../../wire/index.ts";
import { RtpIngest, type RtpIngestOptions } from "../doors/rtp/rtp-ingest.ts";
import { isEntry, StandbyBuffer } from "./standby-buffer.ts";

/** A primary's last packets may still be on their way here when its twin's have come, ms. */
const OVERLAP_MS = 100;

export interface OutsideInputOptions extends Omit<RtpIngestOptions, "input" | "publisher"> {
  readonly input: IngestOptions;
  readonly publisher: ChannelPublisher;
  silenceMs(): number;
  isPrimary(): boolean;
  /** A packet came; called before it is forwarded or kept. */
  onPacket(packet: Uint8Array): void;
  onDescribed(): void;
  /** True when another input still carries the source. */
  isCarriedElsewhere(source: SourceId): boolean;
}

/** One outside input of a channel: it forwards while it is primary, and keeps its latest packets while it is not. */
export class OutsideInput {
  readonly name: string;
  readonly ingest: RtpIngest;
  /** Our wall clock when it was opened, ms. */
  readonly openedAt: number;
  readonly #options: OutsideInputOptions;
  readonly #clock: Clock;
  readonly #buffer = new StandbyBuffer();
  #lastAt = Number.NEGATIVE_INFINITY;
  #steadySince = 0;
  #hasEntries = false;

  constructor(options: OutsideInputOptions) {
    const { clock, generations, input, random } = options;
    this.name = input.input;
    this.openedAt = clock.wall();
    this.#options = options;
    this.#clock = clock;
    this.ingest = new RtpIngest({
      input,
      publisher: this.#gate(),
      clock,
      random,
      ...(generations === undefined ? {} : { generations }),
    });
  }

  /** When the last packet came, ms; -Infinity before. */
  get lastAt(): number {
    return this.#lastAt;
  }

  /** True when nothing came for the silence allowed. */
  get isSilent(): boolean {
    return this.#clock.now() - this.#lastAt > this.#options.silenceMs();
  }

  /** Since when packets come without such silence, ms. */
  get steadySince(): number {
    return this.#steadySince;
  }

  /** True when a change to this input can wait for a key frame. */
  get hasEntries(): boolean {
    return this.#hasEntries;
  }

  /** Whom it takes packets from, in words. */
  get senders(): string {
    const { tracks, trusted } = this.#options.input;
    const groups = new Set(tracks.flatMap(({ group }) => group?.address ?? []));
    if (groups.size > 0) return `group ${[...groups].join(", ")}`;
    return trusted === "first" ? "whoever sends first" : trusted.join(", ");
  }

  carries({ source, medium }: SourceId): boolean {
    return this.ingest.tracks.some((track) => track.source === source && track.medium === medium);
  }

  /**
   * What to send when this input takes over from `previous`: the time it was silent if both carry the same capture, else
   * from the newest key frame. Empties the buffer.
   */
  takeOver(previous: OutsideInput | undefined): Uint8Array[] {
    const isTwin = previous?.ingest.tracks.some((track) => this.carries(track)) ?? false;
    const packets =
      isTwin && previous !== undefined
        ? this.#buffer.since(previous.lastAt - OVERLAP_MS)
        : this.#buffer.sinceEntry();
    this.#buffer.clear();
    return packets;
  }

  snapshot(isPrimary: boolean): InputSnapshot {
    const { bytes, drops, packets } = this.ingest;
    const heard = this.isSilent ? "down" : isPrimary ? "active" : "standby";
    return {
      kind: "rtp",
      name: this.name,
      connection: "rtp",
      state: this.#lastAt === Number.NEGATIVE_INFINITY ? "connecting" : heard,
      packets,
      bytes,
      drops: drops.toJSON(),
    };
  }

  /** The channel's publisher, as this input sees it. */
  #gate(): ChannelPublisher {
    const { publisher } = this.#options;
    const ifPrimary = (task: () => void): void => {
      if (this.#options.isPrimary()) task();
    };
    return {
      channelId: publisher.channelId,
      publish: (packet) => this.#publish(packet),
      describe: (_tracks: readonly Track[]) => ifPrimary(() => this.#options.onDescribed()),
      report: (report: SourceReport) => ifPrimary(() => publisher.report(report)),
      gap: (source, sequence, count) => ifPrimary(() => publisher.gap(source, sequence, count)),
      bye: (source) =>
        ifPrimary(() => {
          if (!this.#options.isCarriedElsewhere(source)) publisher.bye(source);
        }),
      close() {},
    };
  }

  #publish(packet: Uint8Array): void {
    const now = this.#clock.now();
    if (now - this.#lastAt > this.#options.silenceMs()) this.#steadySince = now;
    this.#lastAt = now;
    this.#hasEntries ||= isEntry(packet);
    this.#options.onPacket(packet);
    if (this.#options.isPrimary()) {
      this.#options.publisher.publish(packet);
      return;
    }
    this.ingest.drops.add("standby-input");
    this.#buffer.keep(packet, now, now - this.#options.silenceMs() - OVERLAP_MS);
  }
}
