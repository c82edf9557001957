import type { Socket } from "node:dgram";
import { type ReceivingHandle, receivingHandle } from "./descriptors.ts";
import type { NativeCalls, Watch } from "./native-calls.ts";

/** Times in a row that there may be nothing although the kernel said so; then Node has to receive. */
const EMPTY_MAX = 1_000;

export interface ArrivalWatchOptions {
  readonly calls: NativeCalls;
  /** Bound. */
  readonly socket: Socket;
  /** Takes what has arrived: how many datagrams. It may close the watch. */
  take(): number;
}

/**
 * Waits for a socket's datagrams in place of Node, which would receive the first of them itself, with a buffer, an
 * object and a string for each.
 */
export class ArrivalWatch {
  readonly #options: ArrivalWatchOptions;
  readonly #handle: ReceivingHandle;
  #watch: Watch | undefined;
  #empty = 0;

  private constructor(options: ArrivalWatchOptions, handle: ReceivingHandle) {
    this.#options = options;
    this.#handle = handle;
  }

  /** Undefined where Node has to receive. */
  static open(options: ArrivalWatchOptions): ArrivalWatch | undefined {
    const handle = receivingHandle(options.socket);
    if (handle === undefined) return undefined;
    const opened = new ArrivalWatch(options, handle);
    opened.#watch = options.calls.watch?.(handle.fd, () => opened.#arrived());
    if (opened.#watch === undefined) return undefined;
    handle.recvStop();
    return opened;
  }

  /** Before the socket is closed. */
  close(): void {
    this.#watch?.close();
    this.#watch = undefined;
  }

  /** Ends, and lets Node receive again. */
  handBack(): void {
    if (this.#watch === undefined) return;
    this.close();
    this.#handle.recvStart();
  }

  #arrived(): void {
    const { calls, take } = this.#options;
    calls.deferred.begin();
    let count = 0;
    try {
      count = take();
    } finally {
      calls.deferred.end();
    }
    if (count > 0) {
      this.#empty = 0;
      return;
    }
    // An error at the socket ends a watch: it is set again, unless the error stays.
    if (++this.#empty > EMPTY_MAX) this.handBack();
    else this.#watch?.again();
  }
}
