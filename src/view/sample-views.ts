import type {
  ChannelSnapshot,
  InputSnapshot,
  SessionView,
  SiteView,
  SubscriberSnapshot,
} from "../client/contract/index.ts";
import type { SiteRecord } from "../session/index.ts";
import { type Network, type Observation, observe, UNKNOWN_NETWORK } from "./network.ts";

const NO_DATAGRAMS = {
  mode: "plain",
  reason: "switched-off",
  sendCalls: 0,
  sent: 0,
  segments: 0,
  receiveCalls: 0,
  received: 0,
} as const;

/** Values for tests: a site record. */
export function sampleRecord(name: string, change: Partial<SiteRecord> = {}): SiteRecord {
  return {
    name,
    instance: 1,
    http: { host: "127.0.0.1", port: 7000 },
    udp: { host: "127.0.0.1", port: 7000 },
    pid: 1,
    version: "0.1.0",
    leader: false,
    startedAt: 0,
    ...change,
  };
}

/** Values for tests: a session with the channel `clip`, ingested at `origin`, led by it. */
export function sampleSession(
  sites: readonly (string | SiteRecord)[],
  change: Partial<SessionView> = {},
): SessionView {
  return {
    session: { name: "demo" },
    self: "origin",
    leader: "origin",
    directory: "connected",
    sites: sites.map((site) => (typeof site === "string" ? sampleRecord(site) : site)),
    channels: [{ name: "clip", id: 1, ingests: ["origin"] }],
    demo: true,
    ...change,
  };
}

/** Values for tests: a report at `at` ms. */
export function sampleView(
  site: string | SiteRecord,
  at: number,
  channels: readonly ChannelSnapshot[] = [],
  change: Partial<SiteView["snapshot"]> = {},
): SiteView {
  return {
    site: typeof site === "string" ? sampleRecord(site) : site,
    snapshot: { at, channels, peers: [], drops: {}, datagrams: NO_DATAGRAMS, ...change },
    process: { cpuSeconds: at / 10_000, rssBytes: 80_000_000, uptimeSeconds: at / 1000 },
  };
}

/** Values for tests: the channel `clip` with one video track, and nothing counted. */
export function sampleChannel(change: Partial<ChannelSnapshot> = {}): ChannelSnapshot {
  const track = { medium: 2, kind: "video", source: 1, generation: 0, codec: "h264" } as const;
  return {
    name: "clip",
    id: 1,
    description: {
      revision: 1,
      ingest: "origin",
      tracks: [{ ...track, payloadType: 96, clockRate: 90_000 }],
    },
    path: [],
    packetsIn: 0,
    bytesIn: 0,
    packetsOut: 0,
    bytesOut: 0,
    drops: {},
    latencyMs: undefined,
    jitterMs: undefined,
    history: { packets: 0, bytes: 0, ms: 0 },
    inputs: [],
    subscribers: [],
    ...change,
  };
}

/** Values for tests: an input from a site. */
export function sampleInput(name: string, change: Partial<InputSnapshot> = {}): InputSnapshot {
  const connection = "frag:udp";
  return {
    kind: "site",
    name,
    connection,
    state: "active",
    packets: 0,
    bytes: 0,
    drops: {},
    ...change,
  };
}

/** Values for tests: how an input is known. */
export function sampleOrigin(
  change:
    | { readonly kind: "configured" }
    | { readonly kind: "learned"; readonly from: string; readonly agoMs: number }
    | { readonly kind: "directory"; readonly isIngest: boolean },
): NonNullable<InputSnapshot["origin"]> {
  const relation = change.kind === "configured" ? "route" : "source-of-source";
  return { ...change, relation, heldBackMs: 5_000, lost: 0 };
}

/** Values for tests: a player. */
export function sampleSubscriber(change: Partial<SubscriberSnapshot> = {}): SubscriberSnapshot {
  return {
    id: 1,
    kind: "viewer",
    name: "player",
    address: "127.0.0.1:40000",
    stack: "websocket",
    state: "live",
    packets: 0,
    bytes: 0,
    lagMs: 0,
    drops: {},
    ...change,
  };
}

/** Values for tests: a network after observations. */
export function networkAfter(
  observations: readonly Observation[],
  before: Network = UNKNOWN_NETWORK,
): Network {
  return observations.reduce(observe, before);
}

/** Values for tests: what a site answered. */
export function answer(view: SiteView): Observation {
  return { type: "site-answered", name: view.site.name, view };
}

/** Values for tests: that a site did not answer. */
export function silence(name: string): Observation {
  return { type: "site-failed", name, reason: "no answer" };
}
