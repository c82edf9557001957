/** A site that was lost within this time counts as lost recently, ms. */
const RECENT_MS = 120_000;
/** The connections of one site end one after the other: a stream at once, a datagram link when it is silent, ms. */
const ONE_MS = 2_500;
/** More are not remembered. */
const FAILURES_MAX = 16;

/** How often neighbours were lost recently. */
export class Failures {
  readonly #at = new Map<string, number[]>();

  /** A neighbour was lost. @returns how often it was, recently */
  add(site: string, now: number): number {
    const times = this.#recent(site, now);
    const isSame = now - (times.at(-1) ?? Number.NEGATIVE_INFINITY) < ONE_MS;
    if (!isSame) times.push(now);
    this.#at.set(site, times.slice(-FAILURES_MAX));
    return times.length;
  }

  count(site: string, now: number): number {
    return this.#recent(site, now).length;
  }

  /** Forgets what is not recent any more. */
  expire(now: number): void {
    for (const site of this.#at.keys()) {
      const recent = this.#recent(site, now);
      if (recent.length === 0) this.#at.delete(site);
    }
  }

  #recent(site: string, now: number): number[] {
    return (this.#at.get(site) ?? []).filter((at) => now - at < RECENT_MS);
  }
}
