import type { StreamView } from "../../agent/index.ts";
import type { FramePeerStats } from "../../host/frames/index.ts";
import type { ChannelRecord, SiteRecord } from "../../session/index.ts";
import type { LogLevel } from "./log-level.ts";
import type { ChannelSnapshot, LinkTrace, PlaneSnapshot } from "./plane-snapshot.ts";

/** The session as one site sees it. */
export interface SessionView {
  readonly session: { readonly name: string };
  /** Name of the site that answers. */
  readonly self: string;
  /** Name of the leading site; null while none is known. */
  readonly leader: string | null;
  readonly directory: "connected" | "disconnected";
  readonly sites: readonly SiteRecord[];
  readonly channels: readonly ChannelRecord[];
  /** True when this session is a demo, whose sites can be killed and started through the API. */
  readonly demo: boolean;
}

/** One channel as a site knows it. */
export interface ChannelView {
  readonly channel: ChannelRecord;
  /** Null while it is not open at this site. */
  readonly snapshot: ChannelSnapshot | null;
}

/**
 * How a site is doing. `degraded`: it runs, but the directory cannot be reached or refuses writes, the audit log cannot
 * be written, a channel that is wanted here has no way here, or something runs out.
 */
export interface HealthView {
  readonly status: "ok" | "degraded";
  readonly site: string;
  readonly directory: "connected" | "disconnected";
  /** Why it is degraded. */
  readonly reason: string | null;
  readonly channels: number;
  /** Streams that are at this site. */
  readonly streams: number;
  readonly uptimeSeconds: number;
}

/** What became of the streams of a site that was halted. */
export interface ResumptionView {
  /** Streams that go on, by name. */
  readonly resumed: readonly string[];
  /** Streams that stay halted, and why. */
  readonly failed: readonly { readonly stream: string; readonly error: string }[];
}

/** What a site has counted of its streams since it started. */
export interface StreamCounts {
  /** Streams that are at this site now. */
  readonly resident: number;
  /** Shells attached now. */
  readonly shells: number;
  /** What became of messages and of the kernel's frames, by name: `consumed`, `dead-lettered`, `repeated`, … */
  readonly messages: Readonly<Record<string, number>>;
  /** Frames dropped and connections refused, by reason; docs/spec/streams-network.md [N20]. */
  readonly frames: Readonly<Record<string, number>>;
  /** Shells that were refused or cut off, by reason; docs/spec/shell.md [S11]. */
  readonly refusedShells: Readonly<Record<string, number>>;
  /** The traffic of frames with each other site. */
  readonly peers: readonly FramePeerStats[];
  /** What its agents run in, but for those in its main thread. */
  readonly executors: {
    readonly processes: number;
    /** Of their own, without what they share, MiB; null where the system does not tell. */
    readonly memoryMb: number | null;
    /** What control groups bound of them: `memory, cpu, pids (version 2)`, or `none: ` and why. */
    readonly groups: string;
  };
}

/** The streams of the session as one site knows them. */
export interface StreamsView {
  /** By name. */
  readonly streams: readonly StreamView[];
  /** Of the site that answers. */
  readonly counts: StreamCounts;
}

/** Where a publisher sends to. */
export interface PublishAnswer {
  readonly channel: string;
  readonly id: number;
  readonly host: string;
  readonly tracks: readonly {
    readonly medium: number;
    readonly kind: "audio" | "video" | "application";
    readonly codec: string;
    readonly rtpPort: number;
    readonly rtcpPort: number;
    /** The group that it is taken from, instead of the host. */
    readonly group?: string | undefined;
  }[];
  /** What of the session description was passed over, or understood in another way than written; absent: nothing. */
  readonly warnings?: readonly string[] | undefined;
}

/** How a channel is sent to a group. */
export interface GroupSending {
  /** Routers that a datagram passes, and one; 1..255 (1: it stays in the network). */
  readonly ttl?: number | undefined;
  /** Name or address of the interface (the one that the site listens on). */
  readonly interface?: string | undefined;
}

/** UDP ports of a plain RTP receiver. */
export interface OutputPorts {
  readonly video?: number | undefined;
  readonly audio?: number | undefined;
}

/** What the `trace` modules of a site's links remember. */
export interface TraceView {
  /** Name of the site that answers. */
  readonly site: string;
  readonly links: readonly LinkTrace[];
}

/** The level of a site's log. */
export interface LogLevelView {
  readonly level: LogLevel;
  /** The level that comes back by itself; null: this one stays. */
  readonly revertsTo: LogLevel | null;
  /** When it does, wall clock, ms. */
  readonly revertsAt: number | null;
}

/** What a site's process uses. */
export interface ProcessView {
  /** User and system time of all threads since the start, s. */
  readonly cpuSeconds: number;
  /** Resident memory, bytes. */
  readonly rssBytes: number;
  readonly uptimeSeconds: number;
}

/** What `GET /api/site` answers: one site, now. */
export interface SiteView {
  readonly site: SiteRecord;
  readonly snapshot: PlaneSnapshot;
  readonly process: ProcessView;
}
