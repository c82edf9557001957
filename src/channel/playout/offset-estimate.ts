/** A value this far from what was expected is an outlier, ms, … */
const OUTLIER_MS = 200;
/** … unless so many in a row agree … */
const AGREEING_MIN = 3;
/** … to this, ms. */
const AGREEMENT_MS = 100;
/** Shares of a deviation that go into the offset, and into its rate: tracks a drift without lag within ten reports. */
const SHARE = 0.4;
const RATE_SHARE = 0.08;
/** Clocks are not further apart than this. */
const RATE_MAX = 0.06;
/** An offset is extrapolated this far, ms. */
const AHEAD_MS_MAX = 10_000;

interface Observation {
  readonly atMs: number;
  readonly offsetMs: number;
}

/**
 * How far one clock is ahead of another, from observations that may be wrong: a single one far off has no effect, a
 * lasting change has, and a drift is followed.
 */
export class OffsetEstimate {
  readonly #agreeingLess: number;
  #last: Observation | undefined;
  #rate = 0;
  #outliers: Observation[] = [];

  /** @param agreeingLess so many in a row must agree that the offset is less than what was expected */
  constructor(agreeingLess = AGREEING_MIN) {
    this.#agreeingLess = agreeingLess;
  }

  /**
   * The first clock was observed to be ahead by `offsetMs` when the second one showed `atMs`. An observation no later
   * than the last one that counted is a repetition, and ignored.
   */
  observe(atMs: number, offsetMs: number): void {
    const last = this.#last;
    if (last === undefined) {
      this.#last = { atMs, offsetMs };
      return;
    }
    if (atMs <= last.atMs || this.#outliers.some((outlier) => outlier.atMs === atMs)) return;
    const expected = this.at(atMs) as number;
    const off = offsetMs - expected;
    if (Math.abs(off) > OUTLIER_MS) {
      this.#doubt({ atMs, offsetMs });
      return;
    }
    this.#outliers = [];
    const elapsedMs = Math.min(atMs - last.atMs, AHEAD_MS_MAX);
    const rate = this.#rate + (off * RATE_SHARE) / Math.max(elapsedMs, 500);
    this.#rate = Math.min(Math.max(rate, -RATE_MAX), RATE_MAX);
    this.#last = { atMs, offsetMs: expected + off * SHARE };
  }

  /** By how much the first clock is ahead when the second one shows `atMs`, ms; undefined without an observation. */
  at(atMs: number): number | undefined {
    if (this.#last === undefined) return undefined;
    const aheadMs = Math.min(Math.max(atMs - this.#last.atMs, -AHEAD_MS_MAX), AHEAD_MS_MAX);
    return this.#last.offsetMs + aheadMs * this.#rate;
  }

  /** The second clock goes on `ms` further on than was known: what was observed since then stays true. */
  shift(ms: number): void {
    const moved = ({ atMs, offsetMs }: Observation): Observation => ({
      atMs: atMs + ms,
      offsetMs: offsetMs - ms,
    });
    if (this.#last !== undefined) this.#last = moved(this.#last);
    this.#outliers = this.#outliers.map(moved);
  }

  /** The same, but what was observed since then was known already: only what seemed to be off by that is explained. */
  explain(ms: number): void {
    const isExplained = ({ atMs, offsetMs }: Observation): boolean =>
      Math.abs(offsetMs - (this.at(atMs) ?? offsetMs) - ms) <= OUTLIER_MS;
    if (this.#outliers.every(isExplained)) this.#outliers = [];
  }

  #doubt(outlier: Observation): void {
    const before = this.#outliers.at(-1);
    const agrees =
      before === undefined || Math.abs(before.offsetMs - outlier.offsetMs) <= AGREEMENT_MS;
    this.#outliers = agrees ? [...this.#outliers, outlier] : [outlier];
    const isLess = outlier.offsetMs < (this.at(outlier.atMs) ?? 0);
    if (this.#outliers.length < (isLess ? this.#agreeingLess : AGREEING_MIN)) return;
    this.#last = outlier;
    this.#rate = 0;
    this.#outliers = [];
  }
}
