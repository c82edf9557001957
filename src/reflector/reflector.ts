import { Counters, LIMITS } from "../base/index.ts";
import type { Peer, Refusal } from "../channel/index.ts";
import type { ChannelConfig, ReshapingConfig } from "../session/index.ts";
import type { Connection } from "../stack/index.ts";
import type { SiteInstance } from "../stream/index.ts";
import type { NamedRoom } from "../wire/index.ts";
import { Admission, type SiteIdentity } from "./admission.ts";
import { Channel } from "./channel/channel.ts";
import type { ChannelPublisher } from "./channel/channel-publisher.ts";
import { ChannelTable } from "./channel-table.ts";
import { ControlRouter } from "./control-router.ts";
import { type Departed, Departure } from "./departure.ts";
import type { PacketSink } from "./egress/packet-sink.ts";
import type { Neighbour, PlaneEvent } from "./events.ts";
import { ChannelStacks } from "./links/channel-stacks.ts";
import { LinkGroups } from "./links/link-groups.ts";
import { Links } from "./links/links.ts";
import { UpstreamLinks } from "./links/upstream-links.ts";
import type { ReflectorOptions } from "./reflector-options.ts";
import { RESHAPING_POLICIES } from "./reshaping/policies/index.ts";
import { partsOf } from "./reshaping/relation-teller.ts";
import { Reshaper } from "./reshaping/reshaper.ts";
import { SiteRooms } from "./site-rooms.ts";
import type { PeerSnapshot, PlaneSnapshot } from "./snapshot.ts";
import { type ReflectorStats, sumsOf } from "./stats.ts";
import { Subscriptions } from "./subscriptions.ts";
import { type Pace, type Tick, Ticker } from "./ticker.ts";
import { ViewerAdmission } from "./viewer-admission.ts";
import { ViewerAlternatives, type ViewerSite } from "./viewer-alternatives.ts";

/**
 * The forwarding plane of one site: channels, the links they arrive over, and their subscribers.
 *
 * Runs on one event loop and never waits; everything outside is a port (`dial`, connections, clock, random numbers).
 */
export class Reflector {
  readonly #options: ReflectorOptions;
  readonly #channels = new ChannelTable();
  readonly #drops = new Counters();
  readonly #stacks: ChannelStacks;
  readonly #admission: Admission;
  readonly #viewers: ViewerAdmission | undefined;
  readonly #links: Links;
  readonly #upstreams: UpstreamLinks;
  readonly #groups: LinkGroups | undefined;
  readonly #subscriptions: Subscriptions;
  readonly #reshaper: Reshaper;
  readonly #router: ControlRouter;
  readonly #ticker: Ticker;
  readonly #alternatives: ViewerAlternatives;
  readonly #rooms: SiteRooms;
  /** Names of the other sites. */
  #neighbours: ReadonlySet<string> = new Set();
  #sequence = 0;
  #departure: Departure | undefined;

  constructor(options: ReflectorOptions) {
    const [channels, drops] = [this.#channels, this.#drops];
    this.#options = options;
    this.#rooms = new SiteRooms({
      ...{ clock: options.clock, own: () => this.#admission.room(), sites: () => this.#neighbours },
      neighbours: () => this.#links.sites(),
    });
    this.#alternatives = new ViewerAlternatives({
      ...{ clock: options.clock, random: options.random },
      roomOf: (site) => this.#rooms.subscribersAt(site, this.#admission.bitsPerSubscriber),
      viewers: () => this.#toldViewers(),
    });
    this.#stacks = new ChannelStacks(options.security);
    this.#admission = new Admission({
      ...{ clock: options.clock, security: options.security, drops, channels },
      viewerPlaces: options.viewerPlaces,
    });
    this.#viewers =
      options.viewers &&
      new ViewerAdmission({
        gate: options.viewers,
        drops,
        onFirst: (peer) => {
          options.onKnown?.(peer.connection);
          this.#alternatives.tell(peer);
        },
        onAdmitted: (peer, message) => this.#subscriptions.subscribe(peer, message),
      });
    this.#subscriptions = new Subscriptions({
      clock: options.clock,
      ...{ admission: this.#admission, channels, drops, viewers: this.#viewers },
      groupOf: (peer, channel) => this.#groups?.deliveryOf(peer, channel),
      onEvent: (event) => this.#tell(event),
    });
    this.#groups =
      options.groups &&
      new LinkGroups({
        ...options,
        sockets: options.groups,
        onServed: (peer, since) => this.#subscriptions.serve(peer, since),
        onPacket: (peer, packet) => this.#router.packet(peer, packet),
        onDrop: (reason) => drops.add(`group-${reason}`),
      });
    this.#links = new Links({
      ...options,
      identity: () => this.#admission.identity(),
      admit: (hello, connection) => this.#admission.refusePeer(hello, connection),
      onOpen: (peer) => this.#opened(peer),
      onPacket: (peer, packet) => this.#router.packet(peer, packet),
      onControl: (peer, message, packet) => this.#router.control(peer, message, packet),
      onSuspected: (peer) => this.#tellPeer("peer-suspected", peer, "silent"),
      onTrusted: (peer) => this.#tellPeer("peer-up", peer, "heard again"),
      onClosed: (peer, reason) => this.#closed(peer, reason),
      onLink: (name, stack, change, peer, reason) =>
        this.#upstreams.changed(name, stack, change, peer, reason),
    });
    this.#upstreams = new UpstreamLinks(channels, this.#links, this.#stacks);
    this.#reshaper = new Reshaper({
      ...{ clock: options.clock, channels, drops, onEvent: options.onEvent },
      site: () => this.#admission.site,
      sites: () => this.#neighbours,
      neighbours: () => this.#links.sites(),
      setLearned: (channel, names) => this.#upstreams.setLearned(channel, names),
    });
    this.#router = new ControlRouter({
      ...{ channels, drops, reshaper: this.#reshaper, rooms: this.#rooms },
      ...{ links: this.#links, stacks: this.#stacks, groups: this.#groups },
      subscriptions: this.#subscriptions,
    });
    this.#ticker = new Ticker({
      clock: options.clock,
      pace: () => this.#pace(),
      onTick: (tick) => this.#tick(tick),
    });
  }

  /** Sets who this site is; once, before anything else. */
  configure(self: SiteIdentity): void {
    this.#admission.configure(self);
  }

  /** [W49] The session has another link key, because these sites were put out. */
  rekey(linkKey: string, expelled: readonly SiteInstance[]): void {
    this.#admission.setLinkKey(linkKey);
    this.#links.rekey(expelled);
    this.#groups?.renew();
  }

  /** Sets how many subscribers and bits per second its channels may have together. */
  setLimits(limits: Pick<SiteIdentity, "maxSubscribers" | "maxBitsPerSecond">): void {
    this.#admission.setLimits(limits);
  }

  /** Sets how other sites are reached. */
  setNeighbours(neighbours: readonly Neighbour[]): void {
    const others = neighbours.filter(({ name }) => name !== this.#admission.site);
    this.#neighbours = new Set(others.map(({ name }) => name));
    this.#upstreams.setNeighbours(others);
  }

  /** Sets from whom channels are received when their routes fail. */
  setReshaping({ costs, policy }: ReshapingConfig): void {
    this.#reshaper.setPolicy(RESHAPING_POLICIES[policy], costs);
  }

  /** Sets which sites viewers are told to use when this one is gone; each viewer in an order of its own. */
  setSites(sites: readonly ViewerSite[]): void {
    this.#alternatives.set(sites);
  }

  /** The leader passed on what room other sites have. [W37] */
  setRooms(rooms: readonly NamedRoom[]): void {
    this.#rooms.passedOn(rooms);
  }

  /**
   * Opens a channel, or changes an open one without disturbing its subscribers.
   *
   * @throws {MeanderError} `channels-exhausted`, `stack-…`
   */
  openChannel(options: {
    readonly name: string;
    readonly id: number;
    readonly config: ChannelConfig;
    /** Sites at which it is ingested, as far as the directory knows. */
    readonly ingests?: readonly string[] | undefined;
  }): void {
    const { name, id, config, ingests = [] } = options;
    let channel = this.#channels.get(name);
    if (channel !== undefined && channel.id !== id) {
      this.closeChannel(name, "the channel was opened again with another id");
      channel = undefined;
    }
    channel ??= this.#makeChannel(name, id, config);
    const upstreams = (config.input?.from ?? []).filter((each) => each !== this.#admission.site);
    if (this.#stacks.set(name, config.input?.stack ?? "udp")) {
      channel.receiver.setAlternatives([]);
    }
    channel.configure(config);
    this.#upstreams.setUpstreams(channel, upstreams);
    this.#reshaper.setRoute(name, upstreams, ingests);
    this.#subscriptions.channelOpened(name);
    this.#ticker.hurry();
  }

  /** Refuses the requests that wait for a channel to be opened. */
  refuseChannel(channel: string, code: string, message: string): void {
    this.#subscriptions.channelRefused(channel, { code, message });
  }

  closeChannel(name: string, reason: string): void {
    const channel = this.#channels.get(name);
    if (channel === undefined) return;
    channel.close(reason);
    this.#subscriptions.channelClosed(channel);
    this.#channels.delete(channel);
    this.#stacks.delete(name);
    this.#reshaper.closed(name);
    this.#upstreams.need();
  }

  /** Accepts a connection that was opened from outside: by a site or a viewer, as its handshake will tell. */
  accept(connection: Connection): void {
    this.#links.accept(connection);
    this.#ticker.hurry();
  }

  /** @throws {MeanderError} `channel-unknown` */
  openPublisher(channel: string): ChannelPublisher {
    return this.#channels.require(channel, this.#admission.site).openPublisher();
  }

  /**
   * Adds a receiver in this process. @returns its number, for `removeSink`
   *
   * @throws {MeanderError} `channel-unknown`, `admission-refused`, `site-leaving`
   */
  addSink(
    channel: string,
    about: { readonly kind: "rtp"; readonly name: string; readonly address: string },
    sink: PacketSink,
  ): number {
    const open = this.#channels.require(channel, this.#admission.site);
    const id = this.#subscriptions.addSink(open, about, sink);
    this.#ticker.hurry();
    return id;
  }

  removeSink(id: number): void {
    this.#subscriptions.removeSink(id);
  }

  /** The links that are open or in their handshake, and the viewers. */
  peers(): readonly PeerSnapshot[] {
    return this.#links.snapshot();
  }

  snapshot(): PlaneSnapshot {
    const channels = [...this.#channels];
    return {
      at: this.#options.clock.now(),
      channels: channels.map((channel) =>
        channel.snapshot(
          (site) => this.#stacks.to(channel.name, site),
          this.#reshaper.originsOf(channel.name),
        ),
      ),
      peers: this.#links.snapshot(),
      drops: this.#drops.toJSON(),
    };
  }

  /** The sites that a channel passes on its way here, this one last; empty: it does not arrive, or is not open. */
  pathOf(channel: string): readonly string[] {
    return this.#channels.get(channel)?.path ?? [];
  }

  /** Sums over the channels: cheap at any number of subscribers. */
  stats(): ReflectorStats {
    return sumsOf({
      at: this.#options.clock.now(),
      ...{ channels: this.#channels, peers: this.#links.peers },
      ...{ drops: this.#drops.toJSON(), room: this.#rooms.own },
    });
  }

  /**
   * Has neighbours and viewers continue elsewhere, make before break, and admits no new ones. Settles when they have
   * left, or after `withinMs`; at once when there is no other site. [W28]
   */
  depart(withinMs: number): Promise<Departed> {
    if (this.#alternatives.count === 0) return Promise.resolve({ served: 0, stayed: 0 });
    this.#admission.leave();
    this.#departure ??= new Departure({
      clock: this.#options.clock,
      withinMs,
      peers: { [Symbol.iterator]: () => this.#links.peers },
      isServed: (peer) => this.#subscriptions.isServed(peer),
      relationsFor: (peer) => {
        const [first = []] = partsOf(this.#reshaper.relationsFor(peer));
        return first;
      },
    });
    if (!this.#reshaper.policy.forwardsWhileLeaving) this.#subscriptions.restAll();
    this.#ticker.hurry();
    return this.#departure.done;
  }

  close(): void {
    this.#ticker.close();
    for (const { name } of [...this.#channels]) this.closeChannel(name, "the site stops");
    this.#links.close();
    this.#groups?.close();
  }

  #makeChannel(name: string, id: number, config: ChannelConfig): Channel {
    this.#channels.checkRoom(name);
    const { clock, log, lingerMs = LIMITS.lingerMs } = this.#options;
    const channel = new Channel({
      name,
      id,
      site: this.#admission.site,
      ...{ config, clock, log, lingerMs },
      onEvent: (event) => this.#tell(event),
      nextSequence: () => this.#sequence++ >>> 0,
      clockOffsetTo: (site) => this.#links.find(site, this.#stacks.to(name, site))?.clockOffsetMs,
    });
    this.#channels.add(channel);
    return channel;
  }

  #pace(): Pace {
    if (this.#departure !== undefined || !this.#links.isCalm) return "fast";
    for (const channel of this.#channels) if (!channel.isCalm) return "fast";
    return this.#links.isEmpty ? "calm" : "slow";
  }

  #tick({ second, slow }: Tick): void {
    this.#links.tick(slow);
    this.#groups?.tick();
    this.#departure?.tick();
    for (const channel of this.#channels) channel.tick(slow, second);
    if (second) this.#rooms.tick();
    if (!slow) return;
    this.#reshaper.tick();
    this.#alternatives.tick();
  }

  /** What happens to a channel's subscribers or inputs concerns its neighbours, too. */
  #tell(event: PlaneEvent): void {
    if ("channel" in event) this.#reshaper.note(event.channel);
    this.#options.onEvent(event);
  }

  #opened(peer: Peer): void {
    this.#subscriptions.opened(peer);
    const { viewers, onKnown } = this.#options;
    const isOpen = viewers === undefined || viewers.isOpen === true;
    if (isOpen || peer.remote?.role === "site") onKnown?.(peer.connection);
    if (this.#isTold(peer)) this.#alternatives.tell(peer);
    this.#tellPeer("peer-up", peer, "connected");
    this.#groups?.opened(peer);
    if (peer.remote?.role === "site") this.#reshaper.connected(peer);
  }

  #closed(peer: Peer, reason: Refusal): void {
    const wasOpen = this.#subscriptions.closed(peer, reason.message);
    this.#groups?.gone(peer);
    this.#viewers?.gone(peer);
    if (peer.malformed > 0) this.#drops.add("malformed-control", peer.malformed);
    if (peer.connection.malformed > 0) this.#drops.add("malformed", peer.connection.malformed);
    if (wasOpen) this.#tellPeer("peer-down", peer, reason.message);
    if (wasOpen && peer.remote?.role === "site") this.#reshaper.disconnected(peer, reason.code);
  }

  /** The viewers that are told of the other sites. */
  *#toldViewers(): Generator<Peer> {
    for (const peer of this.#links.peers) if (this.#isTold(peer)) yield peer;
  }

  /** Whether a peer is told of the other sites: a viewer that may watch something. [W24] */
  #isTold(peer: Peer): boolean {
    const isViewer = peer.state === "open" && peer.remote?.role === "viewer";
    return isViewer && this.#viewers?.knows(peer) !== false;
  }

  #tellPeer(type: "peer-up" | "peer-down" | "peer-suspected", peer: Peer, reason: string): void {
    if (peer.remote?.role !== "site") return;
    const { name } = peer.remote;
    this.#options.onEvent({ type, name, stack: peer.connection.stack, reason });
  }
}
