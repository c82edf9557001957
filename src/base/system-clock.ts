import type { Cancel, Clock } from "./clock.ts";

/** In Node the global of this name is a getter, which the packet path would run several times for each packet. */
const source = performance;

/** The machine's clock. The only file that reads ambient time. */
export class SystemClock implements Clock {
  now(): number {
    return source.now();
  }

  wall(): number {
    return Date.now();
  }

  after(_name: string, delayMs: number, task: () => void): Cancel {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  }
}
