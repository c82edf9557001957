import {
  type Clock,
  Counters,
  LIMITS,
  type Log,
  MeanderError,
  type Random,
} from "../base/index.ts";
import type { Peer, PeerIdentity, Refusal } from "../channel/index.ts";
import type { ChannelConfig } from "../session/index.ts";
import { type Connection, isSameSecret } from "../stack/index.ts";
import { type ControlMessage, channelOf, KIND, kindOf } from "../wire/index.ts";
import { Channel } from "./channel/channel.ts";
import type { ChannelPublisher } from "./channel/channel-publisher.ts";
import { type Departed, Departure } from "./departure.ts";
import { type Outlet, PeerOutlet, SinkOutlet } from "./egress/outlet.ts";
import type { PacketSink } from "./egress/packet-sink.ts";
import type { Subscriber } from "./egress/subscriber.ts";
import type { Neighbour, PlaneEvent } from "./events.ts";
import { type ReflectorFigures, type SlowSubscriber, Worst } from "./figures.ts";
import { ChannelStacks } from "./links/channel-stacks.ts";
import type { GroupMeans } from "./links/group-means.ts";
import { LinkGroups } from "./links/link-groups.ts";
import type { LinkSecurity } from "./links/link-security.ts";
import { Links } from "./links/links.ts";
import type { PeerSnapshot, PlaneSnapshot } from "./snapshot.ts";
import { type Pace, type Tick, Ticker } from "./ticker.ts";
import { ViewerDoor, type ViewerGate } from "./viewer-door.ts";

export interface ReflectorOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly security: LinkSecurity;
  /** Opens a connection over `stack` (complete, such as `frag:udp`) to a site. */
  dial(neighbour: Neighbour, stack: string): Promise<Connection>;
  /** For links by multicast groups. Absent: their media comes by their own connections. */
  readonly groups?: GroupMeans | undefined;
  onEvent(event: PlaneEvent): void;
  /** Decides which viewer may watch what; absent: each everything. */
  readonly viewers?: ViewerGate | undefined;
  /** Why viewers are not let in now, whatever they want; undefined: they are. */
  refuseViewers?(): Refusal | undefined;
  /** On-demand inputs are kept this long after their last subscriber, ms. */
  readonly lingerMs?: number;
}

/** Subscribes that wait for a channel to be opened. */
const PENDING_MAX = 1_000;

/** What newcomers are told by a site that goes. */
const LEAVING: Refusal = { code: "site-leaving", message: "the site leaves; try another one" };

type Subscribe = Extract<ControlMessage, { type: "subscribe" }>;

/** Identity of a site before it was configured. */
const NOBODY = { site: "", instance: 0, linkKey: "", maxSubscribers: 0, maxBitsPerSecond: 0 };

/**
 * The forwarding plane of one site: channels, the links they come over, and those who get them.
 *
 * Runs on one event loop and never waits; everything outside is a port (`dial`, connections, clock, chance).
 */
export class Reflector {
  readonly #options: ReflectorOptions;
  readonly #links: Links;
  readonly #groups: LinkGroups | undefined;
  readonly #viewers: ViewerDoor | undefined;
  readonly #channels = new Map<string, Channel>();
  readonly #byId = new Map<number, Channel>();
  readonly #stacks: ChannelStacks;
  readonly #drops = new Counters();
  /** Subscribers of each peer, by channel id. */
  readonly #subscriptions = new Map<Peer, Map<number, Subscriber>>();
  readonly #sinkChannels = new Map<number, Channel>();
  #pending: { readonly peer: Peer; readonly message: Subscribe }[] = [];
  #self = NOBODY;
  #sites: readonly { readonly name: string; readonly url: string }[] = [];
  #nextId = 1;
  #sequence = 0;
  #departure: Departure | undefined;
  readonly #ticker: Ticker;

  constructor(options: ReflectorOptions) {
    this.#options = options;
    this.#stacks = new ChannelStacks(options.security);
    this.#viewers =
      options.viewers &&
      new ViewerDoor({
        gate: options.viewers,
        drops: this.#drops,
        onFirst: (peer) => peer.sendControl({ type: "sites", sites: this.#sites }),
        onAdmitted: (peer, message) => this.#subscribe(peer, message),
      });
    this.#groups =
      options.groups &&
      new LinkGroups({
        ...options,
        means: options.groups,
        onServed: (peer, since) => this.#serve(peer, since),
        onPacket: (peer, packet) => this.#packet(peer, packet),
        onDrop: (reason) => this.#drops.add(`group-${reason}`),
      });
    this.#links = new Links({
      ...options,
      identity: () => this.#identity(),
      admit: (hello, connection) => this.#admit(hello, connection),
      onOpen: (peer) => this.#opened(peer),
      onPacket: (peer, packet) => this.#packet(peer, packet),
      onControl: (peer, message, packet) => this.#control(peer, message, packet),
      onSuspected: (peer) => this.#tellPeer("peer-suspected", peer, "silent"),
      onTrusted: (peer) => this.#tellPeer("peer-up", peer, "heard again"),
      onClosed: (peer, reason) => this.#closed(peer, reason),
      onLink: (name, stack, change, peer, reason) => {
        for (const channel of this.#channels.values()) {
          if (this.#stacks.to(channel.name, name) !== stack) continue;
          if (change === "up") channel.receiver.peerUp(name, peer);
          else if (change === "down") channel.receiver.peerDown(name, reason);
          else if (change === "suspected") channel.receiver.peerSuspected(name);
          else if (change === "leaving") channel.receiver.peerLeaving(name);
          else channel.receiver.peerTrusted(name);
        }
      },
    });
    this.#ticker = new Ticker({
      clock: options.clock,
      pace: () => this.#pace(),
      onTick: (tick) => this.#tick(tick),
    });
  }

  /** Who this site is; once, first. */
  configure(self: {
    readonly site: string;
    readonly instance: number;
    readonly linkKey: string;
    readonly maxSubscribers: number;
    readonly maxBitsPerSecond: number;
  }): void {
    this.#self = self;
  }

  setLimits(limits: { readonly maxSubscribers: number; readonly maxBitsPerSecond: number }): void {
    this.#self = { ...this.#self, ...limits };
  }

  setNeighbours(neighbours: readonly Neighbour[]): void {
    const others = neighbours.filter(({ name }) => name !== this.#self.site);
    const ways = [...this.#channels.values()].flatMap((channel) =>
      channel.receiver.alternatives.map(({ name }) => {
        return { channel, name, stack: this.#stacks.to(channel.name, name) };
      }),
    );
    this.#stacks.setNeighbours(others, (site) => ways.some(({ name }) => name === site));
    this.#links.setNeighbours(others);
    const moved = ways.filter(
      ({ channel, name, stack }) => this.#stacks.to(channel.name, name) !== stack,
    );
    if (moved.length === 0) return;
    for (const { channel, name } of moved) channel.receiver.peerDown(name, "its address changed");
    this.#needLinks();
    for (const { channel, name } of moved) this.#joinLink(channel, name);
  }

  /** What viewers are told to go to when this site goes. */
  setSites(sites: readonly { readonly name: string; readonly url: string }[]): void {
    this.#sites = sites;
    for (const peer of this.#links.peers) {
      if (this.#isTold(peer)) peer.sendControl({ type: "sites", sites });
    }
  }

  /** Opens a channel, or changes an open one without disturbing its subscribers. */
  openChannel(options: {
    readonly name: string;
    readonly id: number;
    readonly config: ChannelConfig;
  }): void {
    const { name, id, config } = options;
    let channel = this.#channels.get(name);
    if (channel !== undefined && channel.id !== id) {
      this.closeChannel(name, "the channel was opened anew");
      channel = undefined;
    }
    if (channel === undefined) {
      if (this.#channels.size >= LIMITS.channelsMax) {
        throw new MeanderError("channels-exhausted", `${name} can not be opened`, {
          expected: `at most ${LIMITS.channelsMax} channels on a site`,
          next: "close a channel, or add a site",
        });
      }
      channel = this.#makeChannel(name, id, config);
    }
    const restacked = this.#stacks.set(name, config.input?.stack ?? "udp");
    const from = (config.input?.from ?? []).filter((site) => site !== this.#self.site);
    if (restacked) channel.receiver.setAlternatives([]);
    channel.configure(config);
    channel.receiver.setAlternatives(from);
    this.#needLinks();
    for (const site of from) this.#joinLink(channel, site);
    const waiting = this.#pending.filter(({ message }) => message.channel === name);
    this.#pending = this.#pending.filter(({ message }) => message.channel !== name);
    for (const { peer, message } of waiting) this.#subscribe(peer, message);
    this.#ticker.hurry();
  }

  /** Answers those who wait for a channel with no. */
  refuseChannel(channel: string, code: string, message: string): void {
    for (const { peer, message: wanted } of this.#pending) {
      if (wanted.channel !== channel) continue;
      peer.sendControl({ type: "refused", request: wanted.request, code, message });
    }
    this.#pending = this.#pending.filter(({ message: wanted }) => wanted.channel !== channel);
  }

  closeChannel(name: string, reason: string): void {
    const channel = this.#channels.get(name);
    if (channel === undefined) return;
    channel.close(reason);
    for (const subscribers of this.#subscriptions.values()) subscribers.delete(channel.id);
    for (const [id, owner] of this.#sinkChannels)
      if (owner === channel) this.#sinkChannels.delete(id);
    this.#channels.delete(name);
    this.#byId.delete(channel.id);
    this.#stacks.delete(name);
    this.#needLinks();
  }

  /** A connection from outside: a site or a viewer, as its greeting will tell. */
  accept(connection: Connection): void {
    this.#links.accept(connection);
    this.#ticker.hurry();
  }

  /** @throws {MeanderError} `channel-unknown` */
  openPublisher(channel: string): ChannelPublisher {
    return this.#require(channel).openPublisher();
  }

  /** @throws {MeanderError} `channel-unknown`, `admission-refused` */
  addSink(
    name: string,
    about: { readonly kind: "rtp"; readonly name: string; readonly address: string },
    sink: PacketSink,
  ): number {
    const channel = this.#require(name);
    const refusal = this.#refuses(channel);
    if (refusal !== undefined) throw new MeanderError(refusal.code, refusal.message);
    const subscriber = this.#join(channel, new SinkOutlet(sink, about), true, []);
    this.#sinkChannels.set(subscriber.id, channel);
    this.#ticker.hurry();
    return subscriber.id;
  }

  removeSink(id: number): void {
    const channel = this.#sinkChannels.get(id);
    const subscriber = channel?.subscribers.get(id);
    this.#sinkChannels.delete(id);
    if (channel === undefined || subscriber === undefined) return;
    this.#part(channel, subscriber, "removed");
    subscriber.outlet.close("done", "the output was removed");
  }

  /** The links that are up or greeting, and the viewers. */
  peers(): readonly PeerSnapshot[] {
    return this.#links.snapshot();
  }

  snapshot(): PlaneSnapshot {
    const channels = [...this.#channels.values()];
    return {
      at: this.#options.clock.now(),
      channels: channels.map((channel) =>
        channel.snapshot((site) => this.#stacks.to(channel.name, site)),
      ),
      peers: this.#links.snapshot(),
      drops: this.#drops.toJSON(),
    };
  }

  /** What goes through here, in sums. */
  figures(): ReflectorFigures {
    const slowest = new Worst<SlowSubscriber>(LIMITS.slowestMax);
    const channels = [...this.#channels.values()].map((channel) => channel.figures(slowest));
    let viewers = 0;
    let links = 0;
    for (const { remote, state } of this.#links.peers) {
      if (state !== "open") continue;
      if (remote?.role === "viewer") viewers++;
      else links++;
    }
    const { clock } = this.#options;
    const drops = this.#drops.toJSON();
    return { at: clock.now(), channels, viewers, links, drops, slowest: slowest.values };
  }

  /**
   * Has neighbours and viewers go on elsewhere, make before break, and takes no new ones. Settles when they have gone, or
   * after `withinMs`; at once when there is nowhere to go. [W28]
   */
  depart(withinMs: number): Promise<Departed> {
    if (this.#sites.length === 0) return Promise.resolve({ served: 0, stayed: 0 });
    this.#departure ??= new Departure({
      clock: this.#options.clock,
      withinMs,
      peers: { [Symbol.iterator]: () => this.#links.peers },
      isServed: (peer) => this.#isServed(peer),
    });
    this.#ticker.hurry();
    return this.#departure.done;
  }

  close(): void {
    this.#ticker.close();
    for (const name of [...this.#channels.keys()]) this.closeChannel(name, "the site stops");
    this.#links.close();
    this.#groups?.close();
  }

  #identity(): PeerIdentity {
    return {
      role: "site",
      name: this.#self.site,
      instance: this.#self.instance,
      token: this.#proofOf(this.#self.site, this.#self.instance),
      heartbeatMs: LIMITS.heartbeatMs,
    };
  }

  #proofOf(name: string, instance: number): string {
    return this.#options.security.proofOf(this.#self.linkKey, { name, instance });
  }

  #admit(hello: PeerIdentity, connection: Connection): Refusal | undefined {
    if (this.#self === NOBODY)
      return { code: "site-starting", message: "the site has not joined yet" };
    if (hello.role === "viewer") {
      if (this.#departure !== undefined) return LEAVING;
      const refusal = this.#options.refuseViewers?.();
      if (refusal !== undefined) this.#drops.add("admission-refused");
      return refusal;
    }
    const refusal = this.#options.security.refuse(connection);
    if (refusal !== undefined) {
      this.#drops.add("untrusted-site");
      return refusal;
    }
    const utf8 = new TextEncoder();
    const proof = utf8.encode(this.#proofOf(hello.name, hello.instance));
    if (!isSameSecret(utf8.encode(hello.token), proof)) {
      this.#drops.add("untrusted-site");
      return {
        code: "link-key-wrong",
        message: `${hello.name} does not belong to this session; join it through its leader`,
      };
    }
    return undefined;
  }

  #makeChannel(name: string, id: number, config: ChannelConfig): Channel {
    const { clock, log, onEvent, lingerMs = LIMITS.lingerMs } = this.#options;
    const channel = new Channel({
      name,
      id,
      site: this.#self.site,
      config,
      clock,
      log,
      lingerMs,
      onEvent,
      nextSequence: () => this.#sequence++ >>> 0,
      clockOffsetTo: (site) => this.#links.find(site, this.#stacks.to(name, site))?.clockOffsetMs,
    });
    this.#channels.set(name, channel);
    this.#byId.set(id, channel);
    return channel;
  }

  #require(name: string): Channel {
    const channel = this.#channels.get(name);
    if (channel !== undefined) return channel;
    throw new MeanderError("channel-unknown", `there is no channel ${name} at ${this.#self.site}`, {
      next: "publish it, or see `meander channels`",
    });
  }

  /** Lets a channel know of a link that is up already. */
  #joinLink(channel: Channel, site: string): void {
    const peer = this.#links.find(site, this.#stacks.to(channel.name, site));
    const known = channel.receiver.alternatives.find((each) => each.name === site);
    if (peer !== undefined && known?.state === "down") channel.receiver.peerUp(site, peer);
  }

  #needLinks(): void {
    const wanted = [...this.#channels.values()].flatMap((channel) =>
      channel.receiver.alternatives.map(({ name }) => ({
        name,
        stack: this.#stacks.to(channel.name, name),
      })),
    );
    this.#links.need(wanted);
  }

  #pace(): Pace {
    if (this.#departure !== undefined || !this.#links.isCalm) return "fast";
    for (const channel of this.#channels.values()) if (!channel.isCalm) return "fast";
    return this.#links.isEmpty ? "calm" : "slow";
  }

  #tick({ second, slow }: Tick): void {
    this.#links.tick(slow);
    this.#groups?.tick();
    this.#departure?.tick();
    for (const channel of this.#channels.values()) {
      channel.tick(slow, second);
    }
  }

  #opened(peer: Peer): void {
    this.#subscriptions.set(peer, new Map());
    if (this.#isTold(peer)) peer.sendControl({ type: "sites", sites: this.#sites });
    this.#tellPeer("peer-up", peer, "connected");
    this.#groups?.opened(peer);
  }

  #closed(peer: Peer, reason: Refusal): void {
    for (const [id, subscriber] of this.#subscriptions.get(peer) ?? []) {
      const channel = this.#byId.get(id);
      if (channel !== undefined) this.#part(channel, subscriber, reason.message);
    }
    const known = this.#subscriptions.delete(peer);
    this.#groups?.gone(peer);
    this.#viewers?.gone(peer);
    this.#pending = this.#pending.filter((each) => each.peer !== peer);
    if (peer.malformed > 0) this.#drops.add("malformed-control", peer.malformed);
    if (peer.connection.malformed > 0) this.#drops.add("malformed", peer.connection.malformed);
    if (known) this.#tellPeer("peer-down", peer, reason.message);
  }

  /** Whether somebody is told of the other sites: a viewer that may watch something. [W24] */
  #isTold(peer: Peer): boolean {
    const isViewer = peer.state === "open" && peer.remote?.role === "viewer";
    return isViewer && this.#viewers?.knows(peer) !== false;
  }

  #tellPeer(type: "peer-up" | "peer-down" | "peer-suspected", peer: Peer, reason: string): void {
    if (peer.remote?.role !== "site") return;
    const { name } = peer.remote;
    this.#options.onEvent({ type, name, stack: peer.connection.stack, reason });
  }

  #packet(peer: Peer, packet: Uint8Array): void {
    const channel = this.#byId.get(channelOf(packet));
    if (channel === undefined) {
      this.#drops.add("channel-unknown");
      return;
    }
    const name = peer.remote?.name ?? "";
    // Only the neighbour that serves the link may bring packets of the channel.
    if (peer.remote?.role !== "site" || this.#links.find(name, peer.connection.stack) !== peer) {
      channel.drops.add("untrusted-source");
      return;
    }
    channel.receiver.packet(name, packet, kindOf(packet) === KIND.rtp);
  }

  #control(peer: Peer, message: ControlMessage, packet: Uint8Array): void {
    switch (message.type) {
      case "subscribe":
        this.#subscribe(peer, message);
        return;
      case "unsubscribe": {
        const channel = this.#byId.get(message.id);
        const subscriber = this.#subscriptions.get(peer)?.get(message.id);
        this.#subscriptions.get(peer)?.delete(message.id);
        if (channel !== undefined && subscriber !== undefined) {
          this.#part(channel, subscriber, "left");
          this.#viewers?.left(peer, channel.name);
        }
        peer.sendControl({ type: "unsubscribed", request: message.request, id: message.id });
        return;
      }
      case "ack":
        // From a viewer: what it consumed. From the site we take the channel from: what it sent.
        if (peer.remote?.role === "viewer") {
          this.#subscriptions.get(peer)?.get(channelOf(packet))?.acknowledge(message.points);
        } else this.#fromUpstream(peer, message, packet);
        return;
      case "repair": {
        const id = channelOf(packet);
        const subscriber = this.#subscriptions.get(peer)?.get(id);
        const channel = this.#byId.get(id);
        if (subscriber !== undefined) channel?.repair(subscriber, message.point, message.bitmap);
        return;
      }
      case "subscribed":
        this.#channels
          .get(message.channel)
          ?.receiver.control(peer.remote?.name ?? "", message, packet);
        return;
      case "refused":
        // Requests are numbered per receiver; only the one that asked this peer knows the number.
        for (const channel of this.#channels.values()) {
          const name = peer.remote?.name ?? "";
          if (this.#stacks.to(channel.name, name) !== peer.connection.stack) continue;
          channel.receiver.control(name, message, packet);
        }
        return;
      case "leaving":
        if (peer.remote?.role === "site") this.#links.leaving(peer, message.message);
        return;
      default:
        if (this.#groups?.control(peer, message) === true) return;
        this.#fromUpstream(peer, message, packet);
    }
  }

  /** A neighbour is served by its group from now on or, from what came `since` then, by its own connection. */
  #serve(peer: Peer, since: number | undefined): void {
    for (const [id, subscriber] of this.#subscriptions.get(peer) ?? []) {
      const { outlet } = subscriber;
      if (!(outlet instanceof PeerOutlet)) continue;
      this.#byId.get(id)?.serve(subscriber, outlet, this.#groups?.wayOf(peer, id), since ?? 0);
    }
  }

  /** In-band messages are taken only from the neighbour that serves the channel's link. */
  #fromUpstream(peer: Peer, message: ControlMessage, packet: Uint8Array): void {
    if (peer.remote?.role !== "site") {
      this.#drops.add("untrusted-source");
      return;
    }
    const channel = this.#byId.get(channelOf(packet));
    if (channel === undefined) return;
    const { name } = peer.remote;
    if (this.#links.find(name, peer.connection.stack) !== peer) return;
    if (this.#stacks.to(channel.name, name) !== peer.connection.stack) return;
    channel.receiver.control(name, message, packet);
  }

  #subscribe(peer: Peer, message: Subscribe): void {
    if (peer.remote?.role === "viewer" && this.#viewers?.admits(peer, message) === false) return;
    const channel = this.#channels.get(message.channel);
    if (channel === undefined) {
      this.#await(peer, message);
      return;
    }
    const subscribers = this.#subscriptions.get(peer);
    if (subscribers === undefined) return;
    const { request, forward, resume } = message;
    const { id, name } = channel;
    let subscriber = subscribers.get(id);
    if (subscriber === undefined) {
      const refusal = this.#refuses(channel);
      if (refusal !== undefined) {
        this.#drops.add("admission-refused");
        peer.sendControl({ type: "refused", request, ...refusal });
        return;
      }
      peer.sendControl({ type: "subscribed", request, channel: name, id, forward });
      const outlet = new PeerOutlet(peer);
      outlet.serveBy(this.#groups?.wayOf(peer, id));
      subscriber = this.#join(channel, outlet, forward, resume);
      subscriber.request = request;
      subscribers.set(id, subscriber);
      return;
    }
    peer.sendControl({ type: "subscribed", request, channel: name, id, forward });
    const forwarding = subscriber.state !== "standby";
    // A repeated request whose answer was lost changes nothing.
    if (subscriber.request === request) return;
    subscriber.request = request;
    if (forward) channel.activate(subscriber, resume);
    else if (forwarding) channel.rest(subscriber);
  }

  #await(peer: Peer, message: Subscribe): void {
    const known = this.#pending.find(
      (each) => each.peer === peer && each.message.channel === message.channel,
    );
    if (known !== undefined) {
      this.#pending = this.#pending.filter((each) => each !== known);
    } else if (this.#pending.length >= PENDING_MAX) {
      this.#drops.add("admission-refused");
      return;
    } else {
      this.#options.onEvent({ type: "channel-wanted", channel: message.channel });
    }
    this.#pending.push({ peer, message });
  }

  /** Whether a peer takes something that it could take elsewhere: what is ingested here has no other origin. */
  #isServed(peer: Peer): boolean {
    for (const [id, { state }] of this.#subscriptions.get(peer) ?? []) {
      if (state !== "standby" && this.#byId.get(id)?.ingested === false) return true;
    }
    return false;
  }

  /** Why nobody more is let into a channel, in words. */
  #refuses(channel: Channel): Refusal | undefined {
    if (this.#departure !== undefined) return LEAVING;
    const code = "admission-refused";
    const { site, maxSubscribers, maxBitsPerSecond } = this.#self;
    let count = 0;
    let bits = 0;
    for (const each of this.#channels.values()) {
      count += each.subscribers.size;
      bits += each.outgoingBits;
    }
    if (channel.subscribers.size >= channel.config.maxSubscribers) {
      const message = `${channel.name} at ${site} has its ${channel.config.maxSubscribers} subscribers; try another site`;
      return { code, message };
    }
    if (count >= maxSubscribers) {
      return { code, message: `${site} has its ${maxSubscribers} subscribers; try another site` };
    }
    const more = channel.rate * 8;
    if (channel.outgoingBits + more > channel.config.maxBitsPerSecond) {
      const message = `${channel.name} at ${site} may send ${inMbps(channel.config.maxBitsPerSecond)} and one more would pass that; try another site`;
      return { code, message };
    }
    if (bits + more > maxBitsPerSecond) {
      const message = `${site} may send ${inMbps(maxBitsPerSecond)} and one more would pass that; try another site`;
      return { code, message };
    }
    return undefined;
  }

  #join(
    channel: Channel,
    outlet: Outlet,
    forward: boolean,
    resume: Subscribe["resume"],
  ): Subscriber {
    const subscriber = channel.subscribe(this.#nextId++, outlet, forward, resume);
    const { name } = outlet;
    this.#options.onEvent({ type: "subscriber-joined", channel: channel.name, name });
    return subscriber;
  }

  #part(channel: Channel, subscriber: Subscriber, reason: string): void {
    channel.unsubscribe(subscriber);
    const { name } = subscriber.outlet;
    this.#options.onEvent({ type: "subscriber-left", channel: channel.name, name, reason });
  }
}

function inMbps(bits: number): string {
  return `${(bits / 1e6).toFixed(1)} Mbit/s`;
}
