import {
  type ControlMessage,
  type Description,
  decodeControl,
  encodeControl,
  encodePacket,
  generationOf,
  KIND,
  MEDIUM,
  mediumOf,
  payloadOf,
  sourceOf,
} from "../../wire/index.ts";
import type { Distributor } from "../egress/distributor.ts";
import { PeerOutlet, SinkOutlet } from "../egress/outlet.ts";
import type { Subscriber } from "../egress/subscriber.ts";
import type { SourceId } from "./channel-publisher.ts";

const NO_SOURCE: SourceId = { source: 0, generation: 0, medium: MEDIUM.control };

/** Sends a channel's in-band messages to its subscribers, and keeps the newest for newcomers. [W30]-[W34] */
export class Announcer {
  /** Sites that the channel passes through, this one last. */
  path: readonly string[] = [];
  /** Add to our clock to get the ingest's, ms. */
  originOffsetMs: number | undefined;
  #description: Uint8Array | undefined;
  /** The newest report of each medium. */
  readonly #reports = new Map<number, Uint8Array>();
  readonly #channel: number;
  readonly #distributor: Distributor;
  readonly #nextSequence: () => number;

  /** @param channel id, for headers */
  constructor(channel: number, distributor: Distributor, nextSequence: () => number) {
    this.#channel = channel;
    this.#distributor = distributor;
    this.#nextSequence = nextSequence;
  }

  /** An in-band message as a packet of this channel. */
  packet(
    message: ControlMessage,
    { source, generation, medium }: SourceId = NO_SOURCE,
  ): Uint8Array {
    return encodePacket(
      {
        kind: KIND.control,
        flags: 0,
        channel: this.#channel,
        source,
        medium,
        sourceGeneration: generation,
        sequence: this.#nextSequence(),
      },
      encodeControl(message),
    );
  }

  describe(description: Description): void {
    this.keepDescription(this.packet({ type: "description", description }));
  }

  /** Keeps a description packet and forwards it. */
  keepDescription(packet: Uint8Array): void {
    const repeated = this.#description !== undefined && haveOnePayload(packet, this.#description);
    this.#description = packet;
    this.#distributor.announce(packet, { patient: repeated, repeated });
  }

  /** Keeps a report packet and forwards it. */
  keepReport(packet: Uint8Array): void {
    this.#reports.set(mediumOf(packet), packet);
    this.#distributor.announce(packet, { patient: true });
  }

  /** A source has ended: newcomers are not told how its clock stood. */
  forgetReport({ source, generation, medium }: SourceId): void {
    const kept = this.#reports.get(medium);
    if (kept === undefined) return;
    if (sourceOf(kept) === source && generationOf(kept) === generation)
      this.#reports.delete(medium);
  }

  /** Forwards a packet to all subscribers except standbys. */
  forward(packet: Uint8Array): void {
    this.#distributor.announce(packet, {});
  }

  /** Sends a newcomer what it gets first: description, path, last reports. */
  introduce(subscriber: Subscriber, description: Description | undefined): void {
    const { outlet } = subscriber;
    if (outlet instanceof SinkOutlet) {
      if (description !== undefined) outlet.sink.description(description);
      // A receiver that learned how the clocks relate only after the first packets would have to shift its time base.
      for (const packet of this.#reports.values()) {
        const report = decodeControl(payloadOf(packet));
        if (typeof report === "string" || report.type !== "report") continue;
        const { ingestMs, rtpTimestamp, rtcp } = report;
        outlet.sink.report({ ...sourceIdOf(packet), ingestMs, rtpTimestamp, rtcp });
      }
      return;
    }
    if (this.#description !== undefined) outlet.send(this.#description);
    this.tellPath(subscriber);
    for (const packet of this.#reports.values()) outlet.send(packet);
  }

  /** Announces the path to all subscribers, including standbys. @param patient true when it has not changed */
  announcePath(patient: boolean): void {
    if (this.path.length === 0) return;
    this.#distributor.announce(this.#pathPacket(), { patient, standbys: true });
  }

  tellPath({ outlet }: Subscriber): void {
    if (this.path.length > 0 && outlet instanceof PeerOutlet) outlet.send(this.#pathPacket());
  }

  #pathPacket(): Uint8Array {
    const originOffsetMs = this.originOffsetMs ?? 0;
    return this.packet({ type: "path", sites: this.path, originOffsetMs });
  }
}

/** The source that the header of a packet names. */
export function sourceIdOf(packet: Uint8Array): SourceId {
  return {
    source: sourceOf(packet),
    generation: generationOf(packet),
    medium: mediumOf(packet),
  };
}

/** Whether two packets have the same payload. */
function haveOnePayload(one: Uint8Array, other: Uint8Array): boolean {
  const [a, b] = [payloadOf(one), payloadOf(other)];
  return a.byteLength === b.byteLength && a.every((byte, index) => byte === b[index]);
}
