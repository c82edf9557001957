import type { Counters } from "../../base/index.ts";
import type { DirectSends, Peer } from "../../channel/index.ts";
import { formatStack, type LayerSpec, parseStack } from "../../stack/index.ts";
import type { BundleMember } from "./bundle.ts";
import type { PacketSink } from "./packet-sink.ts";

/** What packets are sent to. */
export interface PacketSender {
  /** False: the packets were not sent, and the caller counts the drop. Never throws. */
  send(packets: Uint8Array): boolean;
}

/** Where a subscriber's packets go: a connection, or a sink in this process. */
export interface Outlet extends PacketSender {
  readonly kind: "site" | "viewer" | "rtp";
  readonly name: string;
  readonly address: string;
  readonly stack: string;
  /** True: several packets in one send, one write per frame. */
  readonly coalesces: boolean;
  /** How often the other end acknowledges what it consumed, ms; undefined: never. */
  readonly acknowledgeMs: number | undefined;
  /** Its membership in the bundle that serves it while it is live. */
  readonly member?: BundleMember | undefined;
  /** Counts what was not sent, or was refused by its receiver; its subscriber's drops are counted there too. */
  readonly drops?: Counters | undefined;
  /**
   * Begins direct sending, for a caller that sends the same to thousands of outlets: returns what `send` would pass
   * packets to. Absent: the outlet itself.
   * @param sends tells when the caller last sent
   */
  openDirect?(sends: DirectSends): PacketSender;
  /** Ends direct sending. */
  closeDirect?(): void;
  /** Whether it wants a packet; absent: all. */
  wants?(packet: Uint8Array): boolean;
  /** Bytes not yet accepted by the kernel, and the age of the oldest such write, ms. */
  backlog(): { readonly bytes: number; readonly oldestMs: number };
  close(code: string, message: string): void;
}

/** How a neighbour is served by a multicast group: its membership, and the group as a layer of a stack. */
export interface GroupDelivery {
  readonly member: BundleMember;
  readonly transport: LayerSpec;
}

/** A neighbour or viewer. */
export class PeerOutlet implements Outlet {
  readonly kind: "site" | "viewer";
  readonly name: string;
  readonly address: string;
  readonly coalesces: boolean;
  readonly acknowledgeMs: number | undefined;
  readonly peer: Peer;
  #group: GroupDelivery | undefined;

  constructor(peer: Peer) {
    this.peer = peer;
    this.kind = peer.remote?.role ?? "viewer";
    this.name = peer.remote?.name ?? "";
    this.address = peer.connection.peer;
    this.coalesces = peer.connection.coalesces;
    this.acknowledgeMs = this.kind === "viewer" ? peer.ackMs : undefined;
  }

  /** The stack that serves it now. */
  get stack(): string {
    const { stack } = this.peer.connection;
    if (this.#group === undefined) return stack;
    return formatStack({ ...parseStack(stack), transport: this.#group.transport });
  }

  get member(): BundleMember | undefined {
    return this.#group?.member;
  }

  /** Serves it by a group from now on, or (undefined) by its own connection. It must not be in a bundle. */
  serveBy(delivery: GroupDelivery | undefined): void {
    this.#group = delivery;
  }

  send(packets: Uint8Array): boolean {
    return this.peer.send(packets);
  }

  openDirect(sends: DirectSends): PacketSender {
    return this.peer.openDirect(sends);
  }

  closeDirect(): void {
    this.peer.closeDirect();
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
  readonly member: BundleMember | undefined;
  readonly drops: Counters | undefined;

  constructor(sink: PacketSink, about: { readonly name: string; readonly address: string }) {
    this.sink = sink;
    this.member = sink.member;
    this.drops = sink.drops;
    this.name = about.name;
    this.address = about.address;
  }

  wants(packet: Uint8Array): boolean {
    return this.sink.wants?.(packet) ?? true;
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
