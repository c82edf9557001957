import type { Cancel, Clock } from "../base/index.ts";

/** What is due at a tick besides what every tick does. */
export interface Tick {
  /** 100 ms have passed since the last slow tick. */
  readonly slow: boolean;
  /** A second has passed since the last such tick. */
  readonly second: boolean;
}

/** `fast`: something may be due at once. `slow`: within 100 ms. `calm`: within a second. */
export type Pace = "fast" | "slow" | "calm";

export interface TickerOptions {
  readonly clock: Clock;
  /** What is needed now. */
  pace(): Pace;
  onTick(tick: Tick): void;
}

const TICK_MS = 10;
const SLOW_MS = 100;
const SECOND_MS = 1_000;
const PACES_MS: Readonly<Record<Pace, number>> = { fast: TICK_MS, slow: SLOW_MS, calm: SECOND_MS };

/** Ticks as often as necessary, every 10 ms to every second, so that an idle process hardly uses the processor. */
export class Ticker {
  readonly #options: TickerOptions;
  #slowAt: number;
  #secondAt: number;
  #pace: Pace = "fast";
  #isClosed = false;
  #cancel: Cancel;

  constructor(options: TickerOptions) {
    this.#options = options;
    this.#slowAt = this.#secondAt = options.clock.now();
    this.#cancel = this.#after(TICK_MS);
  }

  /** Ticks within 10 ms: something may be due earlier than expected. */
  hurry(): void {
    if (this.#pace === "fast" || this.#isClosed) return;
    this.#pace = "fast";
    this.#cancel();
    this.#cancel = this.#after(TICK_MS);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
  }

  #after(delayMs: number): Cancel {
    return this.#options.clock.after("reflector", delayMs, () => this.#tick());
  }

  #tick(): void {
    const { clock, onTick, pace } = this.#options;
    // First, so that ticks continue after one that throws.
    this.#pace = pace();
    this.#cancel = this.#after(PACES_MS[this.#pace]);
    const now = clock.now();
    // A timer may fire slightly early.
    const slow = now - this.#slowAt >= SLOW_MS - TICK_MS / 2;
    if (slow) this.#slowAt = now;
    const second = now - this.#secondAt >= SECOND_MS;
    if (second) this.#secondAt = now;
    onTick({ slow, second });
    if (pace() === "fast") this.hurry();
  }
}
