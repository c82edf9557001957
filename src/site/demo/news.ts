import type { Random } from "../../base/index.ts";

const HEADLINES = [
  "Harbour bridge opens again after a year of repairs",
  "City orchestra plays in the tram depot tonight",
  "Observatory counts a record night of meteors",
  "Ferry line adds a late crossing at weekends",
  "Library lends out telescopes from Monday on",
  "Old lighthouse gets its light back",
  "Bakers agree on one recipe for the harbour roll",
  "School regatta ends with five boats level",
] as const;
/** Lines for which a headline is repeated. */
const LINES_PER_HEADLINE = 5;
/** Largest relative change of a price from line to line. */
const CHANGE_MAX = 0.01;

/** The demo's news: an endless text of invented headlines and prices. */
export class News {
  readonly #random: Random;
  readonly #prices = new Map([
    ["MNDR", 101.2],
    ["RLAY", 54.1],
    ["FLUX", 17.85],
  ]);
  #lines = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** The next line, without its end. */
  next(): string {
    const headline = HEADLINES[Math.floor(this.#lines++ / LINES_PER_HEADLINE) % HEADLINES.length];
    const prices = [...this.#prices].map(([name, price]) => {
      const change = (this.#random.float() * 2 - 1) * CHANGE_MAX;
      const now = Math.max(1, price * (1 + change));
      this.#prices.set(name, now);
      return `${name} ${now.toFixed(2)} ${change < 0 ? "▼" : "▲"}`;
    });
    return `${headline} | ${prices.join("  ")}`;
  }
}
