import type { Cancel, Clock } from "../../base/index.ts";

/** How a clock is wrong. */
export interface ClockSkew {
  /** Ahead of true time by this much, ms. */
  readonly offsetMs: number;
  /** Faster than true time by this many millionths. */
  readonly driftPpm: number;
  /** The true clock's `now()` when that was so, ms; from then on it drifts. Default 0. */
  readonly sinceMs?: number;
}

/**
 * The clock as a process sees it that can be stopped and continued, or be killed: time goes on, its timers wait, or
 * never ring.
 */
export class ProcessClock implements Clock {
  frozen = false;
  readonly #clock: Clock;
  #skew: ClockSkew;
  /** How fast it goes: 1 is right. */
  #rate: number;
  /** What `now()` was when the drift was set, and what it was in truth. */
  #nowThen: number;
  #trueThen: number;
  /** What waits for the process to go on, in order; also while it catches up. */
  #held: (() => void)[] = [];
  #catchesUp = false;
  #dead = false;

  constructor(clock: Clock, skew: ClockSkew = { offsetMs: 0, driftPpm: 0 }) {
    this.#clock = clock;
    this.#skew = skew;
    this.#rate = rateOf(skew);
    this.#nowThen = clock.now();
    this.#trueThen = this.#nowThen;
  }

  /** Timers that are set ring when they would have. */
  setSkew(skew: ClockSkew): void {
    this.#nowThen = this.now();
    this.#trueThen = this.#clock.now();
    this.#skew = skew;
    this.#rate = rateOf(skew);
  }

  now(): number {
    return this.#nowThen + (this.#clock.now() - this.#trueThen) * this.#rate;
  }

  wall(): number {
    const { offsetMs, driftPpm, sinceMs = 0 } = this.#skew;
    return this.#clock.wall() + offsetMs + ((this.#clock.now() - sinceMs) * driftPpm) / 1e6;
  }

  after(name: string, delayMs: number, task: () => void): Cancel {
    let cancelled = false;
    const cancel = this.#clock.after(name, delayMs / this.#rate, () => {
      if (this.isRunning) task();
      else
        this.hold(() => {
          if (!cancelled) task();
        });
    });
    return () => {
      cancelled = true;
      cancel();
    };
  }

  /** Whether nothing waits for it to go on. */
  get isRunning(): boolean {
    return !this.frozen && !this.#dead && this.#held.length === 0;
  }

  /** Runs now, or when the process goes on; never, when it is dead. */
  hold(task: () => void): void {
    if (this.isRunning) task();
    else if (!this.#dead) this.#held.push(task);
  }

  /** Stands still: its timers, and what arrives, wait. */
  freeze(): void {
    this.frozen = true;
  }

  /** Goes on: what was held is done at once, one after the other, each as an event of its own. */
  thaw(): void {
    this.frozen = false;
    this.#catchUp();
  }

  /** Nothing of it runs any more. */
  kill(): void {
    this.#dead = true;
    this.#held = [];
  }

  get isDead(): boolean {
    return this.#dead;
  }

  #catchUp(): void {
    if (this.#catchesUp || this.#held.length === 0) return;
    this.#catchesUp = true;
    this.#clock.after("catch up", 0, () => {
      this.#catchesUp = false;
      if (this.frozen) return;
      const [task] = this.#held;
      task?.();
      // Only now: what it caused comes behind what waits.
      this.#held.shift();
      this.#catchUp();
    });
  }
}

function rateOf({ driftPpm }: ClockSkew): number {
  return 1 + driftPpm / 1e6;
}
