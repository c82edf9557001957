import { assert } from "./assert.ts";
import type { Cancel, Clock } from "./clock.ts";

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly name: string;
  readonly task: () => void;
}

/** A clock that moves only when told to. Timers due at one instant run in the order they were set. */
export class VirtualClock implements Clock {
  #now: number;
  #order = 0;
  readonly #timers = new Set<Timer>();
  readonly #wallOffset: number;

  constructor(start = 0, wallOffset = 1_700_000_000_000) {
    this.#now = start;
    this.#wallOffset = wallOffset;
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#wallOffset + this.#now;
  }

  after(name: string, delayMs: number, task: () => void): Cancel {
    assert(delayMs >= 0, "a timer is set for now or later");
    const timer = { at: this.#now + delayMs, order: this.#order++, name, task };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Names of the timers that are set, soonest first. */
  get pending(): string[] {
    return [...this.#timers].sort((a, b) => a.at - b.at || a.order - b.order).map((t) => t.name);
  }

  /** Moves on by `ms`, running what falls due, each at its own instant. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#soonest();
      if (next === undefined || next.at > end) break;
      this.#timers.delete(next);
      this.#now = next.at;
      next.task();
    }
    this.#now = end;
  }

  #soonest(): Timer | undefined {
    let best: Timer | undefined;
    for (const timer of this.#timers) {
      if (
        best === undefined ||
        timer.at < best.at ||
        (timer.at === best.at && timer.order < best.order)
      ) {
        best = timer;
      }
    }
    return best;
  }
}
