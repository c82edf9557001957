import { assert } from "../../base/index.ts";

const BUCKETS = 20;

/**
 * The smallest of the values seen within the last `windowMs`, in constant memory. A value is forgotten at most one
 * twentieth of the window late. Negate values to get the largest.
 */
export class SlidingMinimum {
  readonly #bucketMs: number;
  readonly #buckets: { index: number; value: number }[] = [];

  /** @param windowMs > 0 */
  constructor(windowMs: number) {
    assert(windowMs > 0, "a window has a length");
    this.#bucketMs = windowMs / BUCKETS;
  }

  /** @param nowMs monotonic; never less than in an earlier call */
  add(value: number, nowMs: number): void {
    const index = Math.floor(nowMs / this.#bucketMs);
    this.#forget(index);
    const last = this.#buckets.at(-1);
    if (last?.index === index) last.value = Math.min(last.value, value);
    else this.#buckets.push({ index, value });
  }

  /** Undefined without a value within the window. */
  value(nowMs: number): number | undefined {
    this.#forget(Math.floor(nowMs / this.#bucketMs));
    if (this.#buckets.length === 0) return undefined;
    let smallest = Number.POSITIVE_INFINITY;
    for (const bucket of this.#buckets) smallest = Math.min(smallest, bucket.value);
    return smallest;
  }

  clear(): void {
    this.#buckets.length = 0;
  }

  #forget(index: number): void {
    while (this.#buckets.length > 0 && (this.#buckets[0]?.index ?? 0) < index - BUCKETS)
      this.#buckets.shift();
  }
}
