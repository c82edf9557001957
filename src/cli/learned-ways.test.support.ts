import type { ChannelSnapshot, InputSnapshot } from "../client/contract/index.ts";
import type { Paint } from "./terminal.ts";

/** No colours. */
export const PLAIN: Paint = (_style, text) => text;

const COUNTS = { packets: 7, bytes: 700, drops: {} } as const;

/** The first source of the route: it was lost again and again. */
export const LOST: InputSnapshot = {
  ...{ kind: "site", name: "middle", connection: "frag:udp", state: "down", ...COUNTS },
  origin: { kind: "configured", relation: "route", lost: 3, heldBackMs: 20_000 },
};

/** What stands in for it. */
export const STAND_IN: InputSnapshot = {
  ...{ kind: "site", name: "north", connection: "frag:udp", state: "active", ...COUNTS },
  drops: { late: 2 },
  origin: {
    ...{ kind: "learned", from: "middle", agoMs: 3_100 },
    ...{ relation: "source-of-source", lost: 0, heldBackMs: 5_000 },
  },
};

/** A channel that came through middle until it left 12 s ago. The report was made at 20 s. */
export const CLIP: ChannelSnapshot = {
  ...{ name: "clip", id: 1, description: undefined, latencyMs: 3, jitterMs: 1, subscribers: [] },
  ...{ packetsIn: 9, bytesIn: 900, packetsOut: 9, bytesOut: 900, drops: {} },
  history: { packets: 1, bytes: 1, ms: 1 },
  path: ["origin", "north", "south"],
  inputs: [
    LOST,
    STAND_IN,
    { ...STAND_IN, name: "origin", state: "standby", drops: {} },
    { ...LOST, name: "east", state: "standby" },
  ],
  switches: [
    { at: 1_000, from: undefined, to: "middle", reason: "first choice" },
    { at: 8_000, from: "middle", to: "north", reason: "the site is shutting down" },
  ],
  ways: [
    { at: 1_000, path: ["origin", "north", "middle", "south"] },
    { at: 8_000, path: ["origin", "north", "south"] },
  ],
};

/** The same, while it does not arrive. */
export const STALLED: ChannelSnapshot = {
  ...CLIP,
  path: [],
  stalled: { forMs: 4_000, reason: "middle cannot be reached", trying: ["middle", "north"] },
};
