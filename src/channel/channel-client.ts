import { type Cancel, Counters, every, isAboutToken, messageOf } from "../base/index.ts";
import type { Connection } from "../stack/index.ts";
import {
  type ControlMessage,
  generationOf,
  KIND,
  kindOf,
  mediumOf,
  sourceOf,
} from "../wire/index.ts";
import type { ChannelClientEvents, ChannelClientOptions, ClientStats } from "./client-types.ts";
import { Peer, type Refusal } from "./peer.ts";
import { Receiver } from "./receiver.ts";
import type { InBandMessage } from "./receiver-options.ts";
import { SiteList } from "./site-list.ts";
import { StallRecovery } from "./stall-recovery.ts";

const TICK_MS = 20;
/** The heartbeat period that a viewer asks for: its site is suspected after three times this, ms. */
const VIEWER_HEARTBEAT_MS = 300;

type Path = Extract<ControlMessage, { type: "path" }>;

/**
 * A viewer of one channel: keeps a connection to one of several sites, resumes at another one when that fails or has
 * lost the channel, and acknowledges what it consumed.
 */
export class ChannelClient {
  readonly #options: ChannelClientOptions;
  readonly #events: ChannelClientEvents;
  readonly #receiver: Receiver;
  readonly #peers = new Map<string, Peer>();
  /** Peers that announced that they are leaving: another site is found while they still send. */
  readonly #leaving = new WeakSet<Peer>();
  readonly #recovery: StallRecovery;
  readonly #instance: number;
  readonly #sites: SiteList;
  #path: readonly string[] = [];
  #revision = -1;
  #dialling: string | undefined;
  #ackAt = 0;
  /** A packet arrived since the last acknowledgement. */
  #hasNews = false;
  /** The offset that the serving site told, and the last known sum, which stays valid while changing sites. */
  #peerOriginOffset: number | undefined;
  #lastOffset: number | undefined;
  #cancel: Cancel | undefined;
  #closed = false;

  constructor(options: ChannelClientOptions, events: ChannelClientEvents) {
    this.#options = options;
    this.#events = events;
    this.#sites = new SiteList(options);
    this.#instance = options.random.uint32();
    this.#receiver = new Receiver({
      channel: options.channel,
      self: `viewer ${options.name}`,
      clock: options.clock,
      counters: new Counters(),
      silenceMs: 5_000,
      resumes: () => options.resumes?.() !== false,
      events: {
        onPacket: (packet) => events.onPacket(packet),
        onInBand: (message, packet) => this.#inBand(message, packet),
        onSwitched() {},
        onRefused: (url, refusal) => this.#refused(url, refusal),
      },
    });
    this.#receiver.setAlternatives(this.#sites.all);
    this.#recovery = new StallRecovery({
      ...{ clock: options.clock, random: options.random },
      ...{ receiver: this.#receiver, peers: this.#peers, sites: () => this.#sites.all },
      isWell: (peer) => this.#isWell(peer),
      connect: (url, isWanted) => this.#connect(url, isWanted),
      drop: (url, reason) => this.#drop(url, reason),
      onState: (state) => events.onState(state),
    });
  }

  /** Add to clock.now() to get the ingest's clock, ms; undefined until known. */
  get originOffsetMs(): number | undefined {
    const offset = this.#peers.get(this.#receiver.active ?? "")?.clockOffsetMs;
    if (offset !== undefined && this.#peerOriginOffset !== undefined) {
      this.#lastOffset = offset + this.#peerOriginOffset;
    }
    return this.#lastOffset;
  }

  get stats(): ClientStats {
    const { packetsReceived, bytesReceived, packetsLost, packetsRepeated, resumes } =
      this.#receiver;
    const active = this.#peers.get(this.#receiver.active ?? "");
    return {
      packetsReceived,
      bytesReceived,
      packetsLost,
      packetsRepeated,
      resumes,
      path: this.#path,
      rttMs: active?.rttMs,
      stalledMs: this.#recovery.stalledMs,
    };
  }

  start(): void {
    if (this.#cancel !== undefined || this.#closed) return;
    this.#receiver.start();
    this.#cancel = every(this.#options.clock, "channel client", TICK_MS, () => this.#tick());
    this.#tick();
  }

  /** Closes all connections. The only event afterwards is `closed`. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancel?.();
    this.#receiver.close();
    for (const peer of this.#peers.values()) peer.close("done", "the viewer left");
    this.#peers.clear();
    this.#events.onState({ type: "closed" });
  }

  #tick(): void {
    for (const peer of [...this.#peers.values()]) peer.tick();
    this.#receiver.tick();
    this.#acknowledge();
    this.#recovery.tick();
    const isHealthy = [...this.#peers.values()].some((peer) => this.#isWell(peer));
    if (!isHealthy && this.#dialling === undefined && this.#sites.isDue) this.#dial();
  }

  /** Whether a site can be expected to go on. */
  #isWell(peer: Peer): boolean {
    return !peer.suspected && !this.#leaving.has(peer);
  }

  /** Closes the connection to a site that is not needed, and tells no one. */
  #drop(url: string, reason: string): void {
    const peer = this.#peers.get(url);
    this.#peers.delete(url);
    this.#recovery.closed(url);
    peer?.close("done", reason);
    this.#receiver.peerDown(url, reason);
  }

  async #connect(url: string, isWanted: () => boolean): Promise<void> {
    const connection = await this.#options.dial(url);
    if (!this.#closed && isWanted() && !this.#peers.has(url)) this.#attach(url, connection);
    else connection.close();
  }

  #dial(): void {
    this.#recovery.lost();
    const url = this.#sites.next((each) => this.#peers.has(each));
    if (url === undefined) return;
    this.#dialling = url;
    this.#events.onState({ type: "connecting", url });
    this.#options.dial(url).then(
      (connection) => {
        this.#dialling = undefined;
        if (this.#closed) connection.close();
        else this.#attach(url, connection);
      },
      (error: unknown) => {
        this.#dialling = undefined;
        if (this.#closed) return;
        this.#events.onState({ type: "lost", site: url, reason: messageOf(error) });
        this.#tick();
      },
    );
  }

  #attach(url: string, connection: Connection): void {
    const identity = {
      role: "viewer" as const,
      name: this.#options.name,
      instance: this.#instance,
      token: this.#options.token ?? "",
      heartbeatMs: VIEWER_HEARTBEAT_MS,
    };
    const peer: Peer = new Peer(connection, identity, true, this.#options, {
      admit: () => ({ code: "not-a-site", message: "this is a viewer" }),
      onOpen: () => {
        this.#recovery.opened(url);
        this.#receiver.peerUp(url, peer);
        if (this.#recovery.tries(url)) return;
        this.#events.onState({ type: "live", site: peer.remote?.name ?? url });
      },
      onPacket: (packet) => {
        const isContinuous = kindOf(packet) === KIND.rtp;
        this.#recovery.packet(url, isContinuous);
        this.#receiver.packet(url, packet, isContinuous);
        this.#hasNews = true;
        this.#acknowledge();
      },
      onControl: (message, packet) => this.#control(url, message, packet),
      onSuspected: () => {
        this.#receiver.peerSuspected(url);
        this.#tick();
      },
      onTrusted: () => this.#receiver.peerTrusted(url),
      onClosed: (reason) => this.#lost(url, peer, reason),
    });
    this.#peers.set(url, peer);
    peer.tick();
  }

  #lost(url: string, peer: Peer, reason: Refusal): void {
    if (this.#closed || this.#peers.get(url) !== peer) return;
    this.#peers.delete(url);
    if (!this.#recovery.closed(url)) {
      this.#receiver.peerDown(url, reason.message);
      return;
    }
    if (isAboutToken(reason.code)) {
      this.#giveUp(reason);
      return;
    }
    const isReplaced = this.#leaving.has(peer) && this.#receiver.active !== url;
    this.#receiver.peerDown(url, reason.message);
    if (isReplaced) return;
    // Other sites may allow the page, and so may this one after a restart: it is tried again.
    if (reason.code === "origin-refused") this.#events.onState({ type: "refused", ...reason });
    else
      this.#events.onState({
        type: "lost",
        site: peer.remote?.name ?? url,
        reason: reason.message,
      });
    this.#tick();
  }

  /** Moves from a full site to another one, if there is one; else the only site is asked again. */
  #refused(url: string, { code, message }: Refusal): void {
    if (this.#recovery.tries(url)) {
      this.#recovery.endTrial(message);
      return;
    }
    if (isAboutToken(code)) {
      this.#giveUp({ code, message });
      return;
    }
    this.#events.onState({ type: "refused", code, message });
    const isElsewhere = code === "admission-refused" || code === "site-leaving";
    if (isElsewhere && this.#sites.all.length > 1) {
      this.#peers.get(url)?.close("done", "the viewer tries another site");
    }
  }

  /** Every site would refuse the same token: the client stops. */
  #giveUp({ code, message }: Refusal): void {
    this.#closed = true;
    this.#cancel?.();
    this.#events.onState({ type: "refused", code, message });
    // Later, because the caller still uses the peer and the receiver.
    queueMicrotask(() => {
      this.#receiver.close();
      for (const peer of this.#peers.values()) peer.close("done", "the viewer left");
      this.#peers.clear();
    });
  }

  #control(url: string, message: ControlMessage, packet: Uint8Array): void {
    if (message.type === "subscribed") this.#sites.served(url);
    if (message.type === "sites") this.#learn(message.sites.map((site) => site.url));
    else if (message.type === "leaving") this.#leave(url);
    else if (message.type === "path") this.#heardPath(url, message, packet);
    else this.#receiver.control(url, message, packet);
  }

  #heardPath(url: string, message: Path, packet: Uint8Array): void {
    if (!this.#recovery.path(url, message)) return;
    this.#receiver.control(url, message, packet);
    this.#recovery.judge();
  }

  /** The site is leaving: a connection to another one is opened first. [W28] */
  #leave(url: string): void {
    const peer = this.#peers.get(url);
    if (peer === undefined || this.#leaving.has(peer)) return;
    this.#leaving.add(peer);
    if (this.#recovery.tries(url)) {
      this.#recovery.endTrial("it is leaving");
      return;
    }
    this.#receiver.peerLeaving(url);
    this.#tick();
  }

  #learn(urls: readonly string[]): void {
    if (this.#options.follow === false) return;
    this.#sites.learn(urls, this.#peers.keys());
    this.#receiver.setAlternatives(this.#sites.all);
  }

  #inBand(message: InBandMessage, packet: Uint8Array): void {
    const id = {
      source: sourceOf(packet),
      generation: generationOf(packet),
      medium: mediumOf(packet),
    };
    switch (message.type) {
      case "description":
        if (message.description.revision === this.#revision) return;
        this.#revision = message.description.revision;
        this.#recovery.described(message.description.tracks.length);
        this.#events.onDescription(message.description);
        return;
      case "report": {
        const { ingestMs, rtpTimestamp, rtcp } = message;
        this.#events.onReport({ ...id, ingestMs, rtpTimestamp, rtcp });
        return;
      }
      case "gap":
        this.#events.onGap({ ...id, sequence: message.sequence, count: message.count });
        return;
      case "path": {
        if (message.sites.length > 0) this.#peerOriginOffset = message.originOffsetMs;
        if (message.sites.join() === this.#path.join()) return;
        this.#path = message.sites;
        this.#events.onPath(message.sites);
        return;
      }
      case "bye":
        this.#recovery.bye();
        this.#events.onBye?.(id);
    }
  }

  /** From packets as well as from the timer: a browser slows the timers of hidden pages. */
  #acknowledge(): void {
    const peer = this.#peers.get(this.#receiver.active ?? "");
    if (peer?.state !== "open" || (peer.connection.reliable && !this.#hasNews)) return;
    const now = this.#options.clock.now();
    if (now - this.#ackAt < peer.ackMs) return;
    const points = this.#receiver.newest;
    const id = this.#receiver.activeId;
    if (points.length === 0 || id === undefined) return;
    this.#ackAt = now;
    this.#hasNews = false;
    peer.sendControl({ type: "ack", points }, id);
  }
}
