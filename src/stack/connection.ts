import type { MeanderError } from "../base/index.ts";

/** Why a connection ended: undefined when either end closed it in order, else what happened. */
export type ConnectionEnd = MeanderError | undefined;

/**
 * One end of a two-way packet pipe to one peer: the paper's abstract Connection (Reflector §3.2). A stack of modules over
 * a connection is itself a connection.
 *
 * Packets are those of docs/spec/wire.md: each tells its own length. Rules [T1]-[T11] (docs/spec/stack.md) are the conformance suite's.
 */
export interface Connection {
  /** The stack in words, bottom last: `udp`, `frag:udp`, `tcp`, `websocket`, `memory`. */
  readonly stack: string;
  /** The peer in words: `127.0.0.1:7001`. */
  readonly peer: string;
  /** True: what arrives, arrives in order and once, and loss ends the connection. */
  readonly reliable: boolean;
  /** True: `send` also takes several whole packets, one behind the other, as one write. */
  readonly coalesces: boolean;
  /** True: nobody but the peer can read or forge what is sent. */
  readonly isPrivate?: boolean;
  /** What is added to each packet on its way down, bytes; absent: nothing. Transports do not count themselves. */
  readonly overheadBytes?: number;
  /** Most bytes that `send` takes at once: the largest packet or, where `coalesces`, the largest batch. */
  readonly maxBytes: number;
  /**
   * Hands over one packet (or several, where `coalesces`). Borrowed for ever: the caller never changes the bytes again.
   * False when the packet was not taken (closed, too large, or the local queue is full): the caller counts the drop.
   */
  send(packets: Uint8Array): boolean;
  /**
   * Sets who gets what arrives; once, before anything else. `bytes` holds one or more whole packets (see splitPackets) and
   * belongs to the receiver. Packets that came before the handler was set are kept, within bounds: a stream is not read
   * until then, so that its peer's end is not seen either; a datagram connection keeps `LIMITS.earlyBytesMax`. Malformed
   * bytes are counted by the connection's `malformed` and never reach the handler.
   */
  onPackets(handler: (bytes: Uint8Array) => void): void;
  /** The connection below, where `send` does nothing but pass packets to it. Absent: there is no such connection. */
  readonly direct?: Connection | undefined;
  /** What arrives from now on may be handed on a little later, together, when that is less work. Absent: it never is. */
  relax?(): void;
  /** Bytes handed over and not yet taken by the kernel, and the age of the oldest such write in ms. Zero for datagrams. */
  backlog(): { readonly bytes: number; readonly oldestMs: number };
  /** Pieces of input that were no packet. */
  readonly malformed: number;
  /** Counts by reason, for people; those of modules are prefixed with the module's name. Absent: `malformed` is all. */
  stats?(): Readonly<Record<string, number>>;
  /** Ends the connection; what was sent before is still delivered if `reliable`. Closing twice is fine. */
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
