/**
 * What the main thread asks of the plane, and what the plane reports. Both run in one thread in tests; in a site the
 * plane has its own, and these calls are messages. Everything here is structured-cloneable.
 */
import type { LinkTrace, LogLevel, PlaneSnapshot } from "../client/contract/index.ts";
import type { IngestOptions, IngestPorts, RtpOutputOptions } from "../media/index.ts";
import type { Departed, Neighbour, ReflectorStats, RoutedPlane } from "../reflector/index.ts";
import type { SiteInstance } from "../stream/index.ts";

export type {
  IngestOptions,
  IngestPorts,
  IngestTrack,
  RtpOutputOptions,
} from "../media/index.ts";
export type {
  ChannelSnapshot,
  ChannelStats,
  Departed,
  InputSnapshot,
  Neighbour,
  PeerSnapshot,
  PlaneEvent,
  SubscriberSnapshot,
} from "../reflector/index.ts";

/** What goes through the plane, in sums, and how its thread is doing. */
export interface PlaneStats extends ReflectorStats {
  /** 99th percentile of the time that work waited for the thread in about the last second, ms. */
  readonly loopMs: number;
  /** Descriptors of the process; undefined where the system does not report them. */
  readonly descriptors: { readonly open: number; readonly limit: number } | undefined;
}

/** The plane, as the main thread sees it. Refusals are MeanderErrors with the codes named. */
export interface PlaneControl extends RoutedPlane {
  /** Who this site is; once, first. */
  configure(options: {
    readonly site: string;
    readonly instance: number;
    readonly linkKey: string;
    readonly maxSubscribers: number;
    readonly maxBitsPerSecond: number;
  }): Promise<void>;
  /** The session has another link key, because these sites were put out: their links end, the others go on. */
  rekey(options: {
    readonly linkKey: string;
    readonly expelled: readonly SiteInstance[];
  }): Promise<void>;
  /** The other sites of the session, and where. Those missing from the list are closed only when nothing uses them. */
  setNeighbours(neighbours: readonly Neighbour[]): Promise<void>;
  /** @throws `port-in-use`, `channel-unknown`, `publisher-exists`, `track-unsupported` */
  openIngest(options: IngestOptions): Promise<IngestPorts>;
  /** @param reason reported to subscribers */
  closeIngest(channel: string, input: string, reason?: string): Promise<void>;
  /** Publishes one message (text, JSON, HTML…) on a data channel that this site ingests. */
  publishData(channel: string, contentType: string, bytes: Uint8Array): Promise<void>;
  /** @throws `channel-unknown`, `admission-refused` */
  addRtpOutput(options: RtpOutputOptions): Promise<{ readonly id: number }>;
  removeRtpOutput(id: number): Promise<void>;
  snapshot(): Promise<PlaneSnapshot>;
  /** Sums, which are cheap at any number of subscribers. */
  stats(): Promise<PlaneStats>;
  /** What the `trace` modules of links remember. */
  trace(options: {
    /** Name of a site: only links to it. */
    readonly link?: string | undefined;
    /** Events of each link at most, the newest. */
    readonly last: number;
  }): Promise<readonly LinkTrace[]>;
  /**
   * Has neighbours and viewers continue elsewhere, and admits no new ones; settles when they have left, or after
   * `withinMs`. [W28]
   */
  depart(withinMs: number): Promise<Departed>;
  /** Least level of lines that the plane writes to the log. */
  setLogLevel(level: LogLevel): Promise<void>;
  close(): Promise<void>;
}
