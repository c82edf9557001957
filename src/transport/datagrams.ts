import type { Counters } from "../base/index.ts";

/** An address that datagrams come from and go to. */
export interface Remote {
  /** IP address, as the socket's family writes it. */
  readonly host: string;
  readonly port: number;
}

/** How a socket's datagrams pass the kernel, and how many in how many calls, since it was opened. */
export interface BatchFigures {
  /** `batched`: many datagrams per system call. `plain`: one each, by `node:dgram`. */
  readonly mode: "batched" | "plain";
  /** Why it is plain: `not-linux`, `switched-off`, `no-library`, `no-descriptor`, `kernel-refused`. */
  readonly reason: string | undefined;
  /** Calls that sent, the datagrams that left by them, and how many of those were segments of trains (UDP_SEGMENT). */
  readonly sendCalls: number;
  readonly sent: number;
  readonly segments: number;
  /** Calls that received in batches, and the datagrams that came by them. */
  readonly receiveCalls: number;
  readonly received: number;
}

/**
 * A bound UDP socket without a peer of its own: datagrams to and from anyone. Sends and receives in batches where the
 * kernel and the native library allow it, else one by one; callers see no difference.
 *
 * What is sent within one turn of the event loop may leave at its end, in one call. To one remote it leaves in the order
 * of the calls.
 */
export interface DatagramSocket extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly family: 4 | 6;
  /** Datagrams that did not leave and errors, by reason: `send-queue-full`, `error-…`. */
  readonly counts: Counters;
  readonly figures: BatchFigures;
  /**
   * Sets who gets what arrives; once. `bytes` are borrowed until the handler returns. `from` is the same object for each
   * datagram of an address for which `remote` was called, and may be a new one for others.
   */
  onDatagram(handler: (bytes: Uint8Array, from: Remote) => void): void;
  /** The one object for that address at this socket. `host` is an IP address of the socket's family. */
  remote(host: string, port: number): Remote;
  /** Forgets an address that nothing is sent to any more. */
  release(remote: Remote): void;
  /** Sends one datagram. Its bytes never change again. False: not taken, and counted. */
  send(bytes: Uint8Array, to: Remote): boolean;
  /** A set of remotes that get the same datagrams. */
  openGroup(): DatagramGroup;
  /** Passes on to the kernel what is collected, now. */
  flush(): void;
}

/** Remotes of one socket that get the same datagrams: one system call for many of them. */
export interface DatagramGroup {
  readonly size: number;
  /** @param onMissed told when a datagram for this remote did not leave, with the reason */
  add(remote: Remote, onMissed?: (reason: string) => void): void;
  delete(remote: Remote): void;
  /** Sends one datagram to every member. Its bytes never change again. */
  send(bytes: Uint8Array): void;
  close(): void;
}
