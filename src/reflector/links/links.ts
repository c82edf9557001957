import { type Clock, LIMITS, type Log, messageOf, type Random } from "../../base/index.ts";
import { Peer, type PeerEvents, type PeerIdentity, type Refusal } from "../../channel/index.ts";
import type { Connection } from "../../stack/index.ts";
import type { SiteInstance } from "../../stream/index.ts";
import type { ControlMessage } from "../../wire/index.ts";
import type { Neighbour } from "../events.ts";
import type { PeerSnapshot } from "../snapshot.ts";
import { LinkRenewal } from "./link-renewal.ts";

/** What happened to a link. `leaving`: its other end announced that it shuts down. */
export type LinkChange = "up" | "down" | "suspected" | "trusted" | "leaving";

/** A link to a neighbour that some channel needs. */
interface Link {
  readonly name: string;
  readonly stack: string;
  /** The peer that serves it: dialled, or accepted. */
  peer: Peer | undefined;
  dialling: boolean;
  attempts: number;
  retryAt: number;
  /** When the neighbour first refused it since it was last up, ms. */
  refusedSince: number | undefined;
  /** The refusal was logged as a warning. */
  warned: boolean;
}

export interface LinksOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  identity(): PeerIdentity;
  dial(neighbour: Neighbour, stack: string): Promise<Connection>;
  /** Why a hello is refused; undefined: it is accepted. */
  admit(hello: PeerIdentity, connection: Connection): Refusal | undefined;
  onOpen(peer: Peer): void;
  onPacket(peer: Peer, packet: Uint8Array): void;
  onControl(peer: Peer, message: ControlMessage, packet: Uint8Array): void;
  onSuspected(peer: Peer): void;
  onTrusted(peer: Peer): void;
  onClosed(peer: Peer, reason: Refusal): void;
  /** Something happened to a needed link. */
  onLink(name: string, stack: string, change: LinkChange, peer: Peer, reason: string): void;
}

const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 1_000;
/** A site that still refuses links after this long is not merely starting, ms. */
const STARTING_MS_MAX = 10_000;

/** All peers of a site, and the links that its channels need. */
export class Links {
  readonly #options: LinksOptions;
  /** By which side opened the connection. */
  readonly #peers = new Map<Peer, "in" | "out">();
  /** Sites, and peers that have not completed their handshake. */
  readonly #swift = new Set<Peer>();
  readonly #viewers = new Set<Peer>();
  #turn = 0;
  readonly #links = new Map<string, Link>();
  /** Shared by all accepted peers. */
  readonly #accepted: PeerEvents;
  #neighbours = new Map<string, Neighbour>();
  readonly #renewal: LinkRenewal;

  constructor(options: LinksOptions) {
    this.#options = options;
    const { clock, identity } = options;
    this.#renewal = new LinkRenewal({ clock, identity, peers: () => this.#swift });
    this.#accepted = this.#eventsOf(undefined);
  }

  /** Peers that are open or in their handshake. */
  get peers(): IterableIterator<Peer> {
    return this.#peers.keys();
  }

  /** Sites whose links are open. */
  *sites(): Generator<Peer> {
    for (const peer of this.#swift)
      if (peer.state === "open" && peer.remote?.role === "site") yield peer;
  }

  /** True when nothing is due before the next slow tick: there are no peers except viewers. */
  get isCalm(): boolean {
    return this.#swift.size === 0 && this.#links.size === 0;
  }

  /** True when there are no peers. */
  get isEmpty(): boolean {
    return this.#peers.size === 0;
  }

  setNeighbours(neighbours: readonly Neighbour[]): void {
    this.#neighbours = new Map(neighbours.map((each) => [each.name, each]));
    for (const link of this.#links.values()) link.retryAt = 0;
  }

  /** Sets which links are needed: `name` and stack. Those no longer needed are closed. */
  need(wanted: readonly { readonly name: string; readonly stack: string }[]): void {
    const keys = new Set(wanted.map(({ name, stack }) => keyOf(name, stack)));
    for (const { name, stack } of wanted) {
      const key = keyOf(name, stack);
      if (this.#links.has(key)) continue;
      const peer = this.#openPeer(name, stack);
      const link: Link = {
        ...{ name, stack, peer, dialling: false, attempts: 0, retryAt: 0 },
        ...{ refusedSince: undefined, warned: false },
      };
      this.#links.set(key, link);
      if (peer !== undefined) this.#options.onLink(name, stack, "up", peer, "already connected");
    }
    for (const [key, link] of this.#links) {
      if (keys.has(key)) continue;
      this.#links.delete(key);
      const { peer } = link;
      // A peer that the other side dialled stays open for what the other side receives from us.
      if (peer !== undefined && this.#peers.get(peer) === "out") {
        peer.close("done", "no channel uses this link any more");
      }
    }
  }

  /** The peer that serves a link. */
  find(name: string, stack: string): Peer | undefined {
    return this.#links.get(keyOf(name, stack))?.peer;
  }

  accept(connection: Connection): void {
    this.#attach(connection, "in", undefined);
  }

  /** [W49] The session has another link key, because these sites were put out. */
  rekey(expelled: readonly SiteInstance[]): void {
    for (const peer of [...this.sites()]) {
      const { name = "", instance = 0 } = peer.remote ?? {};
      if (expelled.some((each) => each.site === name && each.instance === instance))
        peer.close("site-expelled", `${name} was put out of the session`);
    }
    this.#renewal.begin();
  }

  /** Drives peers and dialling. With `slow`, every other viewer too. */
  tick(slow: boolean): void {
    this.#renewal.tick();
    for (const peer of this.#swift) peer.tick();
    if (slow) this.#tickViewers();
    const now = this.#options.clock.now();
    for (const link of this.#links.values()) {
      if (link.peer === undefined && !link.dialling && now >= link.retryAt) this.#dial(link);
    }
  }

  close(): void {
    this.#links.clear();
    for (const peer of [...this.#peers.keys()]) peer.close("site-stopped", "the site stops");
    this.#peers.clear();
  }

  snapshot(): PeerSnapshot[] {
    return [...this.#peers].map(([peer, direction]) => ({
      name: peer.remote?.name ?? "",
      role: peer.remote?.role ?? "site",
      stack: peer.connection.stack,
      address: peer.connection.peer,
      state: stateOf(peer),
      direction,
      rttMs: peer.rttMs,
      counts: countsOf(peer),
    }));
  }

  #tickViewers(): void {
    let turn = this.#turn++ % 2;
    for (const peer of this.#viewers) if (turn++ % 2 === 0) peer.tick();
  }

  #openPeer(name: string, stack: string): Peer | undefined {
    for (const peer of this.#peers.keys()) {
      const { remote, state, connection } = peer;
      if (
        state === "open" &&
        remote?.role === "site" &&
        remote.name === name &&
        connection.stack === stack
      ) {
        return peer;
      }
    }
    return undefined;
  }

  #dial(link: Link): void {
    const neighbour = this.#neighbours.get(link.name);
    if (neighbour === undefined) return;
    link.dialling = true;
    const pause = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(link.attempts, 10));
    link.attempts++;
    link.retryAt = this.#options.clock.now() + pause * (0.5 + this.#options.random.float() / 2);
    this.#options.dial(neighbour, link.stack).then(
      (connection) => {
        if (this.#links.get(keyOf(link.name, link.stack)) !== link) {
          link.dialling = false;
          connection.close();
        } else this.#attach(connection, "out", link);
      },
      (error: unknown) => {
        link.dialling = false;
        const about = { peer: link.name, stack: link.stack, error: messageOf(error) };
        this.#options.log.debug("A neighbour could not be reached.", about);
      },
    );
  }

  #attach(connection: Connection, direction: "in" | "out", link: Link | undefined): void {
    const options = this.#options;
    const events = link === undefined ? this.#accepted : this.#eventsOf(link);
    const peer = new Peer(connection, options.identity(), direction === "out", options, events);
    this.#peers.set(peer, direction);
    this.#swift.add(peer);
    peer.tick();
  }

  /** The events of the peer that was dialled for a link, or of all accepted peers. */
  #eventsOf(link: Link | undefined): PeerEvents {
    const options = this.#options;
    return {
      admit: (hello, peer) => options.admit(hello, peer.connection),
      acknowledgeMs: () => acknowledgeMs(this.#viewers.size),
      onOpen: (peer) => this.#opened(peer, link),
      onPacket: (packet, peer) => options.onPacket(peer, packet),
      onControl: (message, packet, peer) => options.onControl(peer, message, packet),
      onSuspected: (peer) => {
        options.onSuspected(peer);
        this.#tellLinks(peer, "suspected", "silent");
      },
      onTrusted: (peer) => {
        options.onTrusted(peer);
        this.#tellLinks(peer, "trusted", "heard again");
      },
      onClosed: (reason, peer) => this.#closed(peer, link, reason),
    };
  }

  #opened(peer: Peer, dialled: Link | undefined): void {
    if (dialled !== undefined) dialled.dialling = false;
    this.#peers.set(peer, this.#peers.get(peer) ?? "in");
    if (peer.remote?.role === "viewer") {
      this.#swift.delete(peer);
      this.#viewers.add(peer);
    }
    this.#options.onOpen(peer);
    const name = peer.remote?.name ?? "";
    const link = dialled ?? this.#links.get(keyOf(name, peer.connection.stack));
    if (link === undefined || peer.remote?.role !== "site") return;
    if (dialled !== undefined && name !== dialled.name) {
      peer.close("wrong-site", `${dialled.name} was expected here, but this is ${name}`);
      return;
    }
    link.attempts = 0;
    link.refusedSince = undefined;
    link.warned = false;
    if (link.peer !== undefined && link.peer !== peer) return;
    link.peer = peer;
    this.#options.onLink(link.name, link.stack, "up", peer, "connected");
  }

  #closed(peer: Peer, dialled: Link | undefined, reason: Refusal): void {
    if (dialled !== undefined) {
      dialled.dialling = false;
      if (peer.remote === undefined) this.#tellRefused(dialled, reason);
    }
    // A datagram peer whose process was restarted continues as the same object; others are gone.
    if (peer.state === "closed") {
      this.#peers.delete(peer);
      this.#swift.delete(peer);
      this.#viewers.delete(peer);
    }
    for (const link of this.#links.values()) {
      if (link.peer !== peer) continue;
      link.peer = this.#openPeer(link.name, link.stack);
      if (link.peer === peer) link.peer = undefined;
      link.retryAt = 0;
      this.#options.onLink(link.name, link.stack, "down", peer, reason.message);
      if (link.peer !== undefined) {
        this.#options.onLink(link.name, link.stack, "up", link.peer, "another connection");
      }
    }
    this.#options.onClosed(peer, reason);
  }

  /** Warns once until the link was up. That a neighbour is still starting is normal for a while. */
  #tellRefused(link: Link, { code, message }: Refusal): void {
    const { name, stack, refusedSince, warned } = link;
    const now = this.#options.clock.now();
    link.refusedSince = refusedSince ?? now;
    const isStarting = code === "site-starting" && now - link.refusedSince < STARTING_MS_MAX;
    const about = { peer: name, stack, code, reason: message };
    if (warned || isStarting) {
      this.#options.log.debug("A neighbour refused a link.", about);
      return;
    }
    link.warned = true;
    this.#options.log.warn("A neighbour refused a link.", about);
  }

  /** The site at the other end announced that it is leaving. */
  leaving(peer: Peer, reason: string): void {
    this.#tellLinks(peer, "leaving", reason);
  }

  #tellLinks(peer: Peer, change: "suspected" | "trusted" | "leaving", reason: string): void {
    for (const link of this.#links.values()) {
      if (link.peer === peer) this.#options.onLink(link.name, link.stack, change, peer, reason);
    }
  }
}

/** How often a further viewer shall acknowledge, ms. [W26] */
function acknowledgeMs(viewers: number): number {
  const fair = (viewers * 1_000) / LIMITS.acksPerSecond;
  return Math.round(Math.min(LIMITS.ackMsMax, Math.max(LIMITS.ackMs, fair)));
}

/** A peer's state as snapshots name it. */
function stateOf({ state, suspected }: Peer): PeerSnapshot["state"] {
  if (state === "handshake") return "greeting";
  return state === "open" && suspected ? "suspected" : state;
}

/** What a peer's stack has counted. Nothing for viewers, which are many and have no modules. */
function countsOf({ remote, connection }: Peer): Record<string, number> {
  if (remote?.role === "viewer") return {};
  const counts = Object.entries(connection.stats?.() ?? {});
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

function keyOf(name: string, stack: string): string {
  return `${name} ${stack}`;
}
