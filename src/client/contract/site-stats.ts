/** One channel at a site, now: rates over the last second. */
export interface ChannelNow {
  readonly name: string;
  /** Sites it comes through, this one last; empty: no way to it. */
  readonly path: readonly string[];
  /** Why it does not arrive although it is wanted; null: it does, or is not. */
  readonly stalled: {
    readonly forMs: number;
    readonly reason: string;
    readonly trying: readonly string[];
  } | null;
  readonly bitsIn: number;
  readonly bitsOut: number;
  /** Per second. */
  readonly packetsIn: number;
  readonly packetsOut: number;
  readonly subscribers: number;
  readonly latencyMs: number | null;
  readonly jitterMs: number | null;
  /** Lag of its slowest subscriber. */
  readonly lagMs: number;
  /** Packets per second, for all reasons. */
  readonly drops: number;
}

/** A subscriber that lags. */
export interface SlowNow {
  readonly channel: string;
  readonly id: number;
  readonly kind: "site" | "viewer" | "rtp";
  readonly name: string;
  readonly address: string;
  readonly state: "live" | "catching-up" | "skipping" | "standby";
  readonly lagMs: number;
  /** Packets, since it came. */
  readonly drops: number;
}

/** How much of something a site has used up. */
export interface Usage {
  readonly used: number;
  /** Null: no limit is known. */
  readonly limit: number | null;
}

/** What `GET /api/figures` answers: one site in a few numbers, as of the last second. */
export interface SiteStats {
  readonly site: string;
  readonly instance: number;
  /** Wall clock, ms. */
  readonly at: number;
  readonly uptimeSeconds: number;
  readonly status: "ok" | "degraded";
  /** Why it is degraded. */
  readonly reason: string | null;
  /** Of one core; all threads. */
  readonly cpu: number;
  /** Resident memory, bytes, and what the machine or its group allows. */
  readonly memory: Usage;
  /** Of the main thread, bytes. */
  readonly heap: Usage;
  readonly descriptors: Usage | null;
  /** 99th percentile of the time that work waited for its thread, ms. */
  readonly loopMs: { readonly main: number; readonly plane: number };
  readonly viewers: number;
  /** Connections to other sites. */
  readonly links: number;
  readonly subscribers: number;
  /** Streams that are there. */
  readonly streams: number;
  readonly bitsIn: number;
  readonly bitsOut: number;
  readonly packetsIn: number;
  readonly packetsOut: number;
  /** Packets per second that were dropped: at channels, at subscribers, and before. */
  readonly drops: number;
  readonly channels: readonly ChannelNow[];
  /** Worst first; at most 20. */
  readonly slowest: readonly SlowNow[];
}

/** What `GET /api/stats` answers: how it was. */
export interface StatsView {
  readonly site: string;
  /** The channel asked for; null: the site itself. */
  readonly channel: string | null;
  /** Wall clock of the first value, ms. */
  readonly from: number;
  /** Time between two values, ms. */
  readonly stepMs: number;
  readonly series: readonly {
    readonly name: string;
    readonly title: string;
    readonly unit: "bit/s" | "1/s" | "count" | "ms" | "bytes" | "share";
    /** Null where the site has none. */
    readonly values: readonly (number | null)[];
  }[];
  /** Channels of which the site remembers something. */
  readonly channels: readonly string[];
}
