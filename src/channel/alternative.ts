import type { Peer } from "./peer.ts";

/** `down`: no connection. `connecting`: connected, and the subscription is not confirmed yet. */
export type AlternativeState = "active" | "standby" | "suspected" | "down" | "connecting";

/** One upstream that a channel can be received from. Shared by the parts of a `Receiver`. */
export interface Alternative {
  readonly name: string;
  /** Undefined while there is no connection. */
  peer: Peer | undefined;
  /** Channel id at the peer, once subscribed. */
  id: number | undefined;
  /** The last request; undefined: none since the connection was opened. */
  asked: { readonly request: number; readonly forward: boolean; at: number } | undefined;
  /** What the peer last confirmed: forwarding or not; undefined: nothing. */
  confirmed: boolean | undefined;
  /** Not used before this time, ms: it refused, or its path loops. */
  barredUntil: number;
  /** Announced that it is shutting down: not switched to. */
  leaving: boolean;
  /** Since when it has been usable without interruption, ms; Infinity: it is not usable. */
  usableSince: number;
  /** When it last told its path to the ingest, ms. */
  pathAt: number;
  packets: number;
  bytes: number;
}

/** A refused or looping alternative is tried again after this, ms. */
const BARRED_MS = 2_000;

/** An alternative without a connection. */
export function newAlternative(name: string): Alternative {
  return {
    name,
    peer: undefined,
    id: undefined,
    asked: undefined,
    confirmed: undefined,
    barredUntil: 0,
    leaving: false,
    usableSince: Number.POSITIVE_INFINITY,
    pathAt: Number.NEGATIVE_INFINITY,
    packets: 0,
    bytes: 0,
  };
}

/** Forgets the subscription at an alternative, which may be requested again. */
export function forgetSubscription(each: Alternative): void {
  each.id = undefined;
  each.asked = undefined;
  each.confirmed = undefined;
}

/** Keeps an alternative from being used for two seconds. @param now ms */
export function bar(each: Alternative, now: number): void {
  forgetSubscription(each);
  each.barredUntil = now + BARRED_MS;
}

/** Whether the channel can be received from an alternative. @param now ms */
export function isUsable(each: Alternative, now: number): boolean {
  return (
    each.peer?.state === "open" && !each.peer.suspected && !each.leaving && each.barredUntil <= now
  );
}
