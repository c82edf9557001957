import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type Cancel, type Clock, type Counters, LIMITS } from "../../base/index.ts";
import { isLoopback, networkOf, StrangerQuota } from "../../transport/index.ts";
import { Caller, keyOf } from "./caller.ts";

/** How many descriptors are left for connections. */
export interface Descriptors {
  /** True: no connection may stay open; a request is answered and its connection closed. */
  readonly isSpent: boolean;
  /** True: not even an answer is possible. */
  readonly isNone: boolean;
  /** Of the process; undefined where it is not known. */
  readonly usage?: { readonly open: number; readonly limit: number } | undefined;
}

/** What {@link Connections} works with. */
export interface ConnectionsOptions {
  readonly descriptors?: Descriptors | undefined;
  /** Connections from one address; this machine has `LIMITS.loopbackShare` times as many. */
  readonly perAddress?: number | undefined;
  readonly clock: Clock;
  /** Counts those that were cut. */
  readonly counts: Counters;
}

/** A connection that has sent nothing for this long is closed first, ms. */
const SILENT_MS = 1_000;
/** Strangers that there may be however few descriptors are left: one of them may be the operator. */
const STRANGERS_MIN = 8;
/** How often their pace is looked at, ms. */
const LOOK_MS = 500;

/**
 * The connections that came in at a port. Each is a stranger until it has shown who it is; strangers have places of
 * their own. When descriptors run out, those without a request are closed, the oldest first, so that one is left for a
 * client that sends one. [A21] [A22]
 */
export class Connections {
  readonly #descriptors: Descriptors | undefined;
  readonly #perAddress: number;
  readonly #clock: Clock;
  readonly #counts: Counters;
  readonly #strangers: StrangerQuota;
  /** Connections without a request yet, oldest first. */
  readonly #silent = new Map<string, { readonly caller: Caller; readonly at: number }>();
  readonly #callers = new Map<string, Caller>();
  /** Those that speak HTTP: thousands of viewers do not, and need no look. */
  readonly #paced = new Set<Caller>();
  /** How many there are, by the network they come from. */
  readonly #networks = new Map<string, number>();
  #cancel: Cancel | undefined;

  constructor({ descriptors, perAddress, clock, counts }: ConnectionsOptions) {
    this.#descriptors = descriptors;
    this.#perAddress = perAddress ?? LIMITS.connectionsPerAddressDefault;
    this.#clock = clock;
    this.#counts = counts;
    this.#strangers = new StrangerQuota(clock, () => this.#strangerLimits);
  }

  get count(): number {
    return this.#callers.size;
  }

  /** Connections that have not shown who they are. */
  get strangerCount(): number {
    return this.#strangers.size;
  }

  /** Whether no connection may stay open. */
  get isSpent(): boolean {
    return this.#descriptors?.isSpent ?? false;
  }

  /** Takes a connection. False: it was closed at once. */
  opened(socket: Socket): boolean {
    const caller = new Caller(socket, this.#clock, this.#counts);
    const network = networkOf(caller.address);
    const siblings = this.#networks.get(network) ?? 0;
    if (siblings >= this.#perAddress * shareOf(network)) {
      caller.cut("door-address-full");
      return false;
    }
    this.#networks.set(network, siblings + 1);
    this.#callers.set(caller.key, caller);
    this.#paced.add(caller);
    socket.once("close", () => this.#left(caller, network));
    const stranger = this.#strangers.enter(caller.address, (fault) =>
      caller.cut(fault === "late" ? "door-late" : "door-crowded"),
    );
    caller.setStranger(stranger);
    const at = this.#clock.now();
    if (this.isSpent) this.#makeRoom(at - SILENT_MS);
    if (this.#descriptors?.isNone === true && !this.#makeRoom(at)) {
      socket.destroy();
      return false;
    }
    this.#silent.set(caller.key, { caller, at });
    this.#cancel ??= this.#clock.after("pace of connections", LOOK_MS, () => this.#look());
    return true;
  }

  /** The connection that a request came over, which has spoken; undefined when it has ended. */
  callerOf(socket: Pick<Socket, "remoteAddress" | "remotePort">): Caller | undefined {
    const key = keyOf(socket);
    this.#silent.delete(key);
    return this.#callers.get(key);
  }

  /** A connection speaks another protocol from now on. @param stream what carries it, above TLS */
  upgraded(caller: Caller, stream: Duplex): void {
    this.#paced.delete(caller);
    caller.upgraded(stream);
  }

  /** Ends those that speak HTTP. */
  endRequests(): void {
    for (const caller of [...this.#paced]) caller.end();
  }

  /** Looks no longer at the pace of those that are left. */
  close(): void {
    this.#strangers.close();
    this.#cancel?.();
    this.#cancel = undefined;
  }

  get #strangerLimits() {
    const { open = 0, limit = Number.POSITIVE_INFINITY } = this.#descriptors?.usage ?? {};
    // They make room for those that are known before these are refused.
    const left = limit - open + this.#strangers.size - LIMITS.descriptorsReserved / 2;
    const most = Math.floor(Math.min(LIMITS.strangersMax, limit / 4, left));
    const all = Math.max(STRANGERS_MIN, most);
    const perAddress = Math.min(all, LIMITS.strangersPerAddress);
    return { all, perAddress, perLoopback: all, ms: LIMITS.strangerMs };
  }

  #look(): void {
    for (const caller of [...this.#paced]) caller.look();
    this.#cancel =
      this.#paced.size === 0
        ? undefined
        : this.#clock.after("pace of connections", LOOK_MS, () => this.#look());
  }

  #left(caller: Caller, network: string): void {
    caller.left();
    this.#paced.delete(caller);
    if (this.#callers.get(caller.key) === caller) {
      this.#callers.delete(caller.key);
      this.#silent.delete(caller.key);
    }
    const siblings = (this.#networks.get(network) ?? 0) - 1;
    if (siblings > 0) this.#networks.set(network, siblings);
    else this.#networks.delete(network);
  }

  /** Closes the oldest connection that has sent nothing, if it was opened before `at`. */
  #makeRoom(at: number): boolean {
    const [oldest] = this.#silent;
    if (oldest === undefined || oldest[1].at > at) return false;
    this.#silent.delete(oldest[0]);
    oldest[1].caller.end();
    return true;
  }
}

/** How many times the share of an address one has. */
export function shareOf(network: string): number {
  return isLoopback(network) ? LIMITS.loopbackShare : 1;
}
