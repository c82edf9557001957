import { assert, type Clock, LIMITS, MeanderError, type Random } from "../base/index.ts";
import {
  type Connection,
  type ConnectionEnd,
  type Listener,
  PacketInbox,
  type Transport,
} from "../stack/index.ts";
import { Ending } from "./ending.ts";
import { StreamBacklog } from "./stream-backlog.ts";
import { plain, wholePacketsEnd } from "./whole-packets.ts";

/** How a pair in memory behaves. Faults need `reliable: false` and a `random`; times need a `clock`. */
export interface MemoryOptions {
  /** Default true. False: like datagrams, one packet each, no sign of the peer's end. */
  readonly reliable?: boolean;
  /** Times deliveries. Without one they come in the next microtask. */
  readonly clock?: Clock;
  /** One way, ms; default 0. */
  readonly latencyMs?: number;
  readonly random?: Random;
  /** Share of packets that never arrive, 0..1. */
  readonly lossRatio?: number;
  /** Share of packets that arrive twice, 0..1. */
  readonly duplicateRatio?: number;
  /** Share of packets that take up to `reorderMs` longer, 0..1. */
  readonly reorderRatio?: number;
  /** Default 10. */
  readonly reorderMs?: number;
  /** What differs between the ends: of the left one, and of the right one. */
  readonly ends?: readonly [left: MemoryEnd, right: MemoryEnd];
  /** Most bytes of one send; default `LIMITS.batchBytesMax`, or `LIMITS.datagramBytesMax` when not reliable. */
  readonly maxBytes?: number;
}

/** What one end of a pair in memory is like. */
export interface MemoryEnd {
  /** The stack that it is, as text. Default `memory`. */
  readonly stack?: string;
  /**
   * Carries what this end sends, in place of the times and faults of the pair.
   *
   * @param deliver to be called when the bytes arrive: once, and in order, on reliable pairs; never or several times on
   *   others
   */
  readonly carry?: (byteCount: number, deliver: () => void) => void;
  /**
   * Does what follows from an arrival at this end, now or later, in order: while its process stands still, what arrives
   * is with its kernel, and no longer with the sender. Default: now.
   */
  readonly handle?: (task: () => void) => void;
}

/** Two ends of one connection in this process. */
export function memoryPair(options: MemoryOptions = {}): [MemoryConnection, MemoryConnection] {
  return joinedPair(options, "memory:left", "memory:right");
}

/** One end of a {@link memoryPair}. */
export class MemoryConnection implements Connection {
  readonly stack: string;
  readonly peer: string;
  readonly reliable: boolean;
  readonly coalesces: boolean;
  readonly maxBytes: number;
  readonly #options: MemoryOptions;
  readonly #end: MemoryEnd;
  readonly #ending = new Ending();
  readonly #inbox: PacketInbox;
  readonly #backlog: StreamBacklog;
  #other: MemoryConnection | undefined;
  #flyingBytes = 0;
  #malformed = 0;
  #earlyDropped = 0;

  constructor(peer: string, options: MemoryOptions, end: MemoryEnd = {}) {
    const { reliable = true, clock, random } = options;
    const faults = [options.lossRatio, options.duplicateRatio, options.reorderRatio];
    const hasFaults = faults.some((ratio) => ratio !== undefined && ratio > 0);
    assert(!hasFaults || (!reliable && random !== undefined), "faults need chance, and no promise");
    const isTimed = (options.latencyMs ?? 0) > 0 || (options.reorderRatio ?? 0) > 0;
    assert(!isTimed || clock !== undefined, "latency needs a clock");
    this.peer = peer;
    this.stack = end.stack ?? "memory";
    this.#end = end;
    this.reliable = reliable;
    this.coalesces = reliable;
    this.maxBytes = options.maxBytes ?? (reliable ? LIMITS.batchBytesMax : LIMITS.datagramBytesMax);
    this.#options = options;
    this.#inbox = new PacketInbox(reliable ? LIMITS.backlogBytesMax : LIMITS.earlyBytesMax);
    this.#backlog = new StreamBacklog(clock ?? { now: () => 0 }, () =>
      reliable ? this.#flyingBytes + (this.#other?.heldBytes ?? 0) : 0,
    );
  }

  get closed(): Promise<ConnectionEnd> {
    return this.#ending.closed;
  }

  get malformed(): number {
    return this.#malformed;
  }

  /** Bytes that arrived before there was a handler. */
  get heldBytes(): number {
    return this.#inbox.heldBytes;
  }

  /** Joins two ends; for {@link memoryPair}. */
  join(other: MemoryConnection): void {
    this.#other = other;
  }

  send(packets: Uint8Array): boolean {
    if (this.#ending.hasEnded || packets.byteLength > this.maxBytes) return false;
    if (!this.#backlog.hasRoomFor(packets.byteLength)) return false;
    if (this.#end.carry !== undefined) {
      this.#carry(packets, 0);
      return true;
    }
    const { random, latencyMs = 0, reorderMs = 10 } = this.#options;
    // A chance is taken for each fault of each packet, so that a seed means the same whatever happens to others.
    const [isLost, isTwice, isLate] = [
      this.#happens(this.#options.lossRatio),
      this.#happens(this.#options.duplicateRatio),
      this.#happens(this.#options.reorderRatio),
    ];
    if (isLost) return true;
    const extraMs = isLate && random !== undefined ? random.float() * reorderMs : 0;
    this.#carry(packets, latencyMs + extraMs);
    if (isTwice) this.#carry(packets, latencyMs);
    return true;
  }

  onPackets(handler: (bytes: Uint8Array) => void): void {
    this.#inbox.setHandler(handler);
  }

  backlog(): { readonly bytes: number; readonly oldestMs: number } {
    return this.#backlog.report();
  }

  stats(): Readonly<Record<string, number>> {
    return { "early-dropped": this.#earlyDropped };
  }

  close(): void {
    if (!this.#ending.end(undefined)) return;
    this.#inbox.close();
    const other = this.#other;
    if (!this.reliable || other === undefined) return;
    this.#later(1, this.#options.latencyMs ?? 0, () =>
      other.handle(() => other.#inbox.whenHandled(() => other.end(undefined))),
    );
  }

  /** Ends both sides at once as when a machine is gone: what is under way is lost. */
  reset(): void {
    const why = new MeanderError("connection-reset", "the connection was reset", {
      where: this.peer,
    });
    this.end(why);
    this.#other?.end(why);
  }

  /** For the other end: this one ends too. */
  end(why: ConnectionEnd): void {
    this.#ending.end(why);
    this.#inbox.close();
  }

  #carry(packets: Uint8Array, delayMs: number): void {
    const { byteLength } = packets;
    // What is no stream may never arrive, and is not waited for.
    if (this.reliable) this.#flyingBytes += byteLength;
    this.#backlog.wrote(byteLength);
    this.#later(byteLength, delayMs, () => {
      if (this.reliable) this.#flyingBytes -= byteLength;
      this.#other?.handle(() => this.#other?.arrive(packets));
    });
  }

  /** For the other end: something has arrived. */
  handle(task: () => void): void {
    if (this.#end.handle === undefined) task();
    else this.#end.handle(task);
  }

  /** For the other end: bytes that it sent. */
  arrive(packets: Uint8Array): void {
    if (this.#ending.hasEnded) return;
    const end = wholePacketsEnd(packets);
    if (end < packets.byteLength) this.#malformed++;
    // A copy: what arrives belongs to the receiver, and what was sent never changes.
    if (end > 0 && !this.#inbox.deliver(plain(packets).slice(0, end))) this.#earlyDropped++;
  }

  #later(byteCount: number, delayMs: number, task: () => void): void {
    const { clock } = this.#options;
    const { carry } = this.#end;
    if (carry !== undefined) carry(byteCount, task);
    else if (clock === undefined) queueMicrotask(task);
    else clock.after("memory delivery", delayMs, task);
  }

  #happens(ratio: number | undefined): boolean {
    return ratio !== undefined && ratio > 0 && (this.#options.random?.float() ?? 1) < ratio;
  }
}

/** A network within a process: all users of one MemoryTransport reach each other by made-up addresses. */
export class MemoryTransport implements Transport {
  readonly name = "memory";
  readonly #options: MemoryOptions;
  readonly #listeners = new Map<string, (connection: MemoryConnection) => void>();
  readonly #connections = new Set<MemoryConnection>();
  #dialled = 0;

  /** @param options of every connection */
  constructor(options: MemoryOptions = {}) {
    this.#options = options;
  }

  /**
   * Waits for connections to `address`.
   *
   * @throws {MeanderError} `port-in-use`
   */
  listen(address: string, accept: (connection: MemoryConnection) => void): Listener {
    if (this.#listeners.has(address)) {
      throw new MeanderError("port-in-use", "the address is in use", { where: address });
    }
    this.#listeners.set(address, accept);
    return {
      address,
      [Symbol.asyncDispose]: async () => void this.#listeners.delete(address),
    };
  }

  async connect(address: string): Promise<MemoryConnection> {
    const accept = this.#listeners.get(address);
    if (accept === undefined) {
      throw new MeanderError("connect-refused", "connection refused", { where: address });
    }
    const caller = `memory:${++this.#dialled}`;
    const [here, there] = joinedPair(this.#options, caller, address);
    for (const each of [here, there]) {
      this.#connections.add(each);
      void each.closed.then(() => this.#connections.delete(each));
    }
    accept(there);
    return here;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.clear();
    for (const each of this.#connections) each.close();
  }
}

function joinedPair(
  options: MemoryOptions,
  left: string,
  right: string,
): [MemoryConnection, MemoryConnection] {
  const [leftEnd, rightEnd] = options.ends ?? [];
  const here = new MemoryConnection(right, options, leftEnd);
  const there = new MemoryConnection(left, options, rightEnd);
  here.join(there);
  there.join(here);
  return [here, there];
}
