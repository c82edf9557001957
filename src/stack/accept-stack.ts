import { lengthOf } from "../wire/index.ts";
import { completeStack } from "./complete.ts";
import { composeStack } from "./compose.ts";
import type { Connection, ConnectionEnd } from "./connection.ts";
import { isCryptHello } from "./crypt/sealed-unit.ts";
import type { StackPorts } from "./module.ts";
import { parseStack } from "./parse.ts";

/**
 * The accepting side's stack over a connection opened by a peer: what {@link completeStack} makes of the transport's
 * name, with `crypt` when the first packet is a hello of that module. [S16] Local modules of the other end are
 * invisible.
 */
export function acceptStack(below: Connection, ports: StackPorts): Connection {
  return new AcceptedConnection(below, ports);
}

/** Decides with the first packet, and is what was decided from then on. */
class AcceptedConnection implements Connection {
  readonly peer: string;
  readonly reliable: boolean;
  readonly coalesces: boolean;
  readonly closed: Promise<ConnectionEnd>;
  readonly #below: Connection;
  readonly #ports: StackPorts;
  #settle: (end: ConnectionEnd) => void = () => {};
  #inner: Connection | undefined;

  constructor(below: Connection, ports: StackPorts) {
    this.peer = below.peer;
    this.reliable = below.reliable;
    this.coalesces = below.coalesces;
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#below = below;
    this.#ports = ports;
    void below.closed.then(this.#settle);
  }

  get stack(): string {
    return this.#now.stack;
  }

  get direct(): Connection | undefined {
    return this.#inner === this.#below ? this.#below : undefined;
  }

  get isPrivate(): boolean {
    return this.#now.isPrivate === true;
  }

  get overheadBytes(): number {
    return this.#now.overheadBytes ?? 0;
  }

  get maxBytes(): number {
    return this.#now.maxBytes;
  }

  get malformed(): number {
    return this.#now.malformed;
  }

  /** Nothing is taken before the other end has spoken. */
  send(packets: Uint8Array): boolean {
    return this.#inner?.send(packets) ?? false;
  }

  onPackets(handler: (bytes: Uint8Array) => void): void {
    let deliver: ((bytes: Uint8Array) => void) | undefined;
    this.#below.onPackets((bytes) => {
      if (this.#inner === undefined) {
        const isPrivate = isCryptHello(bytes.subarray(0, lengthOf(bytes)));
        const { modules } = parseStack(completeStack(this.#below.stack, { isPrivate }));
        if (modules.length === 0) {
          deliver = handler;
          this.#inner = this.#below;
          handler(bytes);
          return;
        }
        const tapped = new TappedConnection(this.#below, (take) => {
          deliver = take;
        });
        this.#inner = composeStack(modules, tapped, this.#ports);
        // Before what is below: why a module ended the connection says more.
        void this.#inner.closed.then(this.#settle);
        this.#inner.onPackets(handler);
      }
      deliver?.(bytes);
    });
  }

  relax(): void {
    this.#below.relax?.();
  }

  backlog(): { readonly bytes: number; readonly oldestMs: number } {
    return this.#now.backlog();
  }

  stats(): Readonly<Record<string, number>> {
    return this.#now.stats?.() ?? {};
  }

  close(): void {
    this.#now.close();
  }

  get #now(): Connection {
    return this.#inner ?? this.#below;
  }
}

/** A connection whose packets are brought by the caller. */
class TappedConnection implements Connection {
  readonly stack: string;
  readonly peer: string;
  readonly reliable: boolean;
  readonly coalesces: boolean;
  readonly isPrivate: boolean;
  readonly overheadBytes: number;
  readonly maxBytes: number;
  readonly closed: Promise<ConnectionEnd>;
  readonly #below: Connection;
  readonly #onHandler: (handler: (bytes: Uint8Array) => void) => void;

  constructor(below: Connection, onHandler: (handler: (bytes: Uint8Array) => void) => void) {
    this.stack = below.stack;
    this.peer = below.peer;
    this.reliable = below.reliable;
    this.coalesces = below.coalesces;
    this.isPrivate = below.isPrivate === true;
    this.overheadBytes = below.overheadBytes ?? 0;
    this.maxBytes = below.maxBytes;
    this.closed = below.closed;
    this.#below = below;
    this.#onHandler = onHandler;
  }

  get malformed(): number {
    return this.#below.malformed;
  }

  send(packets: Uint8Array): boolean {
    return this.#below.send(packets);
  }

  onPackets(handler: (bytes: Uint8Array) => void): void {
    this.#onHandler(handler);
  }

  backlog(): { readonly bytes: number; readonly oldestMs: number } {
    return this.#below.backlog();
  }

  stats(): Readonly<Record<string, number>> {
    return this.#below.stats?.() ?? {};
  }

  close(): void {
    this.#below.close();
  }
}
