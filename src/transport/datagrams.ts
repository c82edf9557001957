import type { Socket } from "node:dgram";
import type { Counters } from "../base/index.ts";

/** An address that datagrams come from and go to. */
export interface Remote {
  /** IP address, as the socket's family writes it. */
  readonly host: string;
  readonly port: number;
}

/**
 * How a socket's datagrams pass the kernel, and how many in how many calls: its own, or those of all sockets that count
 * together.
 */
export interface DatagramStats {
  /** `batched`: many datagrams per system call. `plain`: one each, by `node:dgram`. */
  readonly mode: "batched" | "plain";
  /** Why it is plain: `not-linux`, `switched-off`, `no-library`, `no-descriptor`, `kernel-refused`. */
  readonly reason: string | undefined;
  /**
   * Calls that sent, the datagrams that left by them, and how many of those were segments of larger sends
   * (UDP_SEGMENT).
   */
  readonly sendCalls: number;
  readonly sent: number;
  readonly segments: number;
  /** Batched receive calls, and the datagrams they received; several joined by the kernel count as one. */
  readonly receiveCalls: number;
  readonly received: number;
}

/** The multicast options of a socket: the functions of `node:dgram`, as documented there. */
export type MulticastControls = Pick<
  Socket,
  | "addMembership"
  | "addSourceSpecificMembership"
  | "dropMembership"
  | "dropSourceSpecificMembership"
  | "setBroadcast"
  | "setMulticastInterface"
  | "setMulticastLoopback"
  | "setMulticastTTL"
>;

/**
 * Called when a datagram to a remote was not sent, or was refused there: `send-queue-full`, `refused`, `send-failed`.
 */
export type OnMissed = (reason: string) => void;

/**
 * A bound, unconnected UDP socket: datagrams to and from any address. Sends and receives in batches where the kernel
 * and the native library allow it, else one by one; callers see only two differences: see `onMissed` and `coalesced`.
 *
 * What is sent within one turn of the event loop may leave at its end, in one call. To one remote it leaves in the
 * order of the calls.
 */
export interface DatagramSocket extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly family: 4 | 6;
  /** Datagrams that did not leave and errors, by reason: `send-queue-full`, `refused`, `error-…`. */
  readonly counts: Counters;
  readonly stats: DatagramStats;
  readonly multicast: MulticastControls;
  /**
   * Sets the handler of received datagrams; once. `bytes` are valid until the handler returns. `from` is the same
   * object for each datagram of an address for which `remote` was called, and may be a new one for others.
   */
  onDatagram(handler: (bytes: Uint8Array, from: Remote) => void): void;
  /**
   * Received bytes, to be kept: copied where they are only valid during the handler. Call it before the handler
   * returns.
   */
  keep(bytes: Uint8Array): Uint8Array;
  /**
   * The one object for that address at this socket. `host` is an IP address of the socket's family. For each call there
   * is one to `release`.
   *
   * @throws {MeanderError} `address-invalid`
   */
  remote(host: string, port: number): Remote;
  /** Releases an address that is no longer sent to; it is forgotten when every caller of `remote` has released it. */
  release(remote: Remote): void;
  /**
   * Sends one datagram. The bytes must never change again. False: refused, and counted.
   *
   * @param to returned by `remote`, or the sender of a received datagram
   */
  send(bytes: Uint8Array, to: Remote): boolean;
  /** A set of remotes that get the same datagrams. */
  openGroup(): DatagramGroup;
  /** Passes on to the kernel what is collected, now. */
  flush(): void;
}

/** Remotes of one socket that get the same datagrams: one system call for many of them. */
export interface DatagramGroup {
  /** Members now. */
  readonly size: number;
  /**
   * Adds a member; one that is added twice gets everything twice.
   *
   * @param remote of this socket, not released before it is deleted here
   * @param onMissed called when a datagram for this remote was not sent, with the reason. `refused` (no socket is bound
   *   to that port) arrives later, and only where the socket's mode is `batched`
   */
  add(remote: Remote, onMissed?: OnMissed): void;
  /** Removes a member, or one of several that are the same. */
  delete(remote: Remote): void;
  /** Sends one datagram to every member. Its bytes never change again. */
  send(bytes: Uint8Array): void;
  /** Removes all members. */
  close(): void;
}
