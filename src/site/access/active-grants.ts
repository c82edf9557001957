import type { Cancel, Clock, MeanderError } from "../../base/index.ts";
import type { Grant, Need } from "./grant.ts";

/** Something that lasts under a grant: a subscription, an input, a shell. */
interface Holding {
  readonly grant: Grant | undefined;
  readonly need: Need;
  readonly end: (error: MeanderError) => void;
}

/** Longest time until the next check, ms: a timer cannot wait for weeks, and the wall clock may be set. */
const LOOK_MS_MAX = 60_000;
/** Shortest: tokens that expire one after the other are checked together. */
const LOOK_MS_MIN = 20;

/** What lasts under grants, and is ended when they end. [A8] */
export class ActiveGrants {
  readonly #clock: Clock;
  readonly #judge: (grant: Grant | undefined, need: Need) => MeanderError | undefined;
  readonly #holdings = new Set<Holding>();
  #cancel: Cancel | undefined;
  #nextLook = Number.POSITIVE_INFINITY;

  /** @param judge why something may not continue; undefined when it may */
  constructor(
    clock: Clock,
    judge: (grant: Grant | undefined, need: Need) => MeanderError | undefined,
  ) {
    this.#clock = clock;
    this.#judge = judge;
  }

  /** How many there are. */
  get size(): number {
    return this.#holdings.size;
  }

  /**
   * Notes something that lasts.
   *
   * @param end called once, when it may not continue
   * @returns a function to call when it has ended by itself
   */
  hold(grant: Grant | undefined, need: Need, end: (error: MeanderError) => void): () => void {
    const holding = { grant, need, end };
    this.#holdings.add(holding);
    if (grant !== undefined) this.#lookBy(grant.expiresAt);
    return () => {
      this.#holdings.delete(holding);
      if (this.#holdings.size === 0) this.close();
    };
  }

  /** Ends what may not continue. */
  review(): void {
    this.close();
    let next = Number.POSITIVE_INFINITY;
    for (const holding of [...this.#holdings]) {
      const error = this.#judge(holding.grant, holding.need);
      if (error === undefined) next = Math.min(next, holding.grant?.expiresAt ?? next);
      else if (this.#holdings.delete(holding)) holding.end(error);
    }
    if (next < Number.POSITIVE_INFINITY) this.#lookBy(next);
  }

  /** Stops checking, until something else is noted. */
  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#nextLook = Number.POSITIVE_INFINITY;
  }

  #lookBy(wallMs: number): void {
    if (wallMs >= this.#nextLook) return;
    this.#cancel?.();
    this.#nextLook = wallMs;
    const delayMs = Math.min(Math.max(wallMs - this.#clock.wall(), LOOK_MS_MIN), LOOK_MS_MAX);
    this.#cancel = this.#clock.after("expiry of tokens", delayMs, () => this.review());
  }
}
