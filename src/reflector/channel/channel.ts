import { Counters } from "../../base/index.ts";
import { History, type InBandMessage, Receiver } from "../../channel/index.ts";
import type { ChannelConfig } from "../../session/index.ts";
import type { Description, SourcePoint } from "../../wire/index.ts";
import { Distributor } from "../egress/distributor.ts";
import type { GroupDelivery, Outlet, PeerOutlet } from "../egress/outlet.ts";
import { RepairResponder } from "../egress/repair-responder.ts";
import { Subscriber } from "../egress/subscriber.ts";
import type { ChannelSnapshot, InputOrigin } from "../snapshot.ts";
import type { ChannelStats, SlowSubscriber, Worst } from "../stats.ts";
import { Announcer, sourceIdOf } from "./announcer.ts";
import { ByteRate } from "./byte-rate.ts";
import type { ChannelOptions } from "./channel-options.ts";
import type { ChannelPublisher } from "./channel-publisher.ts";
import { statsOf } from "./channel-stats.ts";
import { ChannelWay } from "./channel-way.ts";
import { Demand } from "./demand.ts";
import { DescriptionBuilder } from "./description-builder.ts";
import { InBandMessages } from "./in-band-messages.ts";
import { LocalIngest } from "./local-ingest.ts";
import { PastSubscribers } from "./past-subscribers.ts";
import { TailAnnouncer } from "./tail-announcer.ts";

/** Longer silence is not told, ms. */
const QUIET_MS_MAX = 1e9;

/**
 * One channel at one site: gets packets from an ingest here or from another site, keeps the history, and forwards them
 * to each subscriber at its own pace. [W50]-[W56]
 */
export class Channel {
  readonly name: string;
  readonly id: number;
  readonly history: History;
  readonly receiver: Receiver;
  readonly drops = new Counters();
  config: ChannelConfig;
  #packetsIn = 0;
  /** When the last packet came, ms. */
  #packetAt = Number.NEGATIVE_INFINITY;
  #bytesIn = 0;
  readonly #past = new PastSubscribers();
  readonly #options: ChannelOptions;
  readonly #distributor: Distributor;
  readonly #announcer: Announcer;
  readonly #ingest: LocalIngest;
  readonly #messages: InBandMessages;
  readonly #way: ChannelWay;
  readonly #tail: TailAnnouncer;
  readonly #repairs: RepairResponder;
  readonly #demand: Demand;
  readonly #rate: ByteRate;

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.name = options.name;
    this.id = options.id;
    this.config = options.config;
    this.history = new History(options.config.historyBytes);
    this.#distributor = new Distributor(options.clock);
    this.#announcer = new Announcer(options.id, this.history, this.#distributor, {
      nextSequence: options.nextSequence,
      quietMs: () => Math.min(options.clock.now() - this.#packetAt, QUIET_MS_MAX),
    });
    this.#tail = new TailAnnouncer(this.#announcer, this.#distributor);
    this.#demand = new Demand(options.clock, options.lingerMs);
    this.#rate = new ByteRate(options.clock.now());
    this.#messages = new InBandMessages({
      ...options,
      channel: options.name,
      announcer: this.#announcer,
      distributor: this.#distributor,
      descriptions: new DescriptionBuilder({ ...options, channel: options.name }),
      clockOffset: () => options.clockOffsetTo(this.receiver.active ?? ""),
    });
    this.#way = new ChannelWay({
      ...{ site: options.site, clock: options.clock, announcer: this.#announcer },
      setPath: (path) => this.#messages.setPath(path, undefined),
    });
    this.#ingest = new LocalIngest({
      id: options.id,
      clock: options.clock,
      drops: this.drops,
      announcer: this.#announcer,
      onPacket: (packet, now) => this.#deliver(packet, now),
      onInBand: (message, packet) => this.#inBand(message, packet),
      onTracks: (tracks) => {
        // Where it may come from another site, that one says what there is.
        const isElsewhere = !this.ingested && this.receiver.alternatives.length > 0;
        if (!isElsewhere) this.#messages.describe(tracks);
      },
      onOpened: () => {
        this.receiver.stop();
        this.#way.reset();
        this.#messages.setPath([options.site], 0);
      },
      onEnded: () => {
        this.#messages.setPath([], undefined);
        this.#followDemand();
      },
    });
    this.#repairs = new RepairResponder({
      history: this.history,
      drops: this.drops,
      mayArrive: (point) =>
        this.ingested ? this.#ingest.mayArrive(point) : this.receiver.want(point),
      gapAt: (point) => {
        const gap = { type: "gap", sequence: point.sequence, count: 1 } as const;
        return this.#announcer.packet(gap, point);
      },
    });
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
          this.#way.switched(from, to, reason);
          options.onEvent({ type: "input-switched", channel: this.name, from, to, reason });
        },
        onRefused: (name, { code, message }) => {
          const about = { channel: this.name, from: name, code, message };
          options.log.warn("An upstream refused a channel.", about);
        },
      },
    });
  }

  /** Whether the channel is ingested at this site. */
  get ingested(): boolean {
    return this.#ingest.isOpen;
  }

  /** For how long it has not arrived although it is wanted, ms; 0: it arrives, or is not wanted. */
  get lostMs(): number {
    return this.#way.lostMs;
  }

  /** Sites that it passes on its way here, this one last; empty: it does not arrive. */
  get path(): readonly string[] {
    return this.#announcer.path;
  }

  /** Names of the sites that receive it from here, or may at any moment. */
  neighbours(): string[] {
    const names = new Set<string>();
    for (const { outlet } of this.subscribers.values())
      if (outlet.kind === "site") names.add(outlet.name);
    return [...names];
  }

  get description(): Description | undefined {
    return this.#messages.description;
  }

  get subscribers(): ReadonlyMap<number, Subscriber> {
    return this.#distributor.subscribers;
  }

  /** True when nothing is due within a second. */
  get isCalm(): boolean {
    return !this.receiver.wanted && this.#distributor.isCalm;
  }

  /** Bytes per second that arrive, smoothed over about two seconds. */
  get rate(): number {
    return this.#rate.value;
  }

  /** Bits per second that this channel sends when all its subscribers are live. */
  get outgoingBits(): number {
    return this.#distributor.forwardingCount * this.rate * 8;
  }

  /** Applies new settings, without disturbing subscribers. */
  configure(config: ChannelConfig): void {
    this.config = config;
    this.history.bytesMax = config.historyBytes;
    this.receiver.silenceMs = config.silenceMs;
    this.#followDemand();
  }

  /** Opens the channel for publishing; packets need not be unique. */
  openPublisher(): ChannelPublisher {
    return this.#ingest.open();
  }

  /** Adds a subscriber. @param forward false: as a standby. @param resume empty: from the newest key frame */
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

  /** Starts or restarts a subscriber at its resume points. [W51] */
  activate(subscriber: Subscriber, resume: readonly SourcePoint[]): void {
    this.#demand.note();
    const resumes = resume.length > 0 && this.history.count > 0;
    const found = resumes ? this.history.resumePoint(resume) : undefined;
    const position = found?.position ?? this.history.entryPoint;
    if (found?.complete === false) this.drops.add("resume-incomplete");
    const told = this.#announcer.introduce(subscriber, this.description, found?.position);
    let joinedAt: number | undefined;
    if (!resumes) {
      joinedAt = this.history.end;
      for (const entry of this.history.retainedBefore(position)) {
        subscriber.send(entry.packet, 1, entry.position);
      }
    }
    this.#distributor.start(subscriber, position, joinedAt, told);
    this.#followDemand(resume);
    this.#distributor.pump(this.rate);
  }

  /**
   * Serves a neighbour by a group from now on or, without `delivery`, by its own connection, beginning with what
   * arrived since `sinceMs`. [W29]
   */
  serve(
    subscriber: Subscriber,
    outlet: PeerOutlet,
    delivery: GroupDelivery | undefined,
    sinceMs: number,
  ): void {
    const isLive = subscriber.state === "live";
    if (isLive) this.#distributor.detach(subscriber);
    if (outlet.member !== undefined) subscriber.loseMember(outlet.member);
    outlet.serveBy(delivery);
    if (!isLive) return;
    const { history } = this;
    const position = delivery === undefined ? history.positionSince(sinceMs) : history.end;
    this.#distributor.start(subscriber, position);
    this.#distributor.pump(this.rate);
  }

  /** Makes a subscriber a standby. */
  rest(subscriber: Subscriber): void {
    this.#distributor.detach(subscriber);
    subscriber.rest();
    this.#announcer.tellPath(subscriber);
    this.#followDemand();
  }

  unsubscribe(subscriber: Subscriber): void {
    this.#distributor.detach(subscriber);
    if (this.#distributor.subscribers.delete(subscriber.id)) {
      this.#past.add(subscriber);
    }
    this.#demand.note();
    this.#followDemand();
  }

  /** Answers a subscriber's repair request. [W27] */
  repair(subscriber: Subscriber, point: SourcePoint, bitmap: number): void {
    this.#repairs.repair(subscriber, point, bitmap);
  }

  /** Does what is due: every 10 ms while it is not calm, with `slow` every 100 ms and with `second` every second. */
  tick(slow: boolean, second: boolean): void {
    this.receiver.tick();
    this.#distributor.flush();
    this.#distributor.pump(this.rate);
    const now = this.#options.clock.now();
    if (this.#tail.isDue(second, now)) {
      this.#tail.announce(this.ingested ? this.#ingest.newest(now) : this.receiver.newest);
    }
    if (slow) {
      this.#distributor.judge();
      this.#followDemand();
      if (!this.ingested) this.#way.follow(this.receiver);
    }
    if (!second) return;
    this.#rate.measure(this.#bytesIn, now);
    this.#announcer.announcePath(true);
    this.#ingest.repeat();
    this.history.expire(now);
  }

  close(reason: string): void {
    this.receiver.close();
    this.#ingest.close();
    for (const subscriber of [...this.subscribers.values()]) {
      this.#distributor.detach(subscriber);
      // A site's connection serves other channels too.
      if (subscriber.outlet.kind !== "site") subscriber.outlet.close("channel-closed", reason);
    }
    this.#distributor.subscribers.clear();
  }

  /**
   * The channel in detail.
   *
   * @param stackTo the stack of the link to a site
   * @param origins how sites that it may come from are known
   */
  snapshot(
    stackTo: (site: string) => string,
    origins: ReadonlyMap<string, InputOrigin> = new Map(),
  ): ChannelSnapshot {
    const { history, description } = this;
    return {
      name: this.name,
      id: this.id,
      description,
      ...this.#way.snapshot(),
      packetsIn: this.#packetsIn,
      bytesIn: this.#bytesIn,
      packetsOut: this.#distributor.packetsOut,
      bytesOut: this.#distributor.bytesOut,
      drops: this.drops.toJSON(),
      latencyMs: this.#messages.latencyMs,
      jitterMs: this.#messages.jitterMs,
      history: {
        packets: history.count,
        bytes: history.bytes,
        ms: Math.round(history.spanMs),
      },
      inputs: this.receiver.alternatives.map(({ isLearned: _isLearned, ...each }) => ({
        kind: "site" as const,
        connection: stackTo(each.name),
        drops: {},
        origin: origins.get(each.name),
        ...each,
      })),
      subscribers: [...this.subscribers.values()].map((each) => each.snapshot()),
      past: {
        inputs: this.receiver.past.map((each) => ({ kind: "site" as const, drops: {}, ...each })),
        subscribers: this.#past.snapshot(),
      },
    };
  }

  /** The channel in sums. @param slowest collects the subscribers that lag most */
  stats(slowest: Worst<SlowSubscriber>): ChannelStats {
    return statsOf(
      {
        ...{ name: this.name, path: this.path, stalled: this.#announcer.stall },
        ...{ drops: this.drops, past: this.#past },
        ...{ packetsIn: this.#packetsIn, bytesIn: this.#bytesIn },
        ...{ distributor: this.#distributor, messages: this.#messages },
      },
      slowest,
    );
  }

  #deliver(packet: Uint8Array, now: number): void {
    const entry = this.history.add(packet, now);
    this.#tail.delivered(now);
    this.#packetsIn++;
    this.#packetAt = now;
    this.#bytesIn += packet.byteLength;
    this.#distributor.deliver(entry);
    this.#messages.measure(packet, now);
  }

  /** A message in band, from the ingest here or from upstream. */
  #inBand(message: InBandMessage, packet: Uint8Array): void {
    if (message.type === "bye") {
      const source = sourceIdOf(packet);
      this.history.sourceEnded(source);
      this.#announcer.forgetReport(source);
    } else if (message.type === "description" && message.description.tracks.length === 0) {
      this.history.allEnded();
    }
    this.#messages.receive(message, packet);
  }

  #followDemand(resume: readonly SourcePoint[] = []): void {
    if (this.ingested) return;
    if (this.#distributor.forwardingCount > 0) this.#demand.note();
    const keep = this.config.input?.keep ?? false;
    if (keep || this.#demand.isRecent) this.receiver.start(resume);
    else if (this.receiver.wanted) {
      this.receiver.stop();
      this.#messages.setPath([], undefined);
    }
  }
}
