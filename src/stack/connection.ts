import type { MeanderError } from "../base/index.ts";

/** Why a connection ended: undefined when either end closed it in order, else what happened. */
export type ConnectionEnd = MeanderError | undefined;

/**
 * One end of a two-way packet pipe to one peer: the paper's abstract Connection (Reflector §3.2). A stack of modules
 * over a connection is itself a connection.
 *
 * Packets are those of docs/spec/wire.md: each carries its own length. Rules [T1]-[T11] (docs/spec/stack.md) are its
 * conformance suite.
 */
export interface Connection {
  /** The stack as text, bottom last: `udp`, `frag:udp`, `tcp`, `websocket`, `memory`. */
  readonly stack: string;
  /** The peer as text: `127.0.0.1:7001`. */
  readonly peer: string;
  /** True: what arrives, arrives in order and once, and loss ends the connection. */
  readonly reliable: boolean;
  /** True: `send` also accepts several whole packets, concatenated, as one write. */
  readonly coalesces: boolean;
  /** True: only the peer can read or forge what is sent. */
  readonly isPrivate?: boolean;
  /** What is added to each packet on its way down, bytes; absent: nothing. Transports do not count themselves. */
  readonly overheadBytes?: number;
  /** Most bytes that `send` takes at once: the largest packet or, where `coalesces`, the largest batch. */
  readonly maxBytes: number;
  /**
   * Sends one packet (or several, where `coalesces`). Retained; never modify the bytes again. False when the packet was
   * refused (closed, too large, or the local queue is full): the caller counts the drop.
   */
  send(packets: Uint8Array): boolean;
  /**
   * Sets the handler of what arrives; once, before anything else. `bytes` holds one or more whole packets (see
   * splitPackets) and belongs to the receiver. Packets that came before the handler was set are kept, within bounds: a
   * byte stream is not read until then, so its peer's end is not noticed either; a datagram connection keeps
   * `LIMITS.earlyBytesMax`. Malformed bytes are counted by the connection's `malformed` and never reach the handler.
   */
  onPackets(handler: (bytes: Uint8Array) => void): void;
  /** The connection below, where `send` only passes packets to it. Absent: there is no such connection. */
  readonly direct?: Connection | undefined;
  /**
   * What arrives from now on may be handed on a little later, together, when that is less work. Absent: it never is.
   */
  relax?(): void;
  /** Bytes sent and not yet accepted by the kernel, and the age of the oldest such write in ms. Zero for datagrams. */
  backlog(): { readonly bytes: number; readonly oldestMs: number };
  /** Pieces of input that were no packet. */
  readonly malformed: number;
  /** Counts by reason, for people; those of modules are prefixed with the module's name. Absent: `malformed` is all. */
  stats?(): Readonly<Record<string, number>>;
  /** Ends the connection; what was sent before is still delivered if `reliable`. Idempotent. */
  close(): void;
  /** Settles once when no further packet can arrive; never rejects. */
  readonly closed: Promise<ConnectionEnd>;
}

/** Opens connections of one kind, and accepts those of others. */
export interface Transport extends AsyncDisposable {
  /** The name used in stack strings: `udp`, `tcp`, `websocket`, `memory`. */
  readonly name: string;
  /**
   * Connects to `address` (`host:port`; a WebSocket URL for websocket).
   *
   * @throws {MeanderError} `connect-refused`, `connect-timeout`, `address-invalid`
   */
  connect(address: string): Promise<Connection>;
}

/** A transport that also waits for others. */
export interface Listener extends AsyncDisposable {
  /** `host:port` as bound. */
  readonly address: string;
}
