import type { BatchFigures } from "./datagrams.ts";

/** The figures of a socket, or of several, as they are counted. */
export type Tally = { -readonly [Name in Exclude<keyof BatchFigures, "mode" | "reason">]: number };

/** All at zero. */
export function emptyTally(): Tally {
  return { sendCalls: 0, sent: 0, segments: 0, receiveCalls: 0, received: 0 };
}
