import { Worker } from "node:worker_threads";
import { WatchShutdown } from "../../transport/index.ts";

/** Why a thread has ended. */
export interface ThreadEnd {
  readonly what: string;
  readonly cause: Error | undefined;
}

/**
 * The thread of a plane. It starts when this is made, and loads its program while the main thread loads its own; what
 * it is to open it is told later (`openWorkerPlane`). Until then it does not keep the process alive.
 */
export class PlaneThread {
  readonly worker: Worker;
  readonly watchShutdown = new WatchShutdown();
  #end: ThreadEnd | undefined;
  #onEnded: (end: ThreadEnd) => void = () => {};

  constructor() {
    const { end } = this.watchShutdown;
    this.worker = new Worker(new URL("./plane-worker.js", import.meta.url), {
      name: "plane",
      workerData: end,
      transferList: [end.port],
    });
    this.worker.unref();
    this.worker.on("error", (cause) => this.#ended(`its thread failed: ${cause.message}`, cause));
    this.worker.on("exit", (code) => this.#ended(`its thread ended with code ${code}`));
  }

  /** Calls `listener` once, when the thread has ended, or at once if it has. One listener. */
  onEnded(listener: (end: ThreadEnd) => void): void {
    this.#onEnded = listener;
    if (this.#end !== undefined) listener(this.#end);
  }

  #ended(what: string, cause?: Error): void {
    if (this.#end !== undefined) return;
    this.#end = { what, cause };
    this.#onEnded(this.#end);
  }
}
