import type {
  ChannelView,
  DemoAction,
  GroupSending,
  HealthView,
  LinkTrace,
  LogLevel,
  LogLevelView,
  OutputPorts,
  PlaneSnapshot,
  PublishAnswer,
  RecordStatus,
  ResumptionView,
  SessionView,
  SiteStats,
  StatsView,
  StreamsView,
} from "../client/contract/index.ts";
import type { RouteConfig, SiteRecord } from "../session/index.ts";
import type { Audit, AuditCounts, AuditPage, AuditQuery } from "../trust/index.ts";
import type { Grant } from "./access/grant.ts";
import type { Guard } from "./access/guard.ts";
import type { TokenService } from "./access/token-service.ts";

/** A publisher's request. */
export interface PublishRequest {
  readonly channel: string;
  /** Name of the input among the channel's: `main`. */
  readonly input: string;
  /** Equal for inputs that carry the same capture. */
  readonly source: string;
  /** IP addresses whose packets are accepted; undefined: the client's or, from a group, the first sender's. */
  readonly trusted?: readonly string[] | undefined;
  /** IP address of the client. */
  readonly asker: string;
  /** Name or address of the interface on which groups are joined; undefined: the one that the site listens on. */
  readonly interface?: string | undefined;
  /** Closes an input of that name first. */
  readonly replace: boolean;
  /** The grant under which the input is open, and with which it ends. Undefined: no token was required. */
  readonly grant?: Grant | undefined;
}

/** Starts and ends the sites of a demo. */
export interface DemoControl {
  /** @throws {MeanderError} `site-unknown`, `demo-refused` */
  act(site: string, action: DemoAction): Promise<void>;
}

/** How a site is run. */
export interface OperationsService {
  /** Its level, and whether it reverts. */
  readonly logLevels: {
    readonly view: LogLevelView;
    /** @throws {MeanderError} `request-invalid` */
    set(level: LogLevel, forMs?: number): Promise<LogLevelView>;
  };
  /** The site's stats, as of the last second. */
  currentStats(): Promise<SiteStats>;
  /** The history of stats. `channel` undefined: of the site itself. */
  stats(query: {
    readonly sinceMs: number;
    readonly channel?: string | undefined;
    readonly names?: readonly string[] | undefined;
  }): StatsView;
  /** Requests an orderly stop and a new start; returns at once. @throws {MeanderError} `restart-refused` */
  requestRestart(): void;
}

/** The audit log of a site. */
export interface AuditService extends Audit {
  readonly counts: AuditCounts;
  /** The records that match. @throws what the disk does */
  find(query: AuditQuery): Promise<AuditPage>;
}

/** What a site offers; its HTTP API has the same operations. */
export interface SiteService {
  readonly record: SiteRecord;
  readonly demo: DemoControl | undefined;
  /** Decides who may do what. */
  readonly guard: Guard;
  /** Of the session. */
  readonly tokens: TokenService;
  readonly audit: AuditService;
  readonly operations: OperationsService;
  session(): SessionView;
  /** What the directory refused members, where this site leads; by reason. */
  readonly directoryRefused: Readonly<Record<string, number>>;
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
   * @throws {MeanderError} `channel-invalid`, `sdp-…`, `port-in-use`, `port-refused`, `inputs-exhausted`,
   *   `input-foreign`, `publisher-exists`, `track-unsupported`,
   *   `multicast-refused`, `interface-unknown`, `directory-unreachable`
   */
  publishSdp(request: PublishRequest, sdp: string, ports: "sdp" | "assign"): Promise<PublishAnswer>;
  /** Opens a data channel's input. @throws like {@link publishSdp} */
  publishData(request: PublishRequest): Promise<PublishAnswer>;
  /**
   * Ends an input.
   *
   * @param grant of who asks for it; undefined: no token was required
   * @throws {MeanderError} `channel-unknown`, `input-unknown`, `input-foreign`
   */
  unpublish(channel: string, input: string, grant?: Grant): Promise<void>;
  /**
   * Publishes one message on a data channel that is ingested here.
   *
   * @throws {MeanderError} `channel-unknown`, `input-unknown`
   */
  sendMessage(channel: string, contentType: string, bytes: Uint8Array): Promise<void>;
  /**
   * The SDP with which a receiver at `host` plays the channel.
   *
   * @throws {MeanderError} `channel-unknown`, `channel-not-described`
   */
  receiverSdp(channel: string, host: string, ports: OutputPorts): Promise<string>;
  /**
   * Sends the channel to a plain RTP receiver, or to a group of them.
   *
   * @param sending for a host that is a group
   * @throws {MeanderError} `channel-unknown`, `admission-refused`, `channel-not-described`, `output-invalid`,
   *   `multicast-refused`,
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
  /** Has the policies judge that a client replaces the routes. @throws {MeanderError} `denied` */
  judgeConfiguration(grant: Grant | undefined): Promise<void>;
  /** The routes in force. */
  routes(): RouteConfig;
  /**
   * Stores routes in the directory, and settles when this site has applied them.
   *
   * @param where named in errors before the faulty part
   * @returns the routes with their defaults
   * @throws {MeanderError} `config-invalid` and `directory-unreachable`, when nothing was stored; `config-not-applied`
   */
  setRoutes(routes: unknown, where?: string): Promise<RouteConfig>;
  /** Has its streams go on, if they are halted. */
  resumeStreams(): Promise<ResumptionView>;
  /** Requests an orderly stop; returns at once. */
  requestStop(): void;
}
