import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import type { Clock } from "../../base/index.ts";

/** How often the loop is sampled, ms. Each sample wakes the thread, which would dominate the cost of an idle site. */
const RESOLUTION_MS = 250;
/** Time that one value covers, ms. */
const WINDOW_MS = 900;

/** How long work waits for this thread: the longest of about four samples in the last second. */
export class LoopDelay implements Disposable {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #clock: Clock;
  #p99Ms = 0;
  #takenAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#takenAt = clock.now();
    this.#histogram.enable();
  }

  /** ms, >= 0. */
  get p99Ms(): number {
    const now = this.#clock.now();
    if (now - this.#takenAt < WINDOW_MS) return this.#p99Ms;
    this.#takenAt = now;
    const { count } = this.#histogram;
    // The time between two samples includes the sampling interval.
    const delayMs = this.#histogram.percentile(99) / 1e6 - RESOLUTION_MS;
    this.#p99Ms = count === 0 ? 0 : Math.max(0, delayMs);
    this.#histogram.reset();
    return this.#p99Ms;
  }

  [Symbol.dispose](): void {
    this.#histogram.disable();
  }
}
