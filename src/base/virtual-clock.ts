import { assert } from "./assert.ts";
import type { Cancel, Clock } from "./clock.ts";
import type { Random } from "./random.ts";
import { type HeapTimer, TimerHeap } from "./timer-heap.ts";

interface Timer extends HeapTimer {
  readonly name: string;
  readonly task: () => void;
}

/** How a {@link VirtualClock} differs from the plain one. */
export interface VirtualClockOptions {
  /**
   * Draws the order of timers that are due at one instant, one number for each timer when it is set. The same random
   * numbers and the same timers give the same order.
   *
   * Default: the order in which they were set.
   */
  readonly ties?: Random | undefined;
}

/** A clock that moves only when it is advanced. */
export class VirtualClock implements Clock {
  #now: number;
  #order = 0;
  readonly #timers = new TimerHeap<Timer>();
  readonly #wallOffset: number;
  readonly #ties: Random | undefined;

  /**
   * @param start `now()` at the beginning, ms
   * @param wallOffset `wall()` is this much ahead of `now()`, ms
   */
  constructor(start = 0, wallOffset = 1_700_000_000_000, options: VirtualClockOptions = {}) {
    this.#now = start;
    this.#wallOffset = wallOffset;
    this.#ties = options.ties;
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#wallOffset + this.#now;
  }

  after(name: string, delayMs: number, task: () => void): Cancel {
    assert(delayMs >= 0, "a timer is set for now or later");
    const timer: Timer = {
      at: this.#now + delayMs,
      tie: this.#ties === undefined ? 0 : this.#ties.uint32(),
      order: this.#order++,
      index: -1,
      name,
      task,
    };
    this.#timers.add(timer);
    return () => this.#timers.remove(timer);
  }

  /** Names of the timers that are set, in the order in which they will run. */
  get pending(): string[] {
    return this.#timers.sorted().map(({ name }) => name);
  }

  /** When the soonest timer is due, in the time of `now()`; undefined when none is set. */
  get nextAt(): number | undefined {
    return this.#timers.soonest?.at;
  }

  /** Moves to the soonest timer's instant and runs that one alone. False when none is set; time stands still then. */
  step(): boolean {
    const timer = this.#timers.soonest;
    if (timer === undefined) return false;
    this.#timers.remove(timer);
    this.#moveTo(timer.at);
    timer.task();
    return true;
  }

  /** Moves on by `ms`, running what falls due, each at its own instant. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.nextAt; next !== undefined && next <= end; next = this.nextAt) this.step();
    this.#moveTo(end);
  }

  /** A task may have moved time on by itself; it never goes back. */
  #moveTo(instant: number): void {
    if (instant > this.#now) this.#now = instant;
  }
}
