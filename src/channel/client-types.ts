import type { Clock, Random } from "../base/index.ts";
import type { Connection } from "../stack/index.ts";
import type { ChannelStall, Description } from "../wire/index.ts";

export interface ChannelClientOptions {
  readonly channel: string;
  /** WebSocket addresses of the sites' `/link`, best first. They stay before those that sites tell. */
  readonly sites: readonly string[];
  /** More of them, tried by chance until a site has told others, in the order meant for this viewer. */
  readonly fallbacks?: readonly string[] | undefined;
  /** False: only these; true (default): also the other sites that they name. */
  readonly follow?: boolean;
  /** Asked when another connection continues the channel. False: live; true (default): with what was missed. */
  resumes?(): boolean;
  /** Opens a connection to one of them; rejects when that fails. */
  dial(url: string): Promise<Connection>;
  readonly clock: Clock;
  readonly random: Random;
  /** Name of the viewer, for the sites' lists. */
  readonly name: string;
  /** Presented to every site; for those that require one. */
  readonly token?: string | undefined;
}

/** Identifies a flow of packets, as in their headers. */
interface Source {
  readonly source: number;
  readonly generation: number;
  readonly medium: number;
}

export type ClientState =
  | { readonly type: "connecting"; readonly url: string }
  | { readonly type: "live"; readonly site: string }
  /** Connected to `site`, where the channel does not arrive: since how long, why, and which sites are tried. [W48] */
  | ({ readonly type: "stalled"; readonly site: string } & ChannelStall)
  | { readonly type: "lost"; readonly site: string; readonly reason: string }
  | { readonly type: "refused"; readonly code: string; readonly message: string }
  | { readonly type: "closed" };

export interface ChannelClientEvents {
  /** rtp and data packets, each once, in order of arrival; owned by the receiver. */
  onPacket(packet: Uint8Array): void;
  /** The first description, and each with another revision. */
  onDescription(description: Description): void;
  onReport(
    report: Source & {
      readonly ingestMs: number;
      readonly rtpTimestamp: number;
      readonly rtcp: Uint8Array;
    },
  ): void;
  /** These packets will never arrive. */
  onGap(gap: Source & { readonly sequence: number; readonly count: number }): void;
  /** The source has ended; stragglers may follow. */
  onBye?(source: Source): void;
  /** Empty: the channel does not arrive at the site. */
  onPath(sites: readonly string[]): void;
  /** The client's state has changed; a `stalled` one also when its reason or the sites that are tried have. */
  onState(state: ClientState): void;
}

/** Counts since the start, and the current path. */
export interface ClientStats {
  readonly packetsReceived: number;
  readonly bytesReceived: number;
  readonly packetsLost: number;
  readonly packetsRepeated: number;
  readonly resumes: number;
  /** Site names, from the ingest to the site that serves the viewer. */
  readonly path: readonly string[];
  readonly rttMs: number | undefined;
  /** Since how long the channel does not arrive at the site that the client is connected to, ms; undefined: it does. */
  readonly stalledMs: number | undefined;
}
