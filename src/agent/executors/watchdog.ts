import type { Cancel, Clock } from "../../base/index.ts";

/** Longest and shortest time between two looks, ms. */
const PERIOD_MAX = 100;
const PERIOD_MIN = 10;

/** What a watchdog observes: which agent runs, and a number that changes whenever something starts. */
export interface Watched {
  readonly running: number | undefined;
  readonly beats: number;
}

/** What a watchdog needs of its owner. */
export interface WatchdogOptions {
  readonly clock: Clock;
  /** Looks at what it observes. */
  readonly look: () => Watched;
  /** Whether something may start to run without the owner's doing. */
  readonly isBusy: () => boolean;
  /** The shortest bound of all that may run, ms. */
  readonly shortestMs: () => number;
  /** How long this one may run, ms. */
  readonly longestMs: (slot: number) => number;
  /** It ran longer. */
  readonly onStuck: (slot: number) => void;
  /** How long nothing may run or start though the owner is busy, ms; undefined: for ever. */
  readonly silentMs: () => number | undefined;
  /** Nothing ran or started for longer. */
  readonly onSilent: () => void;
}

/**
 * Watches a process from outside: one thing that runs longer than it may is found at most a look later, and so is a
 * process that does nothing of what it is to do.
 *
 * Time in which the watching process itself did not run does not count: both may have been stopped together.
 */
export class Watchdog {
  readonly #options: WatchdogOptions;
  #cancel: Cancel | undefined;
  #seen: Watched = { running: undefined, beats: 0 };
  #lookedAt = 0;
  /** How long the same has been so. */
  #sameMs = 0;

  constructor(options: WatchdogOptions) {
    this.#options = options;
  }

  /** Something may run from now on. Watches until nothing does. */
  wake(): void {
    if (this.#cancel !== undefined) return;
    this.#lookedAt = this.#options.clock.now();
    this.#sameMs = 0;
    this.#seen = this.#options.look();
    this.#lookLater();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** @param leftMs until what runs has run too long */
  #lookLater(leftMs = Number.POSITIVE_INFINITY): void {
    const usual = Math.min(PERIOD_MAX, Math.max(PERIOD_MIN, this.#options.shortestMs() / 4));
    const period = Math.max(1, Math.min(usual, leftMs));
    this.#cancel = this.#options.clock.after("agent watchdog", period, () => this.#look(period));
  }

  #look(period: number): void {
    this.#cancel = undefined;
    const { clock, look, isBusy, longestMs, onStuck, silentMs, onSilent } = this.#options;
    const now = clock.now();
    const passed = Math.min(now - this.#lookedAt, 2 * period);
    this.#lookedAt = now;
    const { beats, running } = look();
    const isSame = beats === this.#seen.beats && running === this.#seen.running;
    this.#sameMs = isSame ? this.#sameMs + passed : 0;
    this.#seen = { beats, running };
    if (running === undefined && !isBusy()) return;
    const mostMs =
      running === undefined ? (silentMs() ?? Number.POSITIVE_INFINITY) : longestMs(running);
    this.#lookLater(mostMs - this.#sameMs);
    if (this.#sameMs < mostMs) return;
    if (running === undefined) onSilent();
    else onStuck(running);
  }
}
