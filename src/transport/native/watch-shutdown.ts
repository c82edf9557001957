import { MessageChannel, type MessagePort } from "node:worker_threads";

/** What a thread gets to be stopped by. Its port has to be transferred. */
export interface WatchShutdownEnd {
  readonly shared: SharedArrayBuffer;
  readonly port: MessagePort;
}

/**
 * Makes another thread close its watches before that thread is ended from here: the native library crashes the process
 * when it calls back into a thread that is ending.
 */
export class WatchShutdown {
  /** For the other thread. */
  readonly end: WatchShutdownEnd;
  readonly #port: MessagePort;
  readonly #released: Int32Array;

  constructor() {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#port.unref();
    const shared = new SharedArrayBuffer(4);
    this.#released = new Int32Array(shared);
    this.end = { shared, port: port2 };
  }

  /** Blocks until it has, at most so long, ms: a thread that is stuck does not answer. True: it has. */
  closeAll(withinMs: number): boolean {
    this.#port.postMessage("close");
    return Atomics.wait(this.#released, 0, 0, withinMs) !== "timed-out";
  }
}

/** Runs `release` when the other thread requests it, and confirms it. */
export function onWatchShutdown({ port, shared }: WatchShutdownEnd, release: () => void): void {
  const released = new Int32Array(shared);
  port.on("message", () => {
    release();
    Atomics.store(released, 0, 1);
    Atomics.notify(released, 0);
  });
  port.unref();
}
