import { FIGURE_7, FIGURE_9, type Topology } from "./reshape-topology.ts";
import type { TestLoad } from "./test-streams.ts";

/** What may happen, in the order in which it does. */
export const EVENTS = [
  "none",
  "leave",
  "return",
  "crash",
  "cut",
  "naiveLeave",
  "naiveReturn",
] as const;
export type EventName = (typeof EVENTS)[number];

/** Events under the same circumstances. */
export interface Group {
  /** For people. */
  readonly about: string;
  readonly topology: Topology;
  readonly load: TestLoad;
  readonly subscribers: number;
  readonly events: readonly EventName[];
  /** All processors are kept busy meanwhile. */
  readonly isBusy?: boolean;
  /** The leader stands still during events. */
  readonly isLeaderStopped?: boolean;
}

/** The paper's video (Figures 11 to 14). */
const VIDEO: TestLoad = { rate: "1.2M", packetsPerSecond: 30, adaptSeconds: 1 };
/** Ten times that, in packets of the size that networks carry. */
const FAST: TestLoad = { rate: "10M", packetsPerSecond: 1_000, adaptSeconds: 1 };
/** The paper's sound (Figure 15). */
const SOUND: TestLoad = { rate: "45k", packetsPerSecond: 25, adaptSeconds: 1 };

/** In the order in which they are measured. */
export const GROUPS: Readonly<Record<string, Group>> = {
  "1.2Mx1": row("1.2 Mbit/s, 30 packets/s, 1 subscriber", VIDEO, 1, EVENTS),
  "1.2Mx100": row("the same, 100 subscribers", VIDEO, 100, EVENTS),
  "1.2Mx1000": row("the same, 1000 subscribers", VIDEO, 1_000, [
    "none",
    "leave",
    "return",
    "crash",
  ]),
  "10Mx1": row("10 Mbit/s, 1000 packets/s, 1 subscriber", FAST, 1, EVENTS),
  "10Mx30": row("the same, 30 subscribers", FAST, 30, EVENTS),
  "45kx1": row("45 kbit/s, 25 packets/s", SOUND, 1, ["none", "leave", "return", "crash"]),
  busy: {
    ...row("1.2 Mbit/s, all processors busy", { ...VIDEO, adaptSeconds: 10 }, 1, [
      "none",
      "leave",
      "return",
    ]),
    isBusy: true,
  },
  leaderless: {
    ...row("1.2 Mbit/s, the leader stands still", VIDEO, 1, ["none", "leave", "crash"]),
    isLeaderStopped: true,
  },
  figure7: {
    ...row("1.2 Mbit/s, two inputs and two outputs", VIDEO, 1, [
      "none",
      "leave",
      "return",
      "crash",
    ]),
    topology: FIGURE_7,
  },
};

function row(
  about: string,
  load: TestLoad,
  subscribers: number,
  events: readonly EventName[],
): Group {
  return { about, topology: FIGURE_9, load, subscribers, events };
}
