import type { History, InBandEntry } from "../../channel/index.ts";
import {
  type ChannelStall,
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
import { type Outlet, PeerOutlet, SinkOutlet } from "../egress/outlet.ts";
import type { Subscriber } from "../egress/subscriber.ts";
import type { SourceId } from "./channel-publisher.ts";

const NO_SOURCE: SourceId = { source: 0, generation: 0, medium: MEDIUM.control };

/** Sends a channel's in-band messages to its subscribers, and keeps the newest for newcomers. [W30]-[W34] */
export class Announcer {
  /** Sites that the channel passes through, this one last. */
  path: readonly string[] = [];
  /** Add to our clock to get the ingest's, ms. */
  originOffsetMs: number | undefined;
  /** Why the channel does not arrive although it is wanted. */
  stall: ChannelStall | undefined;
  /** Sites that the channel would pass through if it were wanted, this one last. */
  #idleWay: readonly string[] = [];
  #description: Uint8Array | undefined;
  /** The newest report of each medium. */
  readonly #reports = new Map<number, Uint8Array>();
  readonly #channel: number;
  readonly #history: History;
  readonly #distributor: Distributor;
  readonly #nextSequence: () => number;
  readonly #quietMs: () => number;

  /**
   * @param channel id, for headers
   * @param quietMs since how long nothing has arrived, ms
   */
  constructor(
    channel: number,
    history: History,
    distributor: Distributor,
    { nextSequence, quietMs }: { nextSequence(): number; quietMs(): number },
  ) {
    this.#quietMs = quietMs;
    this.#channel = channel;
    this.#history = history;
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
    if (!repeated) this.#note("description", packet);
    this.#distributor.announce(packet, { patient: repeated, repeated, placed: true });
  }

  /** Keeps a report packet and forwards it. */
  keepReport(packet: Uint8Array): void {
    this.#reports.set(mediumOf(packet), packet);
    this.#note("report", packet);
    this.#distributor.announce(packet, { patient: true, placed: true });
  }

  /** Forwards a packet that says that its source has ended. */
  sourceEnded(packet: Uint8Array): void {
    this.#note("bye", packet);
    this.#distributor.announce(packet, { placed: true });
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

  /**
   * Sends a subscriber what it gets first: description, path, reports; a newcomer the newest, one that continues from
   * `position` those that held there.
   *
   * @returns the serial number of the newest message that it needs no more
   */
  introduce(
    { outlet }: Subscriber,
    description: Description | undefined,
    position: number | undefined,
  ): number {
    const { messages } = this.#history;
    if (outlet instanceof SinkOutlet) {
      if (description !== undefined) outlet.sink.description(description);
      // A receiver that learned how the clocks relate only after the first packets would have to shift its time base.
      for (const packet of this.#reports.values()) {
        const report = decodeControl(payloadOf(packet));
        if (typeof report === "string" || report.type !== "report") continue;
        const { ingestMs, rtpTimestamp, rtcp } = report;
        outlet.sink.report({ ...sourceIdOf(packet), ingestMs, rtpTimestamp, rtcp });
      }
      return messages.newest;
    }
    const then = position === undefined ? undefined : messages.standing(position);
    const described = then?.entries.findLast(({ type }) => type === "description")?.packet;
    const first = described ?? this.#description;
    if (first !== undefined) outlet.send(first);
    this.#tellPath(outlet);
    const reports =
      then?.entries.filter(({ type }) => type === "report").map(({ packet }) => packet) ??
      this.#reports.values();
    for (const packet of reports) outlet.send(packet);
    return then?.serial ?? messages.newest;
  }

  /** Announces the path to all subscribers, including standbys. @param patient true when it has not changed */
  announcePath(patient: boolean): void {
    if (!this.#hasNews) return;
    this.#distributor.announce(this.#pathPacket(), { patient, standbys: true });
  }

  tellPath({ outlet }: Subscriber): void {
    this.#tellPath(outlet);
  }

  /** Sets the way that the channel would take. Those who are ready to receive it from here are told a change. */
  setIdleWay(way: readonly string[]): void {
    if (way.join() === this.#idleWay.join()) return;
    this.#idleWay = way;
    this.announcePath(false);
  }

  /** Whether there is anything to tell of the path. */
  get #hasNews(): boolean {
    return this.path.length + this.#idleWay.length > 0 || this.stall !== undefined;
  }

  #tellPath(outlet: Outlet): void {
    if (this.#hasNews && outlet instanceof PeerOutlet) outlet.send(this.#pathPacket());
  }

  #note(type: InBandEntry["type"], packet: Uint8Array): void {
    this.#history.messages.add(type, packet, this.#history.end);
  }

  #pathPacket(): Uint8Array {
    const originOffsetMs = this.originOffsetMs ?? 0;
    const about = { type: "path", originOffsetMs, quietMs: Math.round(this.#quietMs()) } as const;
    const { path, stall } = this;
    if (path.length > 0) return this.packet({ ...about, sites: path });
    if (stall !== undefined) return this.packet({ ...about, sites: [], stalled: stall });
    return this.packet({ ...about, sites: this.#idleWay, idle: true });
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
