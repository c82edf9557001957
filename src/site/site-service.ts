import type { StreamView } from "../agent/index.ts";
import type { ChannelRecord, RouteConfig, SiteRecord } from "../session/index.ts";
import type { Grant } from "./access/grant.ts";
import type { Guard } from "./access/guard.ts";
import type { TokenService } from "./access/token-service.ts";
import type { ChannelSnapshot, LinkTrace, PlaneSnapshot } from "./plane-control.ts";
import type { RecordStatus } from "../client/record/index.ts";
import type { LogLevel } from "./site-options.ts";
import type { FramePeerStats } from "../host/frames/live-frame-network.ts";
import type { SiteFigures, StatsView } from "../view/index.ts";

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

/** How a site is doing. `degraded`: media flows, but the directory cannot be reached, or something runs out. */
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
}

/** The streams of the session as one site knows them. */
export interface StreamsView {
  /** By name. */
  readonly streams: readonly StreamView[];
  /** Of the site that answers. */
  readonly counts: StreamCounts;
}

/** What a publisher asks for. */
export interface PublishRequest {
  readonly channel: string;
  /** Name of the input among the channel's: `main`. */
  readonly input: string;
  /** Inputs that carry the same capture say the same. */
  readonly source: string;
  /** IP addresses that packets are taken from; undefined: the asker's or, from a group, those of whoever sends first. */
  readonly trusted?: readonly string[] | undefined;
  /** IP address of who asks. */
  readonly asker: string;
  /** Name or address of the interface on which groups are joined; undefined: the one that the site listens on. */
  readonly interface?: string | undefined;
  /** Ends an input of that name first. */
  readonly replace: boolean;
  /** What allows it; the input ends with it. Undefined: nobody was asked for anything. */
  readonly grant?: Grant | undefined;
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

/** Starts and ends the sites of a demo. */
export interface DemoControl {
  /** @throws {MeanderError} `site-unknown`, `demo-refused` */
  act(site: string, action: DemoAction): Promise<void>;
}

export type DemoAction = "kill" | "stop" | "start";

/** How a site is run. */
export interface OperationsService {
  /** Its level, and whether it reverts. */
  readonly logLevels: {
    readonly view: LogLevelView;
    /** @throws {MeanderError} `request-invalid` */
    set(level: LogLevel, forMs?: number): Promise<LogLevelView>;
  };
  /** The site in a few numbers, as of the last second. */
  figures(): Promise<SiteFigures>;
  /** How it was. `channel` undefined: the site itself. */
  stats(query: {
    readonly sinceMs: number;
    readonly channel?: string | undefined;
    readonly names?: readonly string[] | undefined;
  }): StatsView;
  /** Asks the site to stop in order and start again; returns at once. @throws {MeanderError} `restart-refused` */
  requestRestart(): void;
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

/** What a site does for people and programs; its HTTP API is this interface in another form. */
export interface SiteService {
  readonly record: SiteRecord;
  readonly demo: DemoControl | undefined;
  /** Decides who may do what. */
  readonly guard: Guard;
  /** Of the session. */
  readonly tokens: TokenService;
  readonly operations: OperationsService;
  session(): SessionView;
  health(): Promise<HealthView>;
  snapshot(): Promise<PlaneSnapshot>;
  /** What `trace` modules of links remember. */
  trace(options: {
    readonly link?: string | undefined;
    readonly last: number;
  }): Promise<readonly LinkTrace[]>;
  streams(): StreamsView;
  /** The recordings that its configuration asks for. */
  recordings(): readonly RecordStatus[];
  /** @throws {MeanderError} `channel-unknown` */
  channel(name: string): Promise<ChannelView>;
  /**
   * Opens an input for the tracks of an SDP.
   *
   * @param ports `sdp`: on the ports that the SDP names; `assign`: on free ones
   * @throws {MeanderError} `channel-invalid`, `sdp-…`, `port-in-use`, `publisher-exists`, `track-unsupported`, `multicast-refused`, `interface-unknown`, `directory-unreachable`
   */
  publishSdp(request: PublishRequest, sdp: string, ports: "sdp" | "assign"): Promise<PublishAnswer>;
  /** Opens a data channel's input. @throws like {@link publishSdp} */
  publishData(request: PublishRequest): Promise<PublishAnswer>;
  /** @throws {MeanderError} `channel-unknown`, `input-unknown` */
  unpublish(channel: string, input: string): Promise<void>;
  /** Publishes one message on a data channel that is ingested here. @throws {MeanderError} `channel-unknown`, `input-unknown` */
  sendMessage(channel: string, contentType: string, bytes: Uint8Array): Promise<void>;
  /** The SDP with which a receiver at `host` plays the channel. @throws {MeanderError} `channel-unknown`, `channel-not-described` */
  receiverSdp(channel: string, host: string, ports: OutputPorts): Promise<string>;
  /**
   * Sends the channel to a plain RTP receiver, or to a group of them.
   *
   * @param sending for a host that is a group
   * @throws {MeanderError} `channel-unknown`, `admission-refused`, `channel-not-described`, `output-invalid`, `multicast-refused`,
   *   `interface-unknown`
   */
  addOutput(
    channel: string,
    host: string,
    ports: OutputPorts,
    sending?: GroupSending,
  ): Promise<{ readonly id: number; readonly sdp: string }>;
  /** @throws {MeanderError} `output-unknown` */
  removeOutput(id: number): Promise<void>;
  routes(): RouteConfig;
  /** Keeps routes in the directory; they are applied at once. @throws {MeanderError} `config-invalid`, `directory-unreachable` */
  setRoutes(routes: RouteConfig): Promise<void>;
  /** Asks the site to stop in order; returns at once. */
  requestStop(): void;
}
