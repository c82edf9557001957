import { median } from "./median.ts";
import type { Arrival } from "./test-streams.ts";

/** The time around an event, ms since 1970. */
export interface Window {
  /** When the event began. */
  readonly fromMs: number;
  /** When its effect was over, and some time more. */
  readonly toMs: number;
}

/** What an event did to one receiver. */
export interface WindowEffect {
  /** Numbers sent meanwhile that never came. */
  readonly lost: number;
  /** Arrivals of numbers that had come before. */
  readonly repeated: number;
  /** The longest time between two arrivals, ms. */
  readonly gapMs: number;
  /** The middle one, ms. */
  readonly interArrivalMs: number;
  /** By how much the latest packet was later than the middle one, ms: without the pauses of the sender. */
  readonly lateMs: number;
}

/** Arrivals that long before an event are looked at as well, ms: what comes after it is behind them. */
const BEFORE_MS = 200;

/**
 * What was received around an event.
 *
 * @param arrivals all of the receiver, in their order; also those long after the window, which may be late ones
 * @throws {Error} when nothing came
 */
export function effectOf(arrivals: readonly Arrival[], { fromMs, toMs }: Window): WindowEffect {
  const all = new Set<number>();
  const within: Arrival[] = [];
  let next: Arrival | undefined;
  let repeated = 0;
  for (const arrival of arrivals) {
    const isWithin = arrival.atMs >= fromMs - BEFORE_MS && arrival.atMs <= toMs;
    if (isWithin) within.push(arrival);
    if (isWithin && all.has(arrival.number)) repeated++;
    if (arrival.atMs > toMs) next ??= arrival;
    all.add(arrival.number);
  }
  const last = within.at(-1);
  if (last === undefined) throw new Error("nothing was received around an event");
  let [lowest, highest] = [last.number, next?.number ?? last.number];
  for (const { number } of within) {
    lowest = Math.min(lowest, number);
    highest = Math.max(highest, number);
  }
  let lost = 0;
  for (let number = lowest; number <= highest; number++) if (!all.has(number)) lost++;
  const times = within.map(({ sinceMs }) => sinceMs).filter((ms) => !Number.isNaN(ms));
  // Silence at the end is a gap that has not ended.
  const gapMs = Math.max(...times, toMs - last.atMs);
  const latencies = within.map(({ latencyMs }) => latencyMs);
  const lateMs = Math.max(...latencies) - median(latencies);
  return { lost, repeated, gapMs, interArrivalMs: median(times), lateMs };
}

/** The value that this share of them does not exceed. @param share 0..1 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
