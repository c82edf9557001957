import type { DatagramStats } from "./datagrams.ts";

/** Running totals of a socket, or of several that count together. */
export type DatagramTotals = {
  -readonly [Name in Exclude<keyof DatagramStats, "mode" | "reason">]: number;
};

/** All at zero. */
export function zeroTotals(): DatagramTotals {
  return { sendCalls: 0, sent: 0, segments: 0, receiveCalls: 0, received: 0 };
}
