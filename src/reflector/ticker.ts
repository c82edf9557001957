import type { Cancel, Clock } from "../base/index.ts";

/** What a tick is for besides what every tick does. */
export interface Tick {
  /** 100 ms have passed since the last one that was. */
  readonly slow: boolean;
  /** A second has. */
  readonly second: boolean;
}

export interface TickerOptions {
  readonly clock: Clock;
  /** True when nothing is due within the next second. */
  isCalm(): boolean;
  onTick(tick: Tick): void;
}

const TICK_MS = 10;
const SLOW_MS = 100;
const SECOND_MS = 1_000;

/** Beats every 10 ms; every second as long as all is calm, since a process that wakes for nothing costs others their time. */
export class Ticker {
  readonly #options: TickerOptions;
  #slowAt: number;
  #secondAt: number;
  #isFast = true;
  #isClosed = false;
  #cancel: Cancel;

  constructor(options: TickerOptions) {
    this.#options = options;
    this.#slowAt = this.#secondAt = options.clock.now();
    this.#cancel = this.#after(TICK_MS);
  }

  /** It may not be calm any more. */
  hurry(): void {
    if (this.#isFast || this.#isClosed) return;
    this.#isFast = true;
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
    const { clock, isCalm, onTick } = this.#options;
    // First, so that a tick that throws is not the last one.
    this.#isFast = !isCalm();
    this.#cancel = this.#after(this.#isFast ? TICK_MS : SECOND_MS);
    const now = clock.now();
    const slow = now - this.#slowAt >= SLOW_MS;
    if (slow) this.#slowAt = now;
    const second = now - this.#secondAt >= SECOND_MS;
    if (second) this.#secondAt = now;
    onTick({ slow, second });
    if (!isCalm()) this.hurry();
  }
}
