import type { Cancel, Clock } from "./clock.ts";

/** The machine's clock. The only file that reads ambient time. */
export class SystemClock implements Clock {
  now(): number {
    return performance.now();
  }

  wall(): number {
    return Date.now();
  }

  after(_name: string, delayMs: number, task: () => void): Cancel {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  }
}
