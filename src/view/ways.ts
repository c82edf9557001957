import type { ChannelSnapshot, InputSnapshot, SwitchSnapshot } from "../client/contract/index.ts";
import { formatSpan } from "./format.ts";
import type { Network, ObservedSite } from "./network.ts";
import { channelOf } from "./rates.ts";

/** Sites tell the change of a way within this, ms. */
const TOLD_MS = 2_500;
/** A source that was not lost lately takes over again after this, ms: no word of it. */
const HELD_BACK_MS = 5_000;

const FALSE_ALARM = "false alarm";

/** A way that a channel took to a site. */
export interface WayEntry {
  /** Since when, ms before the site's last report. */
  readonly agoMs: number;
  /** For how long, ms. */
  readonly forMs: number;
  /** It is the present one. */
  readonly isPresent: boolean;
  /** Empty: it did not arrive. */
  readonly path: readonly string[];
  /** Why this one, in words; empty: not known. */
  readonly why: string;
}

/** Whether an input is not of the route, but was learned, or found in the directory. */
export function isLearned({ origin }: Pick<InputSnapshot, "origin">): boolean {
  return origin !== undefined && origin.kind !== "configured";
}

/** How a site knows of an input: `learned from middle, 3 s ago`. */
export function formatOrigin({ kind, origin }: Pick<InputSnapshot, "kind" | "origin">): string {
  if (kind !== "site") return "published here";
  switch (origin?.kind) {
    case undefined:
      return "";
    case "configured":
      return "route";
    case "learned":
      return `learned from ${origin.from}, ${formatSpan(origin.agoMs, 0)} ago`;
    case "directory":
      return origin.isIngest ? "directory: ingested there" : "directory: a site of the session";
  }
}

/** That a site was lost again and again, and is not used again soon; undefined: it was not. */
export function formatHeldBack({ origin }: Pick<InputSnapshot, "origin">): string | undefined {
  if (origin === undefined || origin.heldBackMs <= HELD_BACK_MS) return undefined;
  return `lost ${origin.lost} times within two minutes, and held back for ${formatSpan(origin.heldBackMs)}`;
}

/** Why a channel does not arrive, since when, and what is tried: `for 4 s: b cannot be reached; trying b, c`. */
export function formatStall({ forMs, reason, trying }: NonNullable<ChannelSnapshot["stalled"]>) {
  const tried = trying.length === 0 ? "" : `; trying ${trying.join(", ")}`;
  return `for ${formatSpan(forMs)}: ${reason}${tried}`;
}

/** Why a site changed its source, in words. */
interface Cause {
  /** `since` something happened to the former source; `back` where it was before; `route`: it was told to. */
  readonly kind: "first" | "since" | "back" | "route";
  /** `middle left`, `after 5 s`. */
  readonly text: string;
}

/**
 * A change of sources in words: `c took a since b left`, `c is back to b after 5 s`.
 *
 * @param switches of the same channel at the same site, oldest first
 * @param channel named in the sentence; absent: the reader knows
 */
export function switchInWords(
  site: string,
  change: SwitchSnapshot,
  switches: readonly SwitchSnapshot[],
  channel?: string,
): string {
  const { to } = change;
  const took = `${site} took ${channel === undefined ? "" : `${channel} from `}${to}`;
  const { kind, text } = causeOf(site, change, switches);
  switch (kind) {
    case "first":
      return took;
    case "since":
      return `${took} since ${text}`;
    case "route":
      return `${took}, as ${text}`;
    case "back":
      return `${site} is back to ${to}${channel === undefined ? "" : ` with ${channel}`} ${text}`;
  }
}

/**
 * The sources that a site tried while another one was silent for a moment only, in words; undefined: that is not what
 * happened. @param change the return to it
 */
export function falseAlarmInWords(
  site: string,
  { at, from, reason, to }: SwitchSnapshot,
  switches: readonly SwitchSnapshot[],
  channel: string,
): string | undefined {
  if (reason !== FALSE_ALARM || from === undefined) return undefined;
  const left = leftBefore(switches, to, at);
  const span = left === undefined ? "a moment" : formatSpan(Math.max(100, at - left.at));
  return `${site} took ${channel} from ${from} for ${span}, while ${to} was silent`;
}

function causeOf(site: string, change: SwitchSnapshot, switches: readonly SwitchSnapshot[]): Cause {
  const { at, reason, to } = change;
  // There was none for a while: the last one is what was lost.
  const from = change.from ?? switches.findLast((other) => other.at < at)?.to;
  if (from === undefined || from === to) return { kind: "first", text: "" };
  const since = (text: string): Cause => ({ kind: "since", text: `${from} ${text}` });
  switch (reason) {
    case "a preferred alternative is back":
    case FALSE_ALARM: {
      const left = leftBefore(switches, to, at);
      // What stood in for a moment is not what it was received from before.
      if (left === undefined || (left.reason === FALSE_ALARM && reason !== FALSE_ALARM))
        return { kind: "route", text: "it is preferred" };
      return { kind: "back", text: `after ${formatSpan(Math.max(100, at - left.at))}` };
    }
    case "configured":
      return { kind: "route", text: "its route says now" };
    case "the site is shutting down":
      return since("left");
    case "silent":
      return since("fell silent");
    case "no media":
      return since("sent nothing");
    default:
      if (reason.startsWith("the channel does not arrive at"))
        return { kind: "since", text: `it did not arrive at ${from}` };
      if (reason.startsWith("routing loop")) return since(`had it from ${site}`);
      return since("was lost");
  }
}

/** When a source was last left. */
function leftBefore(
  switches: readonly SwitchSnapshot[],
  source: string,
  at: number,
): SwitchSnapshot | undefined {
  return switches.findLast((other) => other.at < at && other.from === source);
}

/** The ways that a channel took to a site, the present one first. */
export function waysOf(network: Network, site: string, channel: string): readonly WayEntry[] {
  const observed = network.sites.get(site);
  const now = observed?.now?.snapshot.at ?? 0;
  const ways = (observed?.now && channelOf(observed.now, channel)?.ways) ?? [];
  return ways
    .map(({ at, path }, index) => ({
      agoMs: now - at,
      forMs: (ways[index + 1]?.at ?? now) - at,
      isPresent: index === ways.length - 1,
      path,
      why: whyOf({ network, site, channel, agoMs: now - at }, lastBefore(ways, index), path),
    }))
    .reverse();
}

/** Ways through which a channel did not arrive tell nothing. */
function lastBefore(ways: NonNullable<ChannelSnapshot["ways"]>, index: number): readonly string[] {
  return ways.slice(0, index).findLast(({ path }) => path.length > 0)?.path ?? [];
}

/** The site that changed its source, which may be one before this one, tells why. */
function whyOf(
  at: {
    readonly network: Network;
    readonly site: string;
    readonly channel: string;
    readonly agoMs: number;
  },
  before: readonly string[],
  path: readonly string[],
): string {
  if (path.length === 0) return "it did not arrive";
  const index = path.findIndex((name, hop) => {
    const was = before.indexOf(name);
    return hop > 0 && was > 0 && before[was - 1] !== path[hop - 1];
  });
  const changed = index < 0 ? path.length - 1 : index;
  const source = path[changed - 1];
  const name = path[changed] ?? at.site;
  const view = at.network.sites.get(name);
  const switches = switchesOf(view, at.channel);
  const found = switches
    .filter(({ to }) => to === source)
    .map((change) => ({ change, apartMs: Math.abs(agoOf(view, change) - at.agoMs) }))
    .sort((left, right) => left.apartMs - right.apartMs)[0];
  if (found === undefined || found.apartMs > TOLD_MS) return "";
  const { kind, text } = causeOf(name, found.change, switches);
  const why = kind === "back" ? `back to ${found.change.to} ${text}` : text;
  return name === at.site || why === "" ? why : `at ${name}: ${why}`;
}

function switchesOf(site: ObservedSite | undefined, channel: string): readonly SwitchSnapshot[] {
  return (site?.now && channelOf(site.now, channel)?.switches) ?? [];
}

function agoOf(site: ObservedSite | undefined, { at }: SwitchSnapshot): number {
  return (site?.now?.snapshot.at ?? 0) - at;
}
