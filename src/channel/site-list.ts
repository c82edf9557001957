import { type Clock, LIMITS, type Random } from "../base/index.ts";

/** What a {@link SiteList} is made of. */
export interface SiteListOptions {
  /** Addresses that stay first, in this order. */
  readonly sites: readonly string[];
  /** Tried after them until a site has told others; in any order. */
  readonly fallbacks?: readonly string[] | undefined;
  readonly clock: Pick<Clock, "now">;
  readonly random: Random;
}

const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 3_000;

/**
 * The sites that a viewer knows, and which it connects to next: each once, in the order that its site told it, then all
 * of them again with growing pauses. [W24]
 */
export class SiteList {
  readonly #options: SiteListOptions;
  #all: readonly string[];
  /** Since a site last served the channel. */
  readonly #tried = new Set<string>();
  #attempts = 0;
  #retryAt = 0;

  constructor(options: SiteListOptions) {
    this.#options = options;
    const { fallbacks = [], sites } = options;
    this.#all = [...new Set([...sites, ...this.#shuffled(fallbacks)])];
  }

  /** Best first. */
  get all(): readonly string[] {
    return this.#all;
  }

  /** Whether the next site may be tried now. */
  get isDue(): boolean {
    return this.#options.clock.now() >= this.#retryAt;
  }

  /** A site told others, best first. @param connected stay in the list */
  learn(urls: readonly string[], connected: Iterable<string>): void {
    const { sites } = this.#options;
    const told = [...new Set([...sites, ...urls])].slice(0, LIMITS.alternativesMax);
    this.#all = [...new Set([...told, ...connected])];
  }

  /** The site to try next; undefined: there is none. @param isOut for those that cannot be */
  next(isOut: (url: string) => boolean): string | undefined {
    const candidates = this.#all.filter((url) => !isOut(url));
    let url = candidates.find((each) => !this.#tried.has(each));
    if (url === undefined) {
      this.#tried.clear();
      url = candidates[0];
    }
    if (url === undefined) return undefined;
    this.#tried.add(url);
    this.#attempts++;
    // Every site is tried once without waiting, then with increasing delays.
    const rounds = Math.floor(this.#attempts / candidates.length);
    const pause =
      rounds === 0 ? 0 : Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(rounds, 10));
    const { clock, random } = this.#options;
    this.#retryAt = clock.now() + pause * (0.5 + random.float() / 2);
    return url;
  }

  /** A site serves the channel: when it is lost, the others are tried first, and without waiting. */
  served(url: string): void {
    this.#attempts = 0;
    this.#tried.clear();
    this.#tried.add(url);
  }

  #shuffled(urls: readonly string[]): string[] {
    const left = [...urls];
    return urls.map(() => left.splice(this.#options.random.below(left.length), 1)[0] as string);
  }
}
