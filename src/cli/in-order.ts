import { type Cancel, type Clock, SystemClock } from "../base/index.ts";

/** What sites did, as told by them. */
export interface Timed {
  /** When it happened, ms since 1970. */
  readonly at: number;
}

/** How long an event waits for earlier ones that are still on their way from other sites, ms. */
const HOLD_MS = 100;

/**
 * Puts events of several sites into the order in which they happened. A site tells its own at once and those of others
 * some milliseconds later, so that an effect can arrive before its cause. As exact as the sites' clocks agree.
 */
export class InOrder<T extends Timed> {
  readonly #print: (event: T) => void;
  readonly #clock: Clock;
  readonly #timers = new Set<Cancel>();
  #held: T[] = [];

  constructor(print: (event: T) => void, clock: Clock = new SystemClock()) {
    this.#print = print;
    this.#clock = clock;
  }

  /** Takes an event, and prints it a moment later, after every one that is older. */
  add(event: T): void {
    this.#held.push(event);
    const cancel = this.#clock.after("events in order", HOLD_MS, () => {
      this.#timers.delete(cancel);
      this.#printUntil(event.at);
    });
    this.#timers.add(cancel);
  }

  /** Prints what is held, now. */
  flush(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    this.#printUntil(Number.POSITIVE_INFINITY);
  }

  #printUntil(at: number): void {
    const due = this.#held.filter((event) => event.at <= at);
    this.#held = this.#held.filter((event) => event.at > at);
    // Sorting keeps the order of events of one time.
    for (const event of due.sort((a, b) => a.at - b.at)) this.#print(event);
  }
}
