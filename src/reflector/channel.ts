import { type Clock, Counters, LIMITS, type Log, messageOf, serialAdd } from "../base/index.ts";
import { History, type InBandMessage, Receiver, SourceWindows } from "../channel/index.ts";
import type { ChannelConfig } from "../session/index.ts";
import {
  type ControlMessage,
  type Description,
  encodeControl,
  encodePacket,
  FLAG,
  flagsOf,
  generationOf,
  HEADER_BYTES,
  KIND,
  kindOf,
  MEDIUM,
  mediumOf,
  type SourcePoint,
  sourceOf,
  type Track,
} from "../wire/index.ts";
import { ArrivalMeter } from "./arrival-meter.ts";
import type { ChannelPublisher, SourceId, SourceReport } from "./channel-publisher.ts";
import type { PlaneEvent } from "./events.ts";
import { type Outlet, PeerOutlet, SinkOutlet } from "./outlet.ts";
import type { ChannelSnapshot, SubscriberSnapshot } from "./snapshot.ts";
import { joinPackets, Subscriber } from "./subscriber.ts";

/** Bytes of one write to stream subscribers; a larger frame goes in several. */
const BATCH_BYTES = 56 * 1024;
/** A pause of the channel this long makes its end worth telling, ms; told so many times, then every second. */
const TAIL_MS = 60;
const TAILS = 3;
/** Weight of the newest second in the rate. */
const RATE_GAIN = 0.5;

export interface ChannelOptions {
  readonly name: string;
  readonly id: number;
  readonly site: string;
  readonly config: ChannelConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly lingerMs: number;
  onEvent(event: PlaneEvent): void;
  /** For in-band messages that the site itself makes. */
  nextSequence(): number;
  /** Our clock to that of the alternative in use, ms. */
  clockOffsetTo(site: string): number | undefined;
}

/**
 * One channel at one site: takes packets from an ingest here or from another site, keeps the history, and passes them to
 * every subscriber at its own pace. [W50]-[W56]
 */
export class Channel {
  readonly name: string;
  readonly id: number;
  readonly history: History;
  readonly receiver: Receiver;
  readonly drops = new Counters();
  readonly subscribers = new Map<number, Subscriber>();
  config: ChannelConfig;
  description: Description | undefined;
  path: readonly string[] = [];
  packetsIn = 0;
  bytesIn = 0;
  packetsOut = 0;
  bytesOut = 0;
  /** Bytes per second, smoothed over about two seconds. */
  rate = 0;
  readonly #options: ChannelOptions;
  readonly #windows = new SourceWindows();
  readonly #reports = new Map<number, Uint8Array>();
  readonly #liveDatagrams = new Set<Subscriber>();
  readonly #liveStreams = new Set<Subscriber>();
  readonly #waiting = new Set<Subscriber>();
  #publishers = 0;
  #descriptionPacket: Uint8Array | undefined;
  #descriptionKey = "";
  #meter: ArrivalMeter | undefined;
  #hasVideo = false;
  #originOffset: number | undefined;
  #batch: Uint8Array[] = [];
  #batchBytes = 0;
  #batchPosition = 0;
  #demandAt = Number.NEGATIVE_INFINITY;
  #deliveredAt = 0;
  #tailsTold = 0;
  #ratedBytes = 0;
  #ratedAt: number;

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.name = options.name;
    this.id = options.id;
    this.config = options.config;
    this.history = new History(options.config.historyBytes);
    this.#ratedAt = options.clock.now();
    this.receiver = new Receiver({
      channel: options.name,
      self: options.site,
      clock: options.clock,
      counters: this.drops,
      silenceMs: options.config.silenceMs,
      events: {
        onPacket: (packet) => this.#deliver(packet),
        onInBand: (message, packet) => this.#inBand(message, packet),
        onSwitched: (from, to, reason) => {
          options.onEvent({ type: "input-switched", channel: this.name, from, to, reason });
        },
        onLost() {},
        onRefused: (name, { code, message }) => {
          options.log.warn("input was refused", { channel: this.name, from: name, code, message });
        },
      },
    });
  }

  /** Ingested here. */
  get ingested(): boolean {
    return this.#publishers > 0;
  }

  /** New settings, applied without disturbing anybody. */
  configure(config: ChannelConfig): void {
    this.config = config;
    this.history.bytesMax = config.historyBytes;
    this.receiver.silenceMs = config.silenceMs;
    this.#demand();
  }

  /** Opens an ingest; its packets need not be unique. */
  openPublisher(): ChannelPublisher {
    this.#publishers++;
    this.receiver.stop();
    this.path = [this.#options.site];
    this.#originOffset = 0;
    this.#announcePath();
    let open = true;
    const guarded = (task: () => void): void => {
      if (open) task();
    };
    return {
      channelId: this.id,
      publish: (packet) =>
        guarded(() => {
          const verdict = this.#windows.accept(packet, this.#options.clock.now());
          if (verdict === "new") this.#deliver(packet);
          else this.drops.add(verdict);
        }),
      describe: (tracks) => guarded(() => this.#describe(tracks)),
      report: (report) => guarded(() => this.#report(report)),
      gap: (source, sequence, count) =>
        guarded(() => {
          this.drops.add("ingest-loss", count);
          const message = { type: "gap", sequence, count } as const;
          this.#inBand(message, this.#inBandPacket(message, source));
        }),
      bye: (source) =>
        guarded(() => {
          const message = { type: "bye" } as const;
          this.#inBand(message, this.#inBandPacket(message, source));
        }),
      close: () =>
        guarded(() => {
          open = false;
          this.#publishers--;
          if (this.#publishers > 0) return;
          this.path = [];
          this.#originOffset = undefined;
          this.#demand();
        }),
    };
  }

  /** Adds a receiver. `resume` empty: from the newest key frame. `forward` false: a standby. */
  subscribe(
    id: number,
    outlet: Outlet,
    forward: boolean,
    resume: readonly SourcePoint[],
  ): Subscriber {
    const subscriber = new Subscriber(id, outlet, this.history, this.#options.clock);
    this.subscribers.set(id, subscriber);
    if (forward) this.activate(subscriber, resume);
    else this.#tellPath(subscriber);
    return subscriber;
  }

  /** (Re)starts a subscriber, from where it says it stands. */
  activate(subscriber: Subscriber, resume: readonly SourcePoint[]): void {
    this.#demandAt = this.#options.clock.now();
    this.#detach(subscriber);
    this.#greet(subscriber);
    let position = this.history.entryPoint;
    if (resume.length > 0 && this.history.count > 0) {
      const found = this.history.resumePoint(resume);
      position = found.position;
      if (!found.complete) this.drops.add("resume-incomplete");
    } else {
      for (const entry of this.history.retainedBefore(position)) {
        subscriber.send(entry.packet, 1, entry.position);
      }
    }
    subscriber.catchUp(position);
    this.#waiting.add(subscriber);
    this.#demand(resume);
    this.#pump(subscriber);
  }

  /** Makes a subscriber a standby. */
  rest(subscriber: Subscriber): void {
    this.#detach(subscriber);
    subscriber.rest();
    this.#tellPath(subscriber);
    this.#demand();
  }

  unsubscribe(subscriber: Subscriber): void {
    this.#detach(subscriber);
    this.subscribers.delete(subscriber.id);
    this.#demandAt = this.#options.clock.now();
    this.#demand();
  }

  /** Sends again what a subscriber misses, or says that it is gone. */
  repair(subscriber: Subscriber, point: SourcePoint, bitmap: number): void {
    const bits = this.history.bitsOf(point);
    for (let bit = -1; bit < 32; bit++) {
      if (bit >= 0 && (bitmap & (1 << bit)) === 0) continue;
      const wanted = { ...point, sequence: serialAdd(point.sequence, bit + 1, bits) };
      const entry = this.history.find(wanted);
      if (entry !== undefined) {
        const again = entry.packet.slice();
        again[1] = (again[1] as number) | FLAG.retransmit;
        subscriber.outlet.send(again);
        this.drops.add("repaired");
      } else if (this.ingested || !this.receiver.awaits(wanted)) {
        const message = { type: "gap", sequence: wanted.sequence, count: 1 } as const;
        subscriber.outlet.send(this.#inBandPacket(message, point));
        this.drops.add("repair-unavailable");
      }
    }
  }

  /** Flushes, paces, judges. Every 10 ms; `slow` true every 100 ms, `second` true every second. */
  tick(slow: boolean, second: boolean): void {
    this.receiver.tick();
    this.flush();
    this.#announceTail(second);
    for (const subscriber of this.#waiting) this.#pump(subscriber);
    if (slow) {
      for (const subscriber of this.subscribers.values()) {
        const before = subscriber.state;
        subscriber.judge();
        if (subscriber.state === "skipping" && before !== "skipping") this.#detach(subscriber);
      }
      this.#demand();
    }
    if (second) {
      this.#measure();
      this.#refreshOffset();
      this.#announcePath();
    }
  }

  /** Writes what is collected for stream subscribers. */
  flush(): void {
    const count = this.#batch.length;
    if (count === 0) return;
    const bytes = joinPackets(this.#batch, this.#batchBytes);
    this.#batch = [];
    this.#batchBytes = 0;
    for (const subscriber of this.#liveStreams) {
      subscriber.send(bytes, count, this.#batchPosition);
      if (subscriber.state === "skipping") this.#liveStreams.delete(subscriber);
    }
    this.packetsOut += count * this.#liveStreams.size;
    this.bytesOut += bytes.byteLength * this.#liveStreams.size;
  }

  /** Bits per second that leave here for this channel, were everyone live. */
  get outgoingBits(): number {
    let forwarding = 0;
    for (const { state } of this.subscribers.values()) if (state !== "standby") forwarding++;
    return forwarding * this.rate * 8;
  }

  close(reason: string): void {
    this.receiver.close();
    for (const subscriber of [...this.subscribers.values()]) {
      this.#detach(subscriber);
      if (subscriber.outlet instanceof SinkOutlet)
        subscriber.outlet.close("channel-closed", reason);
      else if (subscriber.outlet.kind === "viewer") {
        subscriber.outlet.close("channel-closed", reason);
      }
    }
    this.subscribers.clear();
  }

  snapshot(stack: string): ChannelSnapshot {
    return {
      name: this.name,
      id: this.id,
      description: this.description,
      path: this.path,
      packetsIn: this.packetsIn,
      bytesIn: this.bytesIn,
      packetsOut: this.packetsOut,
      bytesOut: this.bytesOut,
      drops: this.drops.toJSON(),
      latencyMs: this.#meter?.latencyMs,
      jitterMs: this.#meter?.jitterMs,
      history: {
        packets: this.history.count,
        bytes: this.history.bytes,
        ms: Math.round(this.history.spanMs),
      },
      inputs: this.receiver.alternatives.map((each) => ({
        kind: "site" as const,
        name: each.name,
        connection: stack,
        state: each.state,
        packets: each.packets,
        bytes: each.bytes,
        drops: {},
      })),
      subscribers: [...this.subscribers.values()].map(subscriberSnapshot),
    };
  }

  #deliver(packet: Uint8Array): void {
    const now = this.#options.clock.now();
    const entry = this.history.add(packet, now);
    this.#deliveredAt = now;
    this.#tailsTold = 0;
    this.packetsIn++;
    this.bytesIn += packet.byteLength;
    const meter = this.#meter;
    if (meter !== undefined && sourceOf(packet) === meter.source && kindOf(packet) === KIND.rtp) {
      if (packet.byteLength >= HEADER_BYTES + 12) meter.packet(packet, now, this.#originOffset);
    }
    for (const subscriber of this.#liveDatagrams) {
      subscriber.send(packet, 1, entry.position);
    }
    this.packetsOut += this.#liveDatagrams.size;
    this.bytesOut += this.#liveDatagrams.size * packet.byteLength;
    this.#wakeSkippers(packet, entry.position);
    if (this.#liveStreams.size === 0) return;
    if (this.#batchBytes + packet.byteLength > BATCH_BYTES) this.flush();
    this.#batch.push(packet);
    this.#batchBytes += packet.byteLength;
    this.#batchPosition = entry.position;
    if ((flagsOf(packet) & FLAG.end) !== 0) this.flush();
  }

  #wakeSkippers(packet: Uint8Array, position: number): void {
    for (const subscriber of this.subscribers.values()) {
      if (subscriber.state !== "skipping") continue;
      if (subscriber.resumesWith(packet, this.#hasVideo)) {
        subscriber.catchUp(position);
        this.#waiting.add(subscriber);
      }
    }
  }

  #pump(subscriber: Subscriber): void {
    const before = { packets: subscriber.packets, bytes: subscriber.bytes };
    const done = subscriber.pump(this.rate);
    this.packetsOut += subscriber.packets - before.packets;
    this.bytesOut += subscriber.bytes - before.bytes;
    if (subscriber.state !== "catching-up") this.#waiting.delete(subscriber);
    if (!done) return;
    // What the batch holds was just sent from the history: the others get it before this one joins them.
    this.flush();
    this.#waiting.delete(subscriber);
    subscriber.state = "live";
    (subscriber.outlet.coalesces ? this.#liveStreams : this.#liveDatagrams).add(subscriber);
  }

  #detach(subscriber: Subscriber): void {
    this.#liveDatagrams.delete(subscriber);
    this.#liveStreams.delete(subscriber);
    this.#waiting.delete(subscriber);
  }

  #demand(resume: readonly SourcePoint[] = []): void {
    if (this.ingested) return;
    const now = this.#options.clock.now();
    for (const { state } of this.subscribers.values())
      if (state !== "standby") this.#demandAt = now;
    const wanted =
      (this.config.input?.keep ?? false) || now - this.#demandAt < this.#options.lingerMs;
    if (wanted) this.receiver.start(resume);
    else if (this.receiver.wanted) {
      this.receiver.stop();
      this.path = [];
    }
  }

  #describe(tracks: readonly Track[]): void {
    const key = JSON.stringify(tracks);
    const previous = this.description?.revision;
    if (key !== this.#descriptionKey || this.#descriptionPacket === undefined) {
      this.#descriptionKey = key;
      // Revisions grow over restarts of the site: they start at the wall clock, in seconds.
      const fresh = Math.floor(this.#options.clock.wall() / 1000) >>> 0;
      const revision = previous === undefined ? fresh : Math.max(fresh, previous + 1);
      this.#setDescription({ revision, ingest: this.#options.site, tracks: this.#fitting(tracks) });
    }
    const message = { type: "description", description: this.description as Description } as const;
    const packet = this.#inBandPacket(message, {
      source: 0,
      generation: 0,
      medium: MEDIUM.control,
    });
    this.#descriptionPacket = packet;
    this.#forward(packet);
  }

  /** A description must fit a control message; parameter sets are what can be left out, since they also come in band. */
  #fitting(tracks: readonly Track[]): readonly Track[] {
    if (JSON.stringify(tracks).length < LIMITS.controlBytesMax - 1_024) return tracks;
    this.#options.log.warn("parameter sets were left out of a description that is too large", {
      channel: this.name,
    });
    return tracks.map((track) => ({ ...track, parameterSets: undefined }));
  }

  #report({ source, generation, medium, ingestMs, rtpTimestamp, rtcp }: SourceReport): void {
    const message = { type: "report", ingestMs, rtpTimestamp, rtcp } as const;
    this.#inBand(message, this.#inBandPacket(message, { source, generation, medium }));
  }

  /** A message in band, from the ingest here or from upstream: kept for newcomers, and passed on. */
  #inBand(message: InBandMessage, packet: Uint8Array): void {
    switch (message.type) {
      case "description":
        this.#descriptionPacket = packet;
        if (
          message.description.revision !== this.description?.revision ||
          message.description.ingest !== this.description.ingest
        ) {
          this.#setDescription(message.description);
        }
        break;
      case "report":
        if (sourceOf(packet) === this.#meter?.source) {
          this.#meter.report(message.ingestMs, message.rtpTimestamp);
        }
        this.#reports.set(mediumOf(packet), packet);
        this.#sinks((sink) => {
          sink.report({
            source: sourceOf(packet),
            generation: generationOf(packet),
            medium: mediumOf(packet),
            ingestMs: message.ingestMs,
            rtpTimestamp: message.rtpTimestamp,
            rtcp: message.rtcp,
          });
        });
        break;
      case "path": {
        const offset = this.#options.clockOffsetTo(this.receiver.active ?? "");
        if (offset !== undefined) this.#originOffset = offset + message.originOffsetMs;
        const path = [...message.sites, this.#options.site];
        const changed = path.join() !== this.path.join();
        this.path = path;
        if (changed) this.#announcePath();
        return;
      }
      default:
    }
    this.#forward(packet);
  }

  #setDescription(description: Description): void {
    this.description = description;
    const { tracks } = description;
    this.#hasVideo = tracks.some((track) => track.kind === "video" && KEYED.has(track.codec));
    const metered =
      tracks.find((t) => t.kind === "video") ?? tracks.find((t) => t.kind === "audio");
    if (metered === undefined) this.#meter = undefined;
    else if (
      metered.source !== this.#meter?.source ||
      metered.generation !== this.#meter.generation
    ) {
      this.#meter = new ArrivalMeter(metered);
    }
    this.#sinks((sink) => sink.description(description));
    this.#options.onEvent({ type: "described", channel: this.name, description });
  }

  #sinks(tell: (sink: SinkOutlet["sink"]) => void): void {
    for (const { outlet } of this.subscribers.values()) {
      if (!(outlet instanceof SinkOutlet)) continue;
      try {
        tell(outlet.sink);
      } catch (error) {
        this.#options.log.error("an output failed", {
          channel: this.name,
          error: messageOf(error),
        });
      }
    }
  }

  /** Passes an in-band message to everyone who is not a mere standby. */
  #forward(packet: Uint8Array): void {
    for (const { outlet, state } of this.subscribers.values()) {
      if (state !== "standby" && outlet instanceof PeerOutlet) outlet.send(packet);
    }
  }

  /** What a newcomer gets first: description, way, last reports. */
  #greet(subscriber: Subscriber): void {
    const { outlet } = subscriber;
    if (outlet instanceof SinkOutlet) {
      if (this.description !== undefined) outlet.sink.description(this.description);
      return;
    }
    if (this.#descriptionPacket !== undefined) outlet.send(this.#descriptionPacket);
    this.#tellPath(subscriber);
    for (const packet of this.#reports.values()) outlet.send(packet);
  }

  #announcePath(): void {
    if (this.path.length === 0) return;
    const packet = this.#pathPacket();
    for (const { outlet } of this.subscribers.values()) {
      if (outlet instanceof PeerOutlet) outlet.send(packet);
    }
  }

  /** Over datagrams the last packet before a pause may be lost with nothing behind it to show that: say what was sent. */
  #announceTail(again: boolean): void {
    if (this.#liveDatagrams.size === 0 || this.#options.clock.now() - this.#deliveredAt < TAIL_MS)
      return;
    if (this.#tailsTold >= TAILS && !again) return;
    this.#tailsTold++;
    const points = this.#newest();
    if (points.length === 0) return;
    const source = { source: 0, generation: 0, medium: MEDIUM.control };
    const packet = this.#inBandPacket({ type: "ack", points }, source);
    for (const { outlet } of this.#liveDatagrams)
      if (outlet instanceof PeerOutlet) outlet.send(packet);
  }

  #newest(): SourcePoint[] {
    return this.ingested ? this.#windows.newest(this.#options.clock.now()) : this.receiver.newest;
  }

  #tellPath({ outlet }: Subscriber): void {
    if (this.path.length > 0 && outlet instanceof PeerOutlet) outlet.send(this.#pathPacket());
  }

  #pathPacket(): Uint8Array {
    return this.#inBandPacket(
      { type: "path", sites: this.path, originOffsetMs: this.#originOffset ?? 0 },
      { source: 0, generation: 0, medium: MEDIUM.control },
    );
  }

  #refreshOffset(): void {
    if (!this.ingested && this.receiver.wanted && this.receiver.active === undefined)
      this.path = [];
  }

  #inBandPacket(message: ControlMessage, { source, generation, medium }: SourceId): Uint8Array {
    return encodePacket(
      {
        kind: KIND.control,
        flags: 0,
        channel: this.id,
        source,
        medium,
        sourceGeneration: generation,
        sequence: this.#options.nextSequence(),
      },
      encodeControl(message),
    );
  }

  #measure(): void {
    const now = this.#options.clock.now();
    const seconds = (now - this.#ratedAt) / 1000;
    if (seconds <= 0) return;
    const rate = (this.bytesIn - this.#ratedBytes) / seconds;
    this.rate += (rate - this.rate) * RATE_GAIN;
    this.#ratedBytes = this.bytesIn;
    this.#ratedAt = now;
  }
}

/** Codecs whose ingest marks key frames. */
const KEYED = new Set(["h264", "vp8"]);

function subscriberSnapshot(subscriber: Subscriber): SubscriberSnapshot {
  const { id, outlet, state, packets, bytes, lagMs, drops } = subscriber;
  return {
    id,
    kind: outlet.kind,
    name: outlet.name,
    address: outlet.address,
    stack: outlet.stack,
    state,
    packets,
    bytes,
    lagMs: Math.round(lagMs),
    drops: drops.toJSON(),
  };
}
