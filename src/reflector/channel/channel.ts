import { type Clock, Counters, LIMITS, type Log, messageOf, serialAdd } from "../../base/index.ts";
import { History, type InBandMessage, Receiver, SourceWindows } from "../../channel/index.ts";
import type { ChannelConfig } from "../../session/index.ts";
import {
  type Description,
  FLAG,
  generationOf,
  HEADER_BYTES,
  KIND,
  kindOf,
  mediumOf,
  type SourcePoint,
  sourceOf,
  type Track,
  tellsKeyFrames,
} from "../../wire/index.ts";
import { Distributor } from "../egress/distributor.ts";
import { type GroupWay, type Outlet, type PeerOutlet, SinkOutlet } from "../egress/outlet.ts";
import { Subscriber } from "../egress/subscriber.ts";
import type { PlaneEvent } from "../events.ts";
import type { ChannelFigures, SlowSubscriber, Worst } from "../figures.ts";
import type { ChannelSnapshot } from "../snapshot.ts";
import { Announcer } from "./announcer.ts";
import { ArrivalMeter } from "./arrival-meter.ts";
import type { ChannelPublisher, SourceReport } from "./channel-publisher.ts";

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
  /** An on-demand input is kept this long after its last subscriber left, ms. */
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
  config: ChannelConfig;
  description: Description | undefined;
  /** Bytes per second, smoothed over about two seconds. */
  rate = 0;
  #packetsIn = 0;
  #bytesIn = 0;
  /** What subscribers that have left were spared. */
  readonly #partedDrops = new Counters();
  readonly #options: ChannelOptions;
  readonly #distributor: Distributor;
  readonly #announcer: Announcer;
  /** Of what is ingested here; the receiver has its own. */
  readonly #windows = new SourceWindows();
  #publishers = 0;
  #tracksKey = "";
  #meter: ArrivalMeter | undefined;
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
    this.#distributor = new Distributor(options.clock);
    this.#announcer = new Announcer(options.id, this.#distributor, options.nextSequence);
    this.#ratedAt = options.clock.now();
    this.receiver = new Receiver({
      channel: options.name,
      self: options.site,
      clock: options.clock,
      counters: this.drops,
      silenceMs: options.config.silenceMs,
      events: {
        onPacket: (packet) => this.#deliver(packet, options.clock.now()),
        onInBand: (message, packet) => this.#inBand(message, packet),
        onSwitched: (from, to, reason) => {
          options.onEvent({ type: "input-switched", channel: this.name, from, to, reason });
        },
        onRefused: (name, { code, message }) => {
          const about = { channel: this.name, from: name, code, message };
          options.log.warn("input was refused", about);
        },
      },
    });
  }

  /** Ingested here. */
  get ingested(): boolean {
    return this.#publishers > 0;
  }

  get subscribers(): ReadonlyMap<number, Subscriber> {
    return this.#distributor.subscribers;
  }

  /** True when nothing is due within a second: nobody is paced, asked, told or waited for. */
  get isCalm(): boolean {
    return !this.receiver.wanted && this.#distributor.isCalm;
  }

  /** Bits per second that leave here for this channel, were everyone live. */
  get outgoingBits(): number {
    return this.#distributor.forwardingCount * this.rate * 8;
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
    this.#setPath([this.#options.site], 0);
    let open = true;
    const guarded = (task: () => void): void => {
      if (open) task();
    };
    const say = (message: Exclude<InBandMessage, { type: "path" }>, packet: Uint8Array): void =>
      this.#inBand(message, packet);
    return {
      channelId: this.id,
      publish: (packet) => {
        if (open) this.#publish(packet);
      },
      describe: (tracks) => guarded(() => this.#describe(tracks)),
      report: (report) => guarded(() => this.#report(report)),
      gap: (source, sequence, count) =>
        guarded(() => {
          this.drops.add("ingest-loss", count);
          const message = { type: "gap", sequence, count } as const;
          say(message, this.#announcer.packet(message, source));
        }),
      bye: (source) =>
        guarded(() => say({ type: "bye" }, this.#announcer.packet({ type: "bye" }, source))),
      close: () =>
        guarded(() => {
          open = false;
          this.#publishers--;
          if (this.#publishers > 0) return;
          this.#setPath([], undefined);
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
    this.#distributor.subscribers.set(id, subscriber);
    if (forward) this.activate(subscriber, resume);
    else this.#announcer.tellPath(subscriber);
    return subscriber;
  }

  /** (Re)starts a subscriber, from where it says it stands. [W51] */
  activate(subscriber: Subscriber, resume: readonly SourcePoint[]): void {
    this.#demandAt = this.#options.clock.now();
    this.#announcer.greet(subscriber, this.description);
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
    this.#distributor.start(subscriber, position);
    this.#demand(resume);
    this.#distributor.pump(this.rate);
  }

  /**
   * From now on a neighbour is served by a group or, without `way`, by its own connection: then from what came since `sinceMs`
   * on. [W29]
   */
  serve(
    subscriber: Subscriber,
    outlet: PeerOutlet,
    way: GroupWay | undefined,
    sinceMs: number,
  ): void {
    const isLive = subscriber.state === "live";
    if (isLive) this.#distributor.detach(subscriber);
    if (outlet.place !== undefined) subscriber.losePlace(outlet.place);
    outlet.serveBy(way);
    if (!isLive) return;
    const { history } = this;
    const position = way === undefined ? history.positionSince(sinceMs) : history.end;
    this.#distributor.start(subscriber, position);
    this.#distributor.pump(this.rate);
  }

  /** Makes a subscriber a standby. */
  rest(subscriber: Subscriber): void {
    this.#distributor.detach(subscriber);
    subscriber.rest();
    this.#announcer.tellPath(subscriber);
    this.#demand();
  }

  unsubscribe(subscriber: Subscriber): void {
    this.#distributor.detach(subscriber);
    if (this.#distributor.subscribers.delete(subscriber.id)) {
      this.#partedDrops.addAll(subscriber.drops);
    }
    this.#demandAt = this.#options.clock.now();
    this.#demand();
  }

  /** Sends again what a subscriber misses, or says that it is gone. [W27] */
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
      } else if (this.ingested || !this.receiver.want(wanted)) {
        const message = { type: "gap", sequence: wanted.sequence, count: 1 } as const;
        subscriber.outlet.send(this.#announcer.packet(message, point));
        this.drops.add("repair-unavailable");
      }
    }
  }

  /** Flushes, paces, judges. Every 10 ms while it is not calm; `slow` true every 100 ms, `second` true every second. */
  tick(slow: boolean, second: boolean): void {
    this.receiver.tick();
    this.#distributor.flush();
    this.#distributor.pump(this.rate);
    this.#tellTail(second);
    if (slow) {
      this.#distributor.judge();
      this.#demand();
    }
    if (!second) return;
    this.#measure();
    const lost = !this.ingested && this.receiver.wanted && this.receiver.active === undefined;
    if (lost) this.#setPath([], undefined);
    else this.#announcer.announcePath(true);
  }

  close(reason: string): void {
    this.receiver.close();
    for (const subscriber of [...this.subscribers.values()]) {
      this.#distributor.detach(subscriber);
      // A site's connection serves other channels too.
      if (subscriber.outlet.kind !== "site") subscriber.outlet.close("channel-closed", reason);
    }
    this.#distributor.subscribers.clear();
  }

  /** @param stackTo the stack of the link to a site */
  snapshot(stackTo: (site: string) => string): ChannelSnapshot {
    const { history, description } = this;
    return {
      name: this.name,
      id: this.id,
      description,
      path: this.#announcer.path,
      packetsIn: this.#packetsIn,
      bytesIn: this.#bytesIn,
      packetsOut: this.#distributor.packetsOut,
      bytesOut: this.#distributor.bytesOut,
      drops: this.drops.toJSON(),
      latencyMs: this.#meter?.latencyMs,
      jitterMs: this.#meter?.jitterMs,
      history: {
        packets: history.count,
        bytes: history.bytes,
        ms: Math.round(history.spanMs),
      },
      inputs: this.receiver.alternatives.map((each) => ({
        kind: "site" as const,
        connection: stackTo(each.name),
        drops: {},
        ...each,
      })),
      subscribers: [...this.subscribers.values()].map((each) => each.snapshot()),
    };
  }

  /** The channel in sums. @param slowest takes in subscribers that lag */
  figures(slowest: Worst<SlowSubscriber>): ChannelFigures {
    const counts = { site: 0, viewer: 0, rtp: 0 };
    const drops = new Counters();
    drops.addAll(this.drops);
    drops.addAll(this.#partedDrops);
    let lagMs = 0;
    for (const each of this.subscribers.values()) {
      counts[each.outlet.kind]++;
      if (each.drops.size > 0) drops.addAll(each.drops);
      const lag = each.state === "standby" ? 0 : each.lagMs;
      lagMs = Math.max(lagMs, lag);
      slowest.offer(lag, () => slowOf(this.name, each, lag));
    }
    return {
      name: this.name,
      path: this.#announcer.path,
      packetsIn: this.#packetsIn,
      bytesIn: this.#bytesIn,
      packetsOut: this.#distributor.packetsOut,
      bytesOut: this.#distributor.bytesOut,
      subscribers: counts,
      drops: drops.toJSON(),
      latencyMs: this.#meter?.latencyMs,
      jitterMs: this.#meter?.jitterMs,
      lagMs: Math.round(lagMs),
    };
  }

  #publish(packet: Uint8Array): void {
    const now = this.#options.clock.now();
    const verdict = this.#windows.accept(packet, now);
    if (verdict === "new") this.#deliver(packet, now);
    else this.drops.add(verdict);
  }

  #deliver(packet: Uint8Array, now: number): void {
    const entry = this.history.add(packet, now);
    this.#deliveredAt = now;
    this.#tailsTold = 0;
    this.#packetsIn++;
    this.#bytesIn += packet.byteLength;
    this.#distributor.deliver(entry);
    const meter = this.#meter;
    if (meter === undefined || sourceOf(packet) !== meter.source) return;
    if (kindOf(packet) === KIND.rtp && packet.byteLength >= HEADER_BYTES + 12) {
      meter.packet(packet, now, this.#announcer.originOffsetMs);
    }
  }

  #demand(resume: readonly SourcePoint[] = []): void {
    if (this.ingested) return;
    const now = this.#options.clock.now();
    if (this.#distributor.forwardingCount > 0) this.#demandAt = now;
    const keep = this.config.input?.keep ?? false;
    if (keep || now - this.#demandAt < this.#options.lingerMs) this.receiver.start(resume);
    else if (this.receiver.wanted) {
      this.receiver.stop();
      this.#setPath([], undefined);
    }
  }

  #setPath(path: readonly string[], originOffsetMs: number | undefined): void {
    const changed = path.join() !== this.#announcer.path.join();
    this.#announcer.path = path;
    this.#announcer.originOffsetMs = originOffsetMs;
    if (changed) this.#announcer.announcePath(false);
  }

  #describe(tracks: readonly Track[]): void {
    const key = JSON.stringify(tracks);
    if (key !== this.#tracksKey || this.description === undefined) {
      this.#tracksKey = key;
      // Revisions grow over restarts of the site: they start at the wall clock, in seconds.
      const fresh = Math.floor(this.#options.clock.wall() / 1000) >>> 0;
      const revision = Math.max(fresh, (this.description?.revision ?? 0) + 1);
      const fitting = this.#fitting(tracks);
      this.#setDescription({ revision, ingest: this.#options.site, tracks: fitting });
    }
    this.#announcer.describe(this.description as Description);
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
    this.#inBand(message, this.#announcer.packet(message, { source, generation, medium }));
  }

  /** A message in band, from the ingest here or from upstream: kept for newcomers, and passed on. */
  #inBand(message: InBandMessage, packet: Uint8Array): void {
    switch (message.type) {
      case "description": {
        const { revision, ingest } = message.description;
        const known = this.description;
        if (revision !== known?.revision || ingest !== known.ingest) {
          this.#setDescription(message.description);
        }
        this.#announcer.keepDescription(packet);
        return;
      }
      case "report": {
        const { ingestMs, rtpTimestamp, rtcp } = message;
        const source = sourceOf(packet);
        if (source === this.#meter?.source) this.#meter.report(ingestMs, rtpTimestamp);
        const id = { source, generation: generationOf(packet), medium: mediumOf(packet) };
        this.#sinks((sink) => sink.report({ ...id, ingestMs, rtpTimestamp, rtcp }));
        this.#announcer.keepReport(packet);
        return;
      }
      case "path": {
        const offset = this.#options.clockOffsetTo(this.receiver.active ?? "");
        const origin = offset === undefined ? undefined : offset + message.originOffsetMs;
        const known = this.#announcer.originOffsetMs;
        this.#setPath([...message.sites, this.#options.site], origin ?? known);
        return;
      }
      default:
        this.#announcer.forward(packet);
    }
  }

  #setDescription(description: Description): void {
    this.description = description;
    const { tracks } = description;
    this.#distributor.hasVideo = tracks.some((t) => t.kind === "video" && tellsKeyFrames(t.codec));
    const metered =
      tracks.find(({ kind }) => kind === "video") ?? tracks.find(({ kind }) => kind === "audio");
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
        const about = { channel: this.name, error: messageOf(error) };
        this.#options.log.error("an output failed", about);
      }
    }
  }

  #tellTail(again: boolean): void {
    const now = this.#options.clock.now();
    if (now - this.#deliveredAt < TAIL_MS || (this.#tailsTold >= TAILS && !again)) return;
    if (!this.#distributor.hasDatagrams) return;
    this.#tailsTold++;
    const newest = this.ingested ? this.#windows.newest(now) : this.receiver.newest;
    this.#announcer.announceTail(newest);
  }

  #measure(): void {
    const now = this.#options.clock.now();
    const seconds = (now - this.#ratedAt) / 1000;
    if (seconds <= 0) return;
    const rate = (this.#bytesIn - this.#ratedBytes) / seconds;
    this.rate += (rate - this.rate) * RATE_GAIN;
    this.#ratedBytes = this.#bytesIn;
    this.#ratedAt = now;
  }
}

function slowOf(channel: string, subscriber: Subscriber, lagMs: number): SlowSubscriber {
  const { id, outlet, state, drops } = subscriber;
  const { kind, name, address } = outlet;
  return { channel, id, kind, name, address, state, lagMs: Math.round(lagMs), drops: drops.total };
}
