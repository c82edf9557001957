import { type Clock, LIMITS } from "../base/index.ts";
import type { Peer } from "../channel/index.ts";

/** How a departure ended. */
export interface Departed {
  /** Neighbours and viewers that took something from here when it began. */
  readonly served: number;
  /** Of these, those that still did when it ended. */
  readonly stayed: number;
}

/** What a departure looks at. */
export interface DepartureOptions {
  readonly clock: Clock;
  /** It is over by then, whoever is left, ms. */
  readonly withinMs: number;
  readonly peers: Iterable<Peer>;
  /** Whether a peer takes something from here that it could take from elsewhere. */
  isServed(peer: Peer): boolean;
}

/** Notices are repeated to those who did not follow: a datagram may be lost. */
const REPEAT_MS = 100;

/**
 * A site that goes: tells neighbours at once and viewers one after the other, so that they do not all arrive elsewhere in
 * the same moment, and is over when nobody takes anything any more. [W28]
 */
export class Departure {
  /** Settles when everybody has gone, when nobody goes any more, or when time is up. */
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

  /** Goes on; called every few ms. */
  tick(): void {
    const now = this.#options.clock.now();
    if (now - this.#toldAt >= REPEAT_MS) {
      this.#toldAt = now;
      for (const peer of this.#options.peers) {
        if (peer.state === "open" && peer.remote?.role === "site") tell(peer);
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

function tell(peer: Peer): void {
  if (peer.state === "open") peer.sendControl({ type: "leaving", message: "the site leaves" });
}
