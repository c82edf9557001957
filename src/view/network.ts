import type { SessionView, SiteView } from "../client/contract/index.ts";
import type { SiteRecord } from "../session/index.ts";
import type { ReportPair } from "./rates.ts";
import { siteRate } from "./rates.ts";

/** Polls in a row without an answer after which a site is down; before that it is suspected. */
const FAILURES_DOWN = 2;
/** Bit rates remembered per site: one minute at a poll a second. */
const HISTORY_COUNT = 60;
/** Sites remembered after they left the session. */
const DEPARTED_COUNT_MAX = 64;

/** What an observer knows of one site. */
export interface ObservedSite extends ReportPair {
  readonly name: string;
  /** The newest record; stays when the lease is gone. */
  readonly record: SiteRecord;
  /** In the newest list of the session. */
  readonly listed: boolean;
  /** Polls in a row without an answer. */
  readonly failures: number;
  /** Why the last poll failed; undefined when it did not. */
  readonly failure: string | undefined;
  /** Incoming bits per second at the last polls, oldest first. 0 for a poll without an answer. */
  readonly history: readonly number[];
}

/** What an observer knows of a session: a fold over {@link Observation}s. */
export interface Network {
  readonly session: SessionView | undefined;
  /** Why no site told about the session at the last attempt; undefined when one did. */
  readonly sessionFailure: string | undefined;
  /** By name. Sites stay here when they stop answering and when they leave. */
  readonly sites: ReadonlyMap<string, ObservedSite>;
}

/** What polling yields. */
export type Observation =
  | { readonly type: "session-answered"; readonly view: SessionView }
  | { readonly type: "session-failed"; readonly reason: string }
  | { readonly type: "site-answered"; readonly name: string; readonly view: SiteView }
  | { readonly type: "site-failed"; readonly name: string; readonly reason: string };

/** `waiting`: listed, and not asked yet. */
export type SiteState = "up" | "leader" | "suspected" | "down" | "waiting";

/** Before the first observation. */
export const UNKNOWN_NETWORK: Network = {
  session: undefined,
  sessionFailure: undefined,
  sites: new Map(),
};

/** The network after one more observation. Pure: returns a new value, or the same when nothing is new. */
export function observe(network: Network, observation: Observation): Network {
  switch (observation.type) {
    case "session-answered":
      return {
        session: observation.view,
        sessionFailure: undefined,
        sites: withRecords(network.sites, observation.view.sites),
      };
    case "session-failed":
      return { ...network, sessionFailure: observation.reason };
    case "site-answered":
      return withSite(network, observation.name, (site) => answered(site, observation.view));
    case "site-failed":
      return withSite(network, observation.name, (site) => ({
        ...site,
        before: undefined,
        failures: site.failures + 1,
        failure: observation.reason,
        history: [...site.history, 0].slice(-HISTORY_COUNT),
      }));
  }
}

/** How a site is, and why in words. */
export function stateOf(
  network: Network,
  name: string,
): { readonly state: SiteState; readonly reason: string } {
  const site = network.sites.get(name);
  if (site === undefined) return { state: "down", reason: "not in the session" };
  if (site.failures >= FAILURES_DOWN || (site.failures > 0 && site.now === undefined)) {
    const lease = site.listed ? "" : ", lease gone";
    return { state: "down", reason: `${site.failure ?? "no answer"}${lease}` };
  }
  if (site.failures > 0) return { state: "suspected", reason: site.failure ?? "no answer" };
  if (!site.listed) return { state: "suspected", reason: "answers, but its lease is gone" };
  const witness = suspectedBy(network, name);
  if (witness !== undefined) return { state: "suspected", reason: `${witness} does not hear it` };
  if (site.now === undefined) return { state: "waiting", reason: "not asked yet" };
  return network.session?.leader === name
    ? { state: "leader", reason: "leads the session" }
    : { state: "up", reason: "answers" };
}

function withRecords(
  known: ReadonlyMap<string, ObservedSite>,
  records: readonly SiteRecord[],
): ReadonlyMap<string, ObservedSite> {
  const sites = new Map<string, ObservedSite>();
  const names = new Set(records.map((record) => record.name));
  const departed = [...known.values()].filter((site) => !names.has(site.name));
  for (const site of departed.slice(-DEPARTED_COUNT_MAX)) {
    sites.set(site.name, { ...site, listed: false });
  }
  for (const record of records) {
    const site = known.get(record.name);
    const same = site?.record.instance === record.instance;
    sites.set(record.name, {
      ...(site ?? NEW_SITE),
      ...(same ? {} : { before: undefined, now: undefined, failures: 0, failure: undefined }),
      name: record.name,
      record,
      listed: true,
    });
  }
  return sites;
}

const NEW_SITE = {
  before: undefined,
  now: undefined,
  failures: 0,
  failure: undefined,
  history: [],
};

function withSite(
  network: Network,
  name: string,
  change: (site: ObservedSite) => ObservedSite,
): Network {
  const site = network.sites.get(name);
  if (site === undefined) return network;
  return { ...network, sites: new Map(network.sites).set(name, change(site)) };
}

function answered(site: ObservedSite, view: SiteView): ObservedSite {
  const continues =
    site.now?.site.instance === view.site.instance && site.now.snapshot.at < view.snapshot.at;
  const pair = { before: continues ? site.now : undefined, now: view };
  const bits = siteRate(pair)?.in.bitsPerSecond;
  return {
    ...site,
    ...pair,
    failures: 0,
    failure: undefined,
    history: bits === undefined ? site.history : [...site.history, bits].slice(-HISTORY_COUNT),
  };
}

function suspectedBy(network: Network, name: string): string | undefined {
  for (const other of network.sites.values()) {
    if (other.name === name || other.failures > 0) continue;
    const peers = other.now?.snapshot.peers ?? [];
    const links = peers.filter((peer) => peer.role === "site" && peer.name === name);
    if (links.some((peer) => peer.state === "suspected")) return other.name;
  }
  return undefined;
}
