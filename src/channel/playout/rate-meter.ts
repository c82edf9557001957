const BUCKET_MS = 100;

/** The amount per second within the last `windowMs`. */
export class RateMeter {
  readonly #buckets: { index: number; amount: number }[] = [];
  readonly #count: number;
  #startedAt: number | undefined;

  /** @param windowMs >= 100; multiples of 100 */
  constructor(windowMs: number) {
    this.#count = Math.max(1, Math.round(windowMs / BUCKET_MS));
  }

  /** @param nowMs monotonic */
  add(amount: number, nowMs: number): void {
    this.#startedAt ??= nowMs;
    const index = Math.floor(nowMs / BUCKET_MS);
    this.#forget(index);
    const last = this.#buckets.at(-1);
    if (last?.index === index) last.amount += amount;
    else this.#buckets.push({ index, amount });
  }

  /** Zero before the first addition. A meter younger than its window divides by its age. */
  perSecond(nowMs: number): number {
    if (this.#startedAt === undefined) return 0;
    const index = Math.floor(nowMs / BUCKET_MS);
    this.#forget(index);
    let sum = 0;
    for (const bucket of this.#buckets) if (bucket.index < index) sum += bucket.amount;
    const spanMs = Math.min(this.#count * BUCKET_MS, index * BUCKET_MS - this.#startedAt);
    return spanMs < BUCKET_MS ? 0 : (sum * 1000) / spanMs;
  }

  #forget(index: number): void {
    while (this.#buckets.length > 0 && (this.#buckets[0]?.index ?? 0) < index - this.#count)
      this.#buckets.shift();
  }
}
