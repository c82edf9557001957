import type { ChannelStall, Description } from "../wire/index.ts";

/** A link of this site to (or from) another, or to a viewer. */
export interface PeerSnapshot {
  readonly name: string;
  readonly role: "site" | "viewer";
  readonly stack: string;
  readonly address: string;
  /** `greeting`: in its handshake. */
  readonly state: "greeting" | "open" | "suspected" | "closed";
  readonly direction: "out" | "in";
  readonly rttMs: number | undefined;
  /** What the modules of its stack and the transport have counted, by name, without zeros; docs/spec/stack.md. */
  readonly counts: Readonly<Record<string, number>>;
}

/** A subscriber of a channel at this site. */
export interface SubscriberSnapshot {
  readonly id: number;
  readonly kind: "site" | "viewer" | "rtp";
  readonly name: string;
  readonly address: string;
  readonly stack: string;
  /** `standby`: subscribed, without media. */
  readonly state: "live" | "catching-up" | "skipping" | "standby";
  readonly packets: number;
  readonly bytes: number;
  readonly lagMs: number;
  readonly drops: Readonly<Record<string, number>>;
}

/** How a site came to know that a channel can be received from another one. [W47] */
export type InputOrigin = (
  | { readonly kind: "configured" }
  | { readonly kind: "learned"; readonly from: string; readonly agoMs: number }
  | { readonly kind: "directory"; readonly isIngest: boolean }
) & {
  /** How near it is: `route`, `source-of-source`, `sibling`, `source-of-client`, `session`. */
  readonly relation: string;
  /** It has to have been well for this long before it takes over from a worse one, ms: it was lost again and again. */
  readonly heldBackMs: number;
  /** How often it was lost within the last two minutes. */
  readonly lost: number;
};

/** Another site became the one that a channel is received from. */
export interface SwitchSnapshot {
  /** Monotonic, ms, as {@link PlaneSnapshot.at}. */
  readonly at: number;
  /** Undefined: none before. */
  readonly from: string | undefined;
  readonly to: string;
  readonly reason: string;
}

/** The way that a channel takes from some time on. */
export interface WaySnapshot {
  /** Monotonic, ms, as {@link PlaneSnapshot.at}. */
  readonly at: number;
  /** Sites that it passes through, this one last; empty: it does not arrive. */
  readonly path: readonly string[];
}

/** An input of a channel at this site. */
export interface InputSnapshot {
  readonly kind: "site" | "rtp" | "data";
  /** Site name, or the input's name. */
  readonly name: string;
  readonly connection: string;
  readonly state: "active" | "standby" | "suspected" | "down" | "connecting";
  readonly packets: number;
  readonly bytes: number;
  readonly drops: Readonly<Record<string, number>>;
  /** Of a site: how this one came to know of it. */
  readonly origin?: InputOrigin | undefined;
}

/** What something that is gone was counted. */
export interface PastCounts {
  readonly packets: number;
  readonly bytes: number;
  readonly drops: Readonly<Record<string, number>>;
}

/** Inputs and subscribers that are gone: together with those that are there, their counts only rise. */
export interface PastSnapshot {
  /** By name; one of that name may be open again, and counts from zero. */
  readonly inputs: readonly (PastCounts & Pick<InputSnapshot, "kind" | "name">)[];
  readonly subscribers: readonly (PastCounts & Pick<SubscriberSnapshot, "kind">)[];
}

export interface ChannelSnapshot {
  readonly name: string;
  readonly id: number;
  readonly description: Description | undefined;
  /**
   * Sites that the channel passes through, this one last; only itself where it is ingested; empty when it does not
   * arrive.
   */
  readonly path: readonly string[];
  /** Why it does not arrive although it is wanted. */
  readonly stalled?: ChannelStall | undefined;
  /** The last changes of the site that it is received from, oldest first. */
  readonly switches?: readonly SwitchSnapshot[];
  /** The last ways that it took, and the present one, oldest first. */
  readonly ways?: readonly WaySnapshot[];
  /** Packets received (without duplicates) and their bytes, since it was opened. */
  readonly packetsIn: number;
  readonly bytesIn: number;
  readonly packetsOut: number;
  readonly bytesOut: number;
  /** Packets dropped, by reason (docs/drops.md lists them). */
  readonly drops: Readonly<Record<string, number>>;
  /** From the ingest to this site, by their clocks, ms. */
  readonly latencyMs: number | undefined;
  /** Interarrival jitter (RFC 3550 A.8) of the newest video source, or audio, ms. */
  readonly jitterMs: number | undefined;
  readonly history: { readonly packets: number; readonly bytes: number; readonly ms: number };
  readonly inputs: readonly InputSnapshot[];
  readonly subscribers: readonly SubscriberSnapshot[];
  /** Absent: none has gone. */
  readonly past?: PastSnapshot | undefined;
}

export interface PlaneSnapshot {
  /** Monotonic, ms: rates are differences over this. */
  readonly at: number;
  readonly channels: readonly ChannelSnapshot[];
  readonly peers: readonly PeerSnapshot[];
  /** Drops that belong to no channel, by reason. */
  readonly drops: Readonly<Record<string, number>>;
}
