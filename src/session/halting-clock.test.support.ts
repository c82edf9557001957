import { type Cancel, type Clock, VirtualClock } from "../base/index.ts";

/** A virtual clock whose process can stand still: time passes, timers do not run. */
export class HaltingClock implements Clock {
  readonly #clock = new VirtualClock();
  #halted = 0;

  now(): number {
    return this.#clock.now() + this.#halted;
  }

  wall(): number {
    return this.#clock.wall() + this.#halted;
  }

  after(name: string, delayMs: number, task: () => void): Cancel {
    return this.#clock.after(name, delayMs, task);
  }

  advance(ms: number): void {
    this.#clock.advance(ms);
  }

  halt(ms: number): void {
    this.#halted += ms;
  }
}
