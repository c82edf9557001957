/** Undoes a timer. Calling it after the timer ran, or twice, does nothing. */
export type Cancel = () => void;

/** Time, as a parameter: the live site passes a {@link SystemClock}, tests and the simulator a {@link VirtualClock}. */
export interface Clock {
  /** Milliseconds, monotonic, with fractions; starts anywhere. Never goes back. */
  now(): number;
  /** Milliseconds since 1970 (UTC). May jump when the machine's clock is set. */
  wall(): number;
  /** Runs `task` once, `delayMs` (>= 0) from now. `name` says what it is for, in listings. */
  after(name: string, delayMs: number, task: () => void): Cancel;
}

/** Runs `task` every `periodMs` until cancelled; the first time one period from now. */
export function every(clock: Clock, name: string, periodMs: number, task: () => void): Cancel {
  let cancel = clock.after(name, periodMs, function tick() {
    cancel = clock.after(name, periodMs, tick);
    task();
  });
  return () => cancel();
}

/** Settles `delayMs` from now. */
export function delay(clock: Clock, name: string, delayMs: number): Promise<void> {
  return new Promise((resolve) => void clock.after(name, delayMs, resolve));
}
