import type { Counters } from "../../base/index.ts";
import type { Peer } from "../../channel/index.ts";
import type { BundlePlace } from "./bundle.ts";
import type { PacketSink } from "./packet-sink.ts";

/** The bare way to a subscriber. */
export interface Lane {
  /** False: not taken. */
  send(packets: Uint8Array): boolean;
}

/** Where a subscriber's packets go: a connection, or a sink in this process. */
export interface Outlet {
  readonly kind: "site" | "viewer" | "rtp";
  readonly name: string;
  readonly address: string;
  readonly stack: string;
  /** True: several packets in one send, one write per frame. */
  readonly coalesces: boolean;
  /** How often the other end acknowledges what it consumed, ms; undefined: never. */
  readonly acknowledgeMs: number | undefined;
  /** Serves it while it is live, together with others. */
  readonly place?: BundlePlace | undefined;
  /** Where it counts what did not leave, or nobody took; its subscriber's drops are counted there too. */
  readonly drops?: Counters | undefined;
  /** What `send` comes down to, for whoever sends to thousands and tells by `accompany` when. Absent: the outlet itself. */
  readonly lane?: Lane | undefined;
  accompany?(sender: { readonly sentAt: number } | undefined): void;
  /** Whether it wants a packet; absent: all. */
  takes?(packet: Uint8Array): boolean;
  /** False: not taken. */
  send(packets: Uint8Array): boolean;
  /** Bytes not yet taken by the kernel, and the age of the oldest such write in ms. */
  backlog(): { readonly bytes: number; readonly oldestMs: number };
  close(code: string, message: string): void;
}

/** How a neighbour is served by a multicast group: its place among others, and the group as a transport is written. */
export interface GroupWay {
  readonly place: BundlePlace;
  readonly transport: string;
}

/** A neighbour or viewer. */
export class PeerOutlet implements Outlet {
  readonly kind: "site" | "viewer";
  readonly name: string;
  readonly address: string;
  readonly coalesces: boolean;
  readonly acknowledgeMs: number | undefined;
  readonly peer: Peer;
  readonly lane: Lane;
  #way: GroupWay | undefined;

  constructor(peer: Peer) {
    this.peer = peer;
    this.lane = peer.connection.bare ?? peer.connection;
    this.kind = peer.remote?.role ?? "viewer";
    this.name = peer.remote?.name ?? "";
    this.address = peer.connection.peer;
    this.coalesces = peer.connection.coalesces;
    this.acknowledgeMs = this.kind === "viewer" ? peer.ackMs : undefined;
  }

  /** By what it is served now. */
  get stack(): string {
    const { stack } = this.peer.connection;
    return this.#way === undefined ? stack : stack.replace(/[^:]*$/, this.#way.transport);
  }

  get place(): BundlePlace | undefined {
    return this.#way?.place;
  }

  /** From now on it is served by a group, or (undefined) by its own connection. It is in no place now. */
  serveBy(way: GroupWay | undefined): void {
    this.#way = way;
  }

  send(packets: Uint8Array): boolean {
    return this.peer.send(packets);
  }

  accompany(sender: { readonly sentAt: number } | undefined): void {
    this.peer.company = sender;
  }

  backlog(): { readonly bytes: number; readonly oldestMs: number } {
    return this.peer.connection.backlog();
  }

  close(code: string, message: string): void {
    this.peer.close(code, message);
  }
}

const NO_BACKLOG = { bytes: 0, oldestMs: 0 } as const;

/** A sink in this process. */
export class SinkOutlet implements Outlet {
  readonly kind = "rtp";
  readonly name: string;
  readonly address: string;
  readonly stack = "rtp";
  readonly coalesces = false;
  readonly acknowledgeMs = undefined;
  readonly sink: PacketSink;
  readonly place: BundlePlace | undefined;
  readonly drops: Counters | undefined;

  constructor(sink: PacketSink, about: { readonly name: string; readonly address: string }) {
    this.sink = sink;
    this.place = sink.place;
    this.drops = sink.drops;
    this.name = about.name;
    this.address = about.address;
  }

  takes(packet: Uint8Array): boolean {
    return this.sink.takes?.(packet) ?? true;
  }

  /** Always one packet: it does not coalesce. */
  send(packet: Uint8Array): boolean {
    this.sink.packet(packet);
    return true;
  }

  backlog(): { readonly bytes: number; readonly oldestMs: number } {
    return NO_BACKLOG;
  }

  close(_code: string, message: string): void {
    this.sink.close(message);
  }
}
