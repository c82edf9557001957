import type { Clock, Random } from "../base/index.ts";

/** A channel that has stalled may come back by itself for this long before another site is tried, ms. */
const FIRST_MS = 1_000;
/** How long a site may take to say that the channel arrives there, ms. */
const TRIAL_MS = 2_000;
/** Between two sites of a round, ms. */
const BETWEEN_MS = 250;
/** After the first round, and at most after each later one, ms. */
const ROUND_MS_MIN = 2_000;
const ROUND_MS_MAX = 60_000;

/** A site that is tried besides the present one. */
export interface SiteTrial {
  readonly url: string;
  /** When it has no gain, ms. */
  readonly until: number;
}

/**
 * Which other site a viewer tries, and when, while its own has lost the channel: one at a time, in the order of the
 * list, each once in a round, with growing pauses between rounds. Sans-IO. [W48]
 */
export class SiteTrials {
  readonly #clock: Pick<Clock, "now">;
  readonly #random: Random;
  readonly #tried = new Set<string>();
  #current: SiteTrial | undefined;
  /** When the next may begin, ms; undefined: the channel has not stalled. */
  #nextAt: number | undefined;
  #rounds = 0;

  constructor({ clock, random }: { readonly clock: Pick<Clock, "now">; readonly random: Random }) {
    this.#clock = clock;
    this.#random = random;
  }

  /** The trial that is under way. */
  get current(): SiteTrial | undefined {
    return this.#current;
  }

  /** Begins the next trial if one is due. @param candidates other sites, best first. @returns the site to connect to */
  next(candidates: readonly string[]): string | undefined {
    const now = this.#clock.now();
    this.#nextAt ??= now + FIRST_MS * (1 + this.#random.float());
    if (this.#current !== undefined || now < this.#nextAt) return undefined;
    const url = candidates.find((each) => !this.#tried.has(each));
    if (url === undefined) {
      this.#tried.clear();
      const pause = Math.min(ROUND_MS_MAX, ROUND_MS_MIN * 2 ** Math.min(this.#rounds++, 10));
      this.#nextAt = now + pause * (0.5 + this.#random.float() / 2);
      return undefined;
    }
    this.#tried.add(url);
    this.#current = { url, until: now + TRIAL_MS };
    return url;
  }

  /** The site that was tried is no gain. */
  failed(): void {
    this.#current = undefined;
    this.#nextAt = this.#clock.now() + BETWEEN_MS * (1 + this.#random.float());
  }

  /** The channel arrives again, here or there. */
  end(): void {
    this.#current = undefined;
    this.#nextAt = undefined;
    this.#tried.clear();
    this.#rounds = 0;
  }
}
