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
  /** Until when it counts as shutting down, ms: it says so again and again; one that stays is used again. */
  leavingUntil: number;
  /** Since when it has been usable, and told a way, without interruption, ms; Infinity: it is not so now. */
  usableSince: number;
  /** Not of the route, but learned from other sites: used only when it has told a way. */
  isLearned: boolean;
  /** The path to it that it last told; empty: the channel does not arrive there; undefined: nothing told yet. */
  path: readonly string[] | undefined;
  /** Its path leads through the receiver: what it sends, it has from us. */
  isThroughUs: boolean;
  /** A site of its path was lost since it told the path: it has to tell a new one before it is believed. */
  isDoubtful: boolean;
  /** When it last told its path, and when that was another one than before, ms. */
  pathAt: number;
  wayAt: number;
  /** How long it had received nothing of the channel when it told that, ms; undefined: not told. */
  quietMs: number | undefined;
  /** It takes over from a worse one after it has been usable for this long, ms. */
  preferMs: number;
  packets: number;
  bytes: number;
}

/** A refused or looping alternative is tried again after this, ms. */
const BARRED_MS = 2_000;

/** A better alternative takes over again after it has been usable for this long, ms. */
export const PREFER_MS = 5_000;
/** … and after its path has not changed for this long, ms: so much takes it until all have heard of a change. */
export const STEADY_MS = 300;
/** Sites announce their path every second; one older than this is out of date, ms. */
const PATH_FRESH_MS = 2_500;

/** An alternative without a connection. */
export function newAlternative(name: string, isLearned: boolean): Alternative {
  return {
    isLearned,
    path: undefined,
    isThroughUs: false,
    isDoubtful: false,
    quietMs: undefined,
    preferMs: PREFER_MS,
    name,
    peer: undefined,
    id: undefined,
    asked: undefined,
    confirmed: undefined,
    barredUntil: 0,
    leavingUntil: Number.NEGATIVE_INFINITY,
    usableSince: Number.POSITIVE_INFINITY,
    pathAt: Number.NEGATIVE_INFINITY,
    wayAt: Number.NEGATIVE_INFINITY,
    packets: 0,
    bytes: 0,
  };
}

/** An alternative tells its path. @param now ms */
export function tellPath(each: Alternative, path: readonly string[], now: number): void {
  const before = each.path;
  const isSame = before?.length === path.length && before.every((site, at) => site === path[at]);
  if (!isSame) each.wayAt = now;
  each.path = path;
  each.pathAt = now;
  each.isDoubtful = false;
}

/** Forgets the subscription at an alternative, which may be requested again, and what it told. */
export function forgetSubscription(each: Alternative): void {
  each.path = undefined;
  each.isThroughUs = false;
  each.isDoubtful = false;
  each.pathAt = Number.NEGATIVE_INFINITY;
  each.id = undefined;
  each.asked = undefined;
  each.confirmed = undefined;
}

/** Keeps an alternative from being used for two seconds. @param now ms */
export function bar(each: Alternative, now: number): void {
  forgetSubscription(each);
  each.barredUntil = now + BARRED_MS;
}

/** Whether the channel can be received from an alternative, as far as its connection tells. @param now ms */
export function isUsable(each: Alternative, now: number): boolean {
  return (
    each.peer?.state === "open" &&
    !each.peer.suspected &&
    each.leavingUntil <= now &&
    !each.isThroughUs &&
    each.barredUntil <= now
  );
}

/** Whether the channel is known to arrive at an alternative. @param now ms */
export function hasWay(each: Alternative, now: number): boolean {
  if (each.path === undefined || each.path.length === 0 || each.isDoubtful) return false;
  return now - each.pathAt <= PATH_FRESH_MS;
}

/**
 * Whether the channel may arrive at an alternative: one that is learned has to have said so, since it may receive the
 * channel from us.
 */
export function mayHaveWay(each: Alternative, now: number): boolean {
  if (hasWay(each, now)) return true;
  return !each.isLearned && !each.isDoubtful && each.path?.length !== 0;
}
