import { LIMITS } from "../base/index.ts";
import { type Connection, type ConnectionEnd, PacketInbox } from "../stack/index.ts";
import { Ending } from "./ending.ts";

const NOTHING_WAITS = Object.freeze({ bytes: 0, oldestMs: 0 });

/** The datagrams between a UDP socket and one remote. */
export class UdpConnection implements Connection {
  readonly stack: string;
  readonly peer: string;
  readonly reliable = false;
  readonly coalesces = false;
  readonly maxBytes = LIMITS.datagramBytesMax;
  readonly #send: (packet: Uint8Array) => boolean;
  readonly #onClose: () => void;
  readonly #ending = new Ending();
  readonly #inbox = new PacketInbox(LIMITS.earlyBytesMax);
  #malformed = 0;
  #earlyDropped = 0;

  /** @param options `send` hands a datagram to the socket; `onClose` is called once, when the connection ends */
  constructor(options: {
    readonly peer: string;
    /** What it is called; absent: `udp`. */
    readonly stack?: string | undefined;
    readonly send: (packet: Uint8Array) => boolean;
    readonly onClose: () => void;
  }) {
    this.peer = options.peer;
    this.stack = options.stack ?? "udp";
    this.#send = options.send;
    this.#onClose = options.onClose;
  }

  get closed(): Promise<ConnectionEnd> {
    return this.#ending.closed;
  }

  get malformed(): number {
    return this.#malformed;
  }

  send(packet: Uint8Array): boolean {
    if (this.#ending.hasEnded || packet.byteLength > this.maxBytes) return false;
    return this.#send(packet);
  }

  onPackets(handler: (bytes: Uint8Array) => void): void {
    this.#inbox.setHandler(handler);
  }

  /** For the socket: a datagram, of which `end` bytes are whole packets. */
  receive(bytes: Uint8Array, end: number): void {
    if (this.#ending.hasEnded) return;
    if (end < bytes.byteLength || end === 0) this.#malformed++;
    if (end === 0) return;
    const packets = end === bytes.byteLength ? bytes : bytes.subarray(0, end);
    if (!this.#inbox.deliver(packets)) this.#earlyDropped++;
  }

  backlog(): { readonly bytes: number; readonly oldestMs: number } {
    return NOTHING_WAITS;
  }

  stats(): Readonly<Record<string, number>> {
    return { "early-dropped": this.#earlyDropped };
  }

  close(): void {
    if (!this.#ending.end(undefined)) return;
    this.#inbox.close();
    this.#onClose();
  }
}
