import type { Cancel, Clock } from "../base/index.ts";
import { isLoopback, networkOf } from "./address.ts";

/** How many strangers there may be, and for how long. */
export interface StrangerLimits {
  /** In all. */
  readonly all: number;
  /** From one address; of IPv6, from one /64. */
  readonly perAddress: number;
  /** From this machine, where proxies run, and whole sessions. */
  readonly perLoopback: number;
  /** Time to show who it is, ms. */
  readonly ms: number;
}

/** Why a stranger is cut: it took too long, or a newcomer needs its place. */
export type StrangerFault = "late" | "crowded";

/** A connection that has not shown yet who it is. */
export interface Stranger {
  /** It has taken a step: it may stay `ms` from now on, unless others need its place. */
  extend(ms: number): void;
  /** It is known now, or has left. Twice is fine. */
  done(): void;
}

interface Entry {
  readonly network: string;
  readonly cut: (fault: StrangerFault) => void;
  /** By the clock, ms. */
  deadline: number;
}

/** How often deadlines are looked at, ms: a stranger may stay this much longer. */
const LOOK_MS = 250;

/**
 * The places of connections that have not shown yet who they are. They have places of their own, so that they take none
 * of those that are known, and a newcomer always finds one: when its address has its share, the oldest of that address
 * goes, and when all places are taken, the oldest of the address that holds most. So a flood from some addresses keeps
 * nobody out who comes from another, and one from its own address only if it outruns its round trip. [A21]
 */
export class StrangerQuota {
  readonly #clock: Clock;
  readonly #limits: () => StrangerLimits;
  /** By network, each oldest first; networks without strangers are not kept. */
  readonly #networks = new Map<string, Set<Entry>>();
  #size = 0;
  #cancel: Cancel | undefined;

  /** @param limits asked for each newcomer, because descriptors may become scarce */
  constructor(clock: Clock, limits: () => StrangerLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Strangers now. */
  get size(): number {
    return this.#size;
  }

  /**
   * Takes a place for a connection.
   *
   * @param address IP address of the other end
   * @param cut called once, later, if it must go; it is no stranger any more then
   */
  enter(address: string, cut: (fault: StrangerFault) => void): Stranger {
    const { all, perAddress, perLoopback, ms } = this.#limits();
    const network = networkOf(address);
    const own = this.#networks.get(network)?.size ?? 0;
    if (own >= (isLoopback(network) ? perLoopback : perAddress)) this.#cutOldest(network);
    // More than one, when there may be fewer than before.
    while (this.#size >= Math.max(1, all)) this.#cutOldest(this.#heaviest());
    const entry: Entry = { network, cut, deadline: this.#clock.now() + ms };
    const siblings = this.#networks.get(network) ?? new Set<Entry>();
    this.#networks.set(network, siblings.add(entry));
    this.#size++;
    this.#cancel ??= this.#clock.after("strangers", LOOK_MS, () => this.#look());
    return {
      extend: (extra) => {
        entry.deadline = this.#clock.now() + extra;
      },
      done: () => this.#remove(entry),
    };
  }

  /** Forgets all of them, without cutting any. */
  close(): void {
    this.#networks.clear();
    this.#size = 0;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #look(): void {
    const now = this.#clock.now();
    for (const siblings of [...this.#networks.values()]) {
      for (const entry of [...siblings]) if (now >= entry.deadline) this.#cut(entry, "late");
    }
    this.#cancel =
      this.#size === 0 ? undefined : this.#clock.after("strangers", LOOK_MS, () => this.#look());
  }

  #cutOldest(network: string): void {
    const [oldest] = this.#networks.get(network) ?? [];
    if (oldest !== undefined) this.#cut(oldest, "crowded");
  }

  /** Of those that hold equally many, the one that has had strangers for longest. */
  #heaviest(): string {
    let heaviest = "";
    let most = 0;
    for (const [network, { size }] of this.#networks) {
      if (size <= most) continue;
      most = size;
      heaviest = network;
    }
    return heaviest;
  }

  #cut(entry: Entry, fault: StrangerFault): void {
    if (this.#remove(entry)) entry.cut(fault);
  }

  #remove(entry: Entry): boolean {
    const siblings = this.#networks.get(entry.network);
    if (siblings?.delete(entry) !== true) return false;
    if (siblings.size === 0) this.#networks.delete(entry.network);
    this.#size--;
    return true;
  }
}
