import type { Clock, Counters, Log, Random } from "../../base/index.ts";
import type { Cipher } from "../../stack/index.ts";
import type { FrameNetwork, SiteInstance } from "../../stream/index.ts";

/** What a live network of frames stands on. */
export interface FrameNetworkOptions {
  /** IP address to bind, `127.0.0.1` or `::1`. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly clock: Clock;
  /** Makes challenges and tokens: the system's generator in a live site. */
  readonly random: Random;
  readonly cipher: Cipher;
  /** Whether ways to and from that IP address have to be private [N19]. */
  readonly isPrivate: (address: string) => boolean;
  readonly log: Log;
}

/** Who a site is, and what proves that it belongs to the session. */
export interface FrameIdentity {
  readonly siteInstance: SiteInstance;
  /** `SessionRecord.linkKey`. */
  readonly linkKey: string;
}

/** Where a running site takes frames: its place, and the `streams` endpoint of its record. */
export interface FrameSite extends SiteInstance {
  /** A name or an IP address. */
  readonly host: string;
  readonly port: number;
}

/** The traffic with one site, for people. Counts are of this network's whole life. */
export interface FramePeerStats {
  readonly site: string;
  readonly instance: number;
  /** Of the way there: `idle` until a frame is to go; `waiting` between attempts. */
  readonly state: "idle" | "connecting" | "open" | "waiting";
  /** Waiting here, not counting what the kernel holds. */
  readonly backlogBytes: number;
  readonly framesSent: number;
  readonly bytesSent: number;
  /** System calls, or datagrams, that took. */
  readonly writes: number;
  readonly framesReceived: number;
  readonly bytesReceived: number;
}

/** A {@link FrameNetwork} over real sockets, in one thread. docs/spec/streams-network.md */
export interface LiveFrameNetwork extends FrameNetwork, AsyncDisposable {
  /** As bound, 1..65535. */
  readonly port: number;
  /** Frames dropped and connections refused, by reason; [N20] lists them. */
  readonly counts: Counters;
  /**
   * Who this site is; set once, after {@link FrameNetwork.onFrames}. Until then no peer is admitted and nothing is
   * sent.
   */
  join(identity: FrameIdentity): void;
  /**
   * [N21] The session has another link key, once this site has joined. All ways are made again with it; frames on them
   * may be lost, and their streams send them again.
   */
  rekey(linkKey: string): void;
  /**
   * The sites that run, this one too if frames to itself are to arrive. Ways to those that are not listed any more, or
   * have another instance or address, are closed.
   */
  setSites(sites: readonly FrameSite[]): void;
  /** By site. */
  stats(): readonly FramePeerStats[];
}
