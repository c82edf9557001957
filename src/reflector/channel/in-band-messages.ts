import { type Log, messageOf } from "../../base/index.ts";
import type { InBandMessage } from "../../channel/index.ts";
import {
  type Description,
  generationOf,
  HEADER_BYTES,
  KIND,
  kindOf,
  mediumOf,
  sourceOf,
  type Track,
  tellsKeyFrames,
} from "../../wire/index.ts";
import type { Distributor } from "../egress/distributor.ts";
import { SinkOutlet } from "../egress/outlet.ts";
import type { PlaneEvent } from "../events.ts";
import type { Announcer } from "./announcer.ts";
import { ArrivalMeter } from "./arrival-meter.ts";
import type { DescriptionBuilder } from "./description-builder.ts";

/** What {@link InBandMessages} work with. */
export interface InBandMessagesOptions {
  /** The channel's name. */
  readonly channel: string;
  readonly site: string;
  readonly log: Log;
  readonly announcer: Announcer;
  readonly distributor: Distributor;
  readonly descriptions: DescriptionBuilder;
  /** Add to our clock to get that of the active upstream, ms; undefined: unknown. */
  clockOffset(): number | undefined;
  onEvent(event: PlaneEvent): void;
}

/**
 * What a channel's messages in band say (description, reports, path), from the ingest at this site or from upstream:
 * applied here, kept for newcomers, and passed on. [W30]-[W34]
 */
export class InBandMessages {
  readonly #options: InBandMessagesOptions;
  #description: Description | undefined;
  /** Of the first video, or audio, of the description. */
  #meter: ArrivalMeter | undefined;

  constructor(options: InBandMessagesOptions) {
    this.#options = options;
  }

  get description(): Description | undefined {
    return this.#description;
  }

  get latencyMs(): number | undefined {
    return this.#meter?.latencyMs;
  }

  get jitterMs(): number | undefined {
    return this.#meter?.jitterMs;
  }

  /** Measures a packet of the channel. @param now ms */
  measure(packet: Uint8Array, now: number): void {
    const meter = this.#meter;
    if (meter === undefined || sourceOf(packet) !== meter.source) return;
    if (kindOf(packet) === KIND.rtp && packet.byteLength >= HEADER_BYTES + 12) {
      meter.packet(packet, now, this.#options.announcer.originOffsetMs);
    }
  }

  /** Handles a message. @param packet the whole packet, for passing on */
  receive(message: InBandMessage, packet: Uint8Array): void {
    const { announcer, site } = this.#options;
    switch (message.type) {
      case "description": {
        const { revision, ingest } = message.description;
        const known = this.#description;
        if (revision !== known?.revision || ingest !== known.ingest) {
          this.#setDescription(message.description);
        }
        announcer.keepDescription(packet);
        return;
      }
      case "report": {
        const { ingestMs, rtpTimestamp, rtcp } = message;
        const source = sourceOf(packet);
        if (source === this.#meter?.source) this.#meter.report(ingestMs, rtpTimestamp);
        const id = { source, generation: generationOf(packet), medium: mediumOf(packet) };
        this.#tellSinks((sink) => sink.report({ ...id, ingestMs, rtpTimestamp, rtcp }));
        announcer.keepReport(packet);
        return;
      }
      case "path": {
        if (message.sites.length === 0) {
          this.setPath([], undefined);
          return;
        }
        const offset = this.#options.clockOffset();
        const origin = offset === undefined ? undefined : offset + message.originOffsetMs;
        this.setPath([...message.sites, site], origin ?? announcer.originOffsetMs);
        return;
      }
      case "bye":
        announcer.sourceEnded(packet);
        return;
      default:
        announcer.forward(packet);
    }
  }

  /** Describes what is ingested at this site; repeated where nothing changed. */
  describe(tracks: readonly Track[]): void {
    const { announcer, descriptions } = this.#options;
    const description = descriptions.build(tracks, this.#description);
    if (description !== this.#description) this.#setDescription(description);
    announcer.describe(description);
  }

  /** @param path sites, this one last; empty: the channel does not arrive. @param originOffsetMs undefined: unknown */
  setPath(path: readonly string[], originOffsetMs: number | undefined): void {
    const { announcer } = this.#options;
    const changed = path.join() !== announcer.path.join();
    announcer.path = path;
    announcer.originOffsetMs = originOffsetMs;
    if (changed) announcer.announcePath(false);
  }

  #setDescription(description: Description): void {
    const { channel, distributor, onEvent } = this.#options;
    this.#description = description;
    const { tracks } = description;
    distributor.hasVideo = tracks.some((t) => t.kind === "video" && tellsKeyFrames(t.codec));
    const metered =
      tracks.find(({ kind }) => kind === "video") ?? tracks.find(({ kind }) => kind === "audio");
    if (metered === undefined) this.#meter = undefined;
    else if (
      metered.source !== this.#meter?.source ||
      metered.generation !== this.#meter.generation
    ) {
      this.#meter = new ArrivalMeter(metered);
    }
    this.#tellSinks((sink) => sink.description(description));
    onEvent({ type: "described", channel, description });
  }

  #tellSinks(tell: (sink: SinkOutlet["sink"]) => void): void {
    const { channel, distributor, log } = this.#options;
    for (const { outlet } of distributor.subscribers.values()) {
      if (!(outlet instanceof SinkOutlet)) continue;
      try {
        tell(outlet.sink);
      } catch (error) {
        log.error("An output failed.", { channel, error: messageOf(error) });
      }
    }
  }
}
