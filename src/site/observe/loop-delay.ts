import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";

/** How often the loop is looked at, ms. */
const RESOLUTION_MS = 20;

/** How long work waits for this thread: the 99th percentile since it was last asked. */
export class LoopDelay implements Disposable {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor() {
    this.#histogram.enable();
  }

  /** ms, >= 0; begins anew. */
  take(): number {
    const { count } = this.#histogram;
    const p99Ms = this.#histogram.percentile(99) / 1e6;
    this.#histogram.reset();
    // The time between two looks includes the pause that was asked for.
    return count === 0 ? 0 : Math.max(0, p99Ms - RESOLUTION_MS);
  }

  [Symbol.dispose](): void {
    this.#histogram.disable();
  }
}
