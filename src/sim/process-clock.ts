import type { Cancel, Clock } from "../base/index.ts";

/** How a clock is wrong. */
export interface ClockSkew {
  /** Ahead of true time by this much, ms. */
  readonly offsetMs: number;
  /** Faster than true time by this many millionths. */
  readonly driftPpm: number;
}

/** The clock as a process sees it that can be stopped and continued, or be killed: time goes on, its timers wait, or never ring. */
export class ProcessClock implements Clock {
  frozen = false;
  readonly #clock: Clock;
  #skew: ClockSkew;
  #held: (() => void)[] = [];
  #dead = false;

  constructor(clock: Clock, skew: ClockSkew = { offsetMs: 0, driftPpm: 0 }) {
    this.#clock = clock;
    this.#skew = skew;
  }

  setSkew(skew: ClockSkew): void {
    this.#skew = skew;
  }

  now(): number {
    return this.#clock.now() * (1 + this.#skew.driftPpm / 1e6);
  }

  wall(): number {
    return this.#clock.wall() + this.#skew.offsetMs + (this.#clock.now() * this.#skew.driftPpm) / 1e6;
  }

  after(name: string, delayMs: number, task: () => void): Cancel {
    let cancelled = false;
    const cancel = this.#clock.after(name, delayMs / (1 + this.#skew.driftPpm / 1e6), () =>
      this.hold(() => {
        if (!cancelled) task();
      }),
    );
    return () => {
      cancelled = true;
      cancel();
    };
  }

  /** Runs now, or when the process goes on; never, when it is dead. */
  hold(task: () => void): void {
    if (this.#dead) return;
    if (this.frozen) this.#held.push(task);
    else task();
  }

  thaw(): void {
    this.frozen = false;
    for (const task of this.#held.splice(0)) task();
  }

  /** Nothing of it runs any more. */
  kill(): void {
    this.#dead = true;
    this.#held = [];
  }

  get isDead(): boolean {
    return this.#dead;
  }
}
