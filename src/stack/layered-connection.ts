import { type Cancel, LIMITS, MeanderError } from "../base/index.ts";
import { faultOf, lengthOf, splitPackets } from "../wire/index.ts";
import type { Connection, ConnectionEnd } from "./connection.ts";
import { areWholePackets } from "./crypt/sealed-unit.ts";
import { formatLayer } from "./format.ts";
import type { Module, ModuleSpec, ParameterValue, StackPorts } from "./module.ts";
import { PacketInbox } from "./packet-inbox.ts";
import type { LayerSpec } from "./parse.ts";

/** One module over a connection. docs/spec/stack.md [S12]-[S15] */
export class LayeredConnection implements Connection {
  readonly stack: string;
  readonly peer: string;
  readonly reliable: boolean;
  readonly coalesces: boolean;
  readonly isPrivate: boolean;
  readonly overheadBytes: number;
  readonly maxBytes: number;
  readonly closed: Promise<ConnectionEnd>;
  readonly #module: Module;
  readonly #name: string;
  readonly #below: Connection;
  readonly #ports: StackPorts;
  /** Of modules that listen before there is a handler. */
  readonly #inbox: PacketInbox | undefined;
  #handler: ((packets: Uint8Array) => void) | undefined;
  #settle: (end: ConnectionEnd) => void = () => {};
  #isListening = false;
  #isClosed = false;
  #hasEnded = false;
  #refused = 0;
  #earlyDropped = 0;

  /** @param parameters a value for each of the spec's */
  constructor(
    layer: LayerSpec,
    spec: ModuleSpec,
    parameters: Readonly<Record<string, ParameterValue>>,
    below: Connection,
    ports: StackPorts,
  ) {
    this.stack = `${formatLayer(layer, spec)}:${below.stack}`;
    this.peer = below.peer;
    this.reliable =
      below.reliable || (spec.provides.includes("reliable") && spec.provides.includes("ordered"));
    this.coalesces = below.coalesces && spec.coalesces === true;
    this.isPrivate = below.isPrivate === true || spec.provides.includes("private");
    const overheadBytes = below.overheadBytes ?? 0;
    this.overheadBytes = overheadBytes + (spec.overheadBytes ?? 0);
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#name = spec.name;
    this.#below = below;
    this.#ports = ports;
    this.#inbox = spec.talks === true ? new PacketInbox(LIMITS.earlyBytesMax) : undefined;
    const { maxBytes, reliable, coalesces } = below;
    this.#module = spec.create(
      parameters,
      { maxBytes, reliable, coalesces, overheadBytes },
      {
        ...ports,
        peer: this.peer,
        stack: this.stack,
        down: (packets) => this.#down(packets),
        up: (packets) => this.#up(packets),
        end: (reason) => this.#end(reason),
      },
    );
    this.maxBytes = this.coalesces
      ? this.#module.maxBytes
      : Math.min(this.#module.maxBytes, LIMITS.packetBytesMax);
    void below.closed.then((end) => {
      this.#hasEnded = true;
      this.#module.ended?.();
      this.#isClosed = true;
      this.#settle(end);
    });
  }

  get malformed(): number {
    return this.#below.malformed + (this.#module.stats()["malformed"] ?? 0);
  }

  send(packets: Uint8Array): boolean {
    if (this.#isClosed || packets.byteLength > this.maxBytes) return false;
    if (faultOf(packets) !== undefined) return false;
    if (lengthOf(packets) !== packets.byteLength) {
      if (!this.coalesces || !areWholePackets(packets)) return false;
    }
    if (this.#inbox !== undefined) this.#listen();
    return this.#module.down(packets, this.#ports.clock.now());
  }

  onPackets(handler: (bytes: Uint8Array) => void): void {
    if (this.#inbox === undefined) this.#handler = handler;
    else this.#inbox.setHandler(handler);
    this.#listen();
  }

  backlog(): { readonly bytes: number; readonly oldestMs: number } {
    const below = this.#below.backlog();
    const held = this.reliable ? this.#module.held?.(this.#ports.clock.now()) : undefined;
    if (held === undefined || held.bytes === 0) return below;
    return {
      bytes: below.bytes + held.bytes,
      oldestMs: Math.max(below.oldestMs, held.oldestMs),
    };
  }

  stats(): Readonly<Record<string, number>> {
    const own = Object.entries({ ...this.#module.stats(), "refused-below": this.#refused });
    if (this.#inbox !== undefined) own.push(["early-dropped", this.#earlyDropped]);
    return {
      ...this.#below.stats?.(),
      ...Object.fromEntries(own.map(([key, count]) => [`${this.#name}-${key}`, count])),
    };
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#inbox?.close();
    this.#settle(undefined);
    if (this.#module.drain === undefined) {
      this.#below.close();
      return;
    }
    // [T5] What was sent before still goes down, for a while.
    let cancel: Cancel = () => {};
    let isDone = false;
    const finish = (): void => {
      isDone = true;
      cancel();
      this.#below.close();
    };
    this.#module.drain(finish);
    if (isDone) return;
    cancel = this.#ports.clock.after("close a stack", LIMITS.closeMsMax, finish);
    void this.#below.closed.then(() => cancel());
  }

  #listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    this.#below.onPackets((bytes) => {
      const now = this.#ports.clock.now();
      for (const packet of splitPackets(bytes)) {
        // A module that sends something more before it ends keeps receiving; others are left alone.
        if (this.#hasEnded || (this.#isClosed && this.#inbox === undefined)) return;
        this.#module.up(packet, now);
      }
    });
  }

  #down(packets: Uint8Array): boolean {
    if (this.#hasEnded) return false;
    const isTaken = this.#below.send(packets);
    if (!isTaken) this.#refused++;
    return isTaken;
  }

  #up(packets: Uint8Array): void {
    if (this.#isClosed) return;
    if (this.#inbox === undefined) this.#handler?.(packets);
    else if (!this.#inbox.deliver(packets)) {
      this.#earlyDropped++;
      if (!this.reliable) return;
      const what = "receive buffer overflowed before a handler was set";
      this.#end(new MeanderError("connection-reset", what, { where: this.peer }));
    }
  }

  #end(reason: MeanderError): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#isClosed = true;
    this.#inbox?.close();
    this.#module.ended?.();
    this.#settle(reason);
    this.#below.close();
  }
}
