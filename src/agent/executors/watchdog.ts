import type { Cancel, Clock } from "../../base/index.ts";

/** Longest and shortest time between two looks, ms. */
const PERIOD_MAX = 250;
const PERIOD_MIN = 10;

/** What a watchdog observes: which agent runs, and a number that changes whenever something starts. */
export interface Watched {
  readonly running: number | undefined;
  readonly beats: number;
}

/** What a watchdog needs of its owner. */
export interface WatchdogOptions {
  readonly clock: Clock;
  readonly watched: Watched;
  /** Whether something may start to run without the owner's doing. */
  readonly isBusy: () => boolean;
  /** The shortest bound of all that may run, ms. */
  readonly shortestMs: () => number;
  /** How long this one may run, ms. */
  readonly longestMs: (slot: number) => number;
  /** It ran longer. */
  readonly onStuck: (slot: number) => void;
}

/**
 * Watches a thread from outside: one thing that runs longer than it may is found at most two looks later.
 *
 * Time in which the watching thread itself did not run does not count: both may have been stopped together.
 */
export class Watchdog {
  readonly #options: WatchdogOptions;
  #cancel: Cancel | undefined;
  #beats = 0;
  #lookedAt = 0;
  /** How long the same has been running. */
  #stuckMs = 0;

  constructor(options: WatchdogOptions) {
    this.#options = options;
  }

  /** Something may run from now on. Watches until nothing does. */
  wake(): void {
    if (this.#cancel !== undefined) return;
    this.#lookedAt = this.#options.clock.now();
    this.#stuckMs = 0;
    this.#beats = this.#options.watched.beats;
    this.#lookLater();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #lookLater(): void {
    const period = Math.min(PERIOD_MAX, Math.max(PERIOD_MIN, this.#options.shortestMs() / 4));
    this.#cancel = this.#options.clock.after("agent watchdog", period, () => this.#look(period));
  }

  #look(period: number): void {
    this.#cancel = undefined;
    const { clock, watched, isBusy, longestMs, onStuck } = this.#options;
    const now = clock.now();
    const passed = Math.min(now - this.#lookedAt, 2 * period);
    this.#lookedAt = now;
    const { beats, running } = watched;
    this.#stuckMs = running === undefined || beats !== this.#beats ? 0 : this.#stuckMs + passed;
    this.#beats = beats;
    if (running === undefined && !isBusy()) return;
    this.#lookLater();
    if (running !== undefined && this.#stuckMs >= longestMs(running)) onStuck(running);
  }
}
