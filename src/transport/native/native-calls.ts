/**
 * System calls that Node does not offer, as functions of numbers: descriptors, addresses of memory that the caller keeps
 * alive, and results, where a negative one is an error's number with its sign turned. None of them waits.
 */
export interface NativeCalls {
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
  /** Bytes of a TCP socket that the kernel has taken and not yet sent (SIOCOUTQNSD), or an error. */
  unsentBytes(descriptor: number): number;
}
