import { type Clock, LIMITS } from "../base/index.ts";
import type { Peer } from "../channel/index.ts";
import type { ChannelRelations } from "../wire/index.ts";

/** How a departure ended. */
export interface Departed {
  /** Neighbours and viewers that were served here when it began. */
  readonly served: number;
  /** Those of them that were still served when it ended. */
  readonly stayed: number;
}

/** What a {@link Departure} works with. */
export interface DepartureOptions {
  readonly clock: Clock;
  /** Deadline, ms. */
  readonly withinMs: number;
  readonly peers: Iterable<Peer>;
  /** What a neighbour is told of the channels that it shares with this site. */
  relationsFor(peer: Peer): readonly ChannelRelations[];
  /** Whether a peer receives something here that it could receive elsewhere. */
  isServed(peer: Peer): boolean;
}

/** Notices to sites are repeated this often, since a datagram may be lost, ms. */
const REPEAT_MS = 100;

/**
 * Shuts a site down gracefully: tells neighbours at once and viewers one after the other, so that they do not all
 * connect elsewhere at the same moment, and ends when no peer is served any more. [W28]
 */
export class Departure {
  /** Settles when all peers have left, when no further peer leaves, or at the deadline. */
  readonly done: Promise<Departed>;
  readonly #options: DepartureOptions;
  readonly #viewers: Peer[];
  readonly #served: number;
  readonly #until: number;
  readonly #perMs: number;
  #told = 0;
  #startedAt: number;
  #toldAt = Number.NEGATIVE_INFINITY;
  #count: number;
  #progressAt: number;
  #finish: (departed: Departed) => void = () => {};

  constructor(options: DepartureOptions) {
    const { clock, peers, withinMs } = options;
    const now = clock.now();
    this.#options = options;
    this.#viewers = [...peers].filter(
      ({ state, remote }) => state === "open" && remote?.role === "viewer",
    );
    this.#served = this.#count = this.#countServed();
    this.#startedAt = this.#progressAt = now;
    this.#until = now + withinMs;
    this.#perMs = this.#viewers.length / Math.min(LIMITS.departureSpreadMs, withinMs / 3);
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  /** Does what is due; called every few ms. */
  tick(): void {
    const now = this.#options.clock.now();
    if (now - this.#toldAt >= REPEAT_MS) {
      this.#toldAt = now;
      for (const peer of this.#options.peers) {
        if (peer.state === "open" && peer.remote?.role === "site")
          tell(peer, this.#options.relationsFor(peer));
      }
    }
    const due = Math.ceil((now - this.#startedAt + 1) * this.#perMs);
    while (this.#told < Math.min(due, this.#viewers.length)) {
      tell(this.#viewers[this.#told++] as Peer);
      this.#progressAt = now;
    }
    const count = this.#countServed();
    if (count < this.#count) this.#progressAt = now;
    this.#count = count;
    const isIdle = now - this.#progressAt >= LIMITS.departureIdleMs;
    if (count === 0 || isIdle || now >= this.#until) {
      this.#finish({ served: this.#served, stayed: count });
    }
  }

  #countServed(): number {
    let count = 0;
    for (const peer of this.#options.peers) if (this.#options.isServed(peer)) count++;
    return count;
  }
}

function tell(peer: Peer, channels?: readonly ChannelRelations[]): void {
  if (peer.state === "open")
    peer.sendControl({ type: "leaving", message: "the site is shutting down", channels });
}
