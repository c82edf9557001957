import { type Clock, serialDistance } from "../base/index.ts";
import type { Peer } from "../channel/index.ts";

/** Datagrams are not later than this, ms. An older request is taken again after it: its numbers may have begun anew. */
const LATE_MS = 10_000;

interface Newest {
  readonly request: number;
  /** When it came, ms. */
  readonly at: number;
}

/** [W23] Which requests of peers have been overtaken by a newer one about the same channel: datagrams may bring them late. */
export class RequestOrder {
  readonly #clock: Pick<Clock, "now">;
  /** By peer and channel id. */
  readonly #newest = new Map<Peer, Map<number, Newest>>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** Whether a newer request was there before this one; it is noted if not. @param channel id of an open one */
  isLate(peer: Peer, channel: number, request: number): boolean {
    if (peer.connection.reliable) return false;
    const now = this.#clock.now();
    const ofPeer = this.#newest.get(peer) ?? new Map<number, Newest>();
    const newest = ofPeer.get(channel);
    const isOlder = newest !== undefined && serialDistance(newest.request, request, 32) < 0;
    if (isOlder && now - newest.at <= LATE_MS) return true;
    ofPeer.set(channel, { request, at: now });
    this.#newest.set(peer, ofPeer);
    return false;
  }

  /** A peer is gone. */
  forget(peer: Peer): void {
    this.#newest.delete(peer);
  }

  /** A channel was closed. */
  closed(channel: number): void {
    for (const ofPeer of this.#newest.values()) ofPeer.delete(channel);
  }
}
