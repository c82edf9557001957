import type { BatchMemory } from "./batch-memory.ts";
import type { DeferredTasks } from "./deferred-tasks.ts";

/** A descriptor that the event loop looks at. */
export interface Watch {
  /** Sets it again, after an error has ended it. Does no harm when none has. */
  again(): void;
  /** Idempotent. */
  close(): void;
}

/**
 * System calls that Node does not offer, as functions of numbers: descriptors, addresses of memory that the caller
 * keeps alive, and results, where a negative one is a negated error number. None of them blocks.
 */
export interface NativeCalls {
  /** What sockets of this thread share. */
  readonly memory: BatchMemory;
  readonly deferred: DeferredTasks;
  /** Where a view's memory starts. Its buffer must not be resized, detached or given up while the address is in use. */
  addressOf(memory: Uint8Array): number;
  /** Sends `count` messages from `struct mmsghdr` at `headers`: how many left, or the first one's error. */
  sendmmsg(descriptor: number, headers: number, count: number): number;
  /** Receives up to `count` messages that are there: how many, or an error. */
  recvmmsg(descriptor: number, headers: number, count: number): number;
  /** Takes one report from the socket's error queue into the `struct msghdr` at `header`: 0 or more, or an error. */
  takeError(descriptor: number, header: number): number;
  /** Sets an option of type `int`: 0, or an error. */
  setOption(descriptor: number, level: number, option: number, value: number): number;
  /** Reads an option of type `int`: its value, or an error. */
  getOption(descriptor: number, level: number, option: number): number;
  /** Sends on a connected socket, without SIGPIPE: how many bytes the kernel took, or an error. */
  send(descriptor: number, address: number, byteLength: number): number;
  /** Receives from a connected socket: how many bytes, 0 at the end, or an error. */
  receive(descriptor: number, address: number, byteLength: number): number;
  /** Opens an epoll instance, which tells which of many descriptors are readable: a descriptor itself, or an error. */
  openPoll(): number;
  /** Has a poll look at a descriptor, or no longer: 0, or an error. One that is closed is left out by itself. */
  setPoll(poll: number, descriptor: number, isWatched: boolean): number;
  /** Writes up to `count` {@link POLL_EVENT}s of descriptors that can be read now: how many, or an error. */
  lookAtPoll(poll: number, events: number, count: number): number;
  /** Closes a descriptor that no socket of Node has. */
  closeDescriptor(descriptor: number): void;
  /**
   * Calls back, from the event loop, as long as a descriptor is readable or has an error. Undefined: the event loop
   * refuses. Absent: not available with this library, or this version of Node.
   */
  watch?(descriptor: number, onReadable: () => void): Watch | undefined;
  /** Bytes of a TCP socket that the kernel has taken and not yet sent (SIOCOUTQNSD), or an error. */
  unsentBytes(descriptor: number): number;
}

/** Why there are no native calls: another system, switched off, or `koffi` is not installed or does not work here. */
export type NativeAbsence = "not-linux" | "switched-off" | "no-library";

/** The calls, or why there are none. */
export type Native =
  | { readonly calls: NativeCalls; readonly absence: undefined }
  | { readonly calls: undefined; readonly absence: NativeAbsence };
