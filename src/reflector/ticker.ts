import type { Cancel, Clock } from "../base/index.ts";

/** What a tick is for besides what every tick does. */
export interface Tick {
  /** 100 ms have passed since the last one that was. */
  readonly slow: boolean;
  /** A second has. */
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

/** Beats as often as is needed, every 10 ms to every second: a process that wakes for nothing costs others their time. */
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

  /** Something may be due sooner than it was. */
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
    return this.#options.clock.after("reflector", delayMs, () => this.#beat());
  }

  #beat(): void {
    const { clock, onTick, pace } = this.#options;
    // First, so that a tick that throws is not the last one.
    this.#pace = pace();
    this.#cancel = this.#after(PACES_MS[this.#pace]);
    const now = clock.now();
    // A timer may come a little early.
    const slow = now - this.#slowAt >= SLOW_MS - TICK_MS / 2;
    if (slow) this.#slowAt = now;
    const second = now - this.#secondAt >= SECOND_MS;
    if (second) this.#secondAt = now;
    onTick({ slow, second });
    if (pace() === "fast") this.hurry();
  }
}
