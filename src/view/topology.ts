import type { ChannelSnapshot, InputSnapshot } from "../client/contract/index.ts";
import { type Network, type ObservedSite, type SiteState, stateOf } from "./network.ts";
import { cpuShareOf, inputRate, type Rate, siteRate, subscriberRate, sumOf } from "./rates.ts";
import { formatHeldBack, formatOrigin, formatStall, isLearned } from "./ways.ts";

/** A site, as a node of the graph. */
export interface TopologySite {
  readonly name: string;
  readonly state: SiteState;
  /** The state, explained. */
  readonly reason: string;
  /** Hops from the ingest: 0 is the ingest. Undefined while no channel or link tells. */
  readonly rank: number | undefined;
  /** Share of one CPU, 0..; undefined until known. */
  readonly cpuShare: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly in: Rate | undefined;
  readonly out: Rate | undefined;
  /** Incoming bits per second, oldest first. */
  readonly history: readonly number[];
  /** Subscriptions of players here, over all channels. */
  readonly viewerCount: number;
  /** RTP receivers served here. */
  readonly outputCount: number;
  /** Channels that are wanted here and do not arrive, and why. */
  readonly stalls: readonly { readonly channel: string; readonly reason: string }[];
  /** What comes in from outside here. */
  readonly sources: readonly TopologySource[];
}

/** An outside input at its ingest. */
export interface TopologySource {
  readonly channel: string;
  readonly name: string;
  readonly kind: "rtp" | "data";
  readonly state: InputSnapshot["state"];
  readonly rate: Rate | undefined;
}

/** What goes, or could go, from one site to another, over all channels. */
export interface TopologyLink {
  /** `FROM>TO`. */
  readonly key: string;
  readonly from: string;
  readonly to: string;
  /** The liveliest of its channels' states. */
  readonly state: InputSnapshot["state"];
  /** Of no route: all its channels know of it from other sites. */
  readonly isLearned: boolean;
  /** Undefined until known, and for what does not answer. */
  readonly rate: Rate | undefined;
  readonly channels: readonly LinkChannel[];
}

/** One channel on a link. */
export interface LinkChannel {
  readonly channel: string;
  readonly state: InputSnapshot["state"];
  /** The stack in words; empty when only the sending end is known. */
  readonly connection: string;
  /** Not of the route. */
  readonly isLearned: boolean;
  /** How the receiving end knows of it, and that it is held back; empty: by its route. */
  readonly origin: string;
  readonly rate: Rate | undefined;
}

/** The graph of a session: what the console draws. Sites and links are sorted by name. */
export interface Topology {
  readonly sites: readonly TopologySite[];
  readonly links: readonly TopologyLink[];
}

const LIVELINESS: readonly InputSnapshot["state"][] = [
  "active",
  "suspected",
  "connecting",
  "standby",
  "down",
];

/** Builds the graph. Sites that are only named by others' inputs appear as down. */
export function topologyOf(network: Network): Topology {
  const links = linksOf(network);
  const ranks = ranksOf(network, links);
  const names = new Set(network.sites.keys());
  for (const link of links) names.add(link.from).add(link.to);
  const sites = [...names].sort().map((name) => siteOf(network, name, ranks.get(name)));
  return { sites, links };
}

function siteOf(network: Network, name: string, rank: number | undefined): TopologySite {
  const site = network.sites.get(name);
  const { state, reason } = stateOf(network, name);
  const alive = state !== "down" ? site : undefined;
  const channels = alive?.now?.snapshot.channels ?? [];
  const subscribers = channels.flatMap((channel) => channel.subscribers);
  const rates = alive && siteRate(alive);
  return {
    name,
    state,
    reason,
    rank,
    cpuShare: alive && cpuShareOf(alive),
    memoryBytes: alive?.now?.process.rssBytes,
    in: rates?.in,
    out: rates?.out,
    history: site?.history ?? [],
    viewerCount: subscribers.filter((subscriber) => subscriber.kind === "viewer").length,
    outputCount: subscribers.filter((subscriber) => subscriber.kind === "rtp").length,
    stalls: channels.flatMap(({ name: channel, stalled }) =>
      stalled === undefined ? [] : [{ channel, reason: formatStall(stalled) }],
    ),
    sources: alive === undefined ? [] : channels.flatMap((channel) => sourcesOf(alive, channel)),
  };
}

function sourcesOf(site: ObservedSite, channel: ChannelSnapshot): TopologySource[] {
  return channel.inputs.flatMap(({ kind, name, state }) =>
    kind === "site"
      ? []
      : [
          {
            channel: channel.name,
            name,
            kind,
            state,
            rate: inputRate(site, channel.name, { kind, name }),
          },
        ],
  );
}

function linksOf(network: Network): readonly TopologyLink[] {
  const found = new Map<string, { from: string; to: string; channels: LinkChannel[] }>();
  const add = (from: string, to: string, channel: LinkChannel): void => {
    const key = `${from}>${to}`;
    const link = found.get(key) ?? { from, to, channels: [] };
    if (!link.channels.some((other) => other.channel === channel.channel))
      link.channels.push(channel);
    found.set(key, link);
  };
  for (const site of network.sites.values()) addInputs(network, site, add);
  for (const site of network.sites.values()) addSubscribers(network, site, add);
  return [...found.keys()].sort().map((key) => {
    const { from, to, channels } = found.get(key) ?? { from: "", to: "", channels: [] };
    const rates = channels.map((channel) => channel.rate);
    const known = rates.some((rate) => rate !== undefined);
    return {
      key,
      from,
      to,
      state: liveliest(channels),
      isLearned: channels.every((channel) => channel.isLearned),
      rate: known ? sumOf(rates) : undefined,
      channels,
    };
  });
}

type AddLink = (from: string, to: string, channel: LinkChannel) => void;

/** The receiving end knows best: its inputs, with their states. */
function addInputs(network: Network, site: ObservedSite, add: AddLink): void {
  const down = stateOf(network, site.name).state === "down";
  for (const channel of site.now?.snapshot.channels ?? []) {
    for (const input of channel.inputs) {
      if (input.kind !== "site") continue;
      // What was learned and is not there is no way.
      if (isLearned(input) && (input.state === "down" || down)) continue;
      const sourceDown = stateOf(network, input.name).state === "down";
      add(input.name, site.name, {
        channel: channel.name,
        state: down ? "down" : sourceDown && input.state !== "down" ? "suspected" : input.state,
        connection: input.connection,
        isLearned: isLearned(input),
        origin: [isLearned(input) ? formatOrigin(input) : "", formatHeldBack(input)]
          .filter(Boolean)
          .join("; "),
        rate: down || sourceDown ? undefined : inputRate(site, channel.name, input),
      });
    }
  }
}

/** The sending end fills in for receivers that never told themselves. */
function addSubscribers(network: Network, site: ObservedSite, add: AddLink): void {
  if (stateOf(network, site.name).state === "down") return;
  for (const channel of site.now?.snapshot.channels ?? []) {
    for (const subscriber of channel.subscribers) {
      if (subscriber.kind !== "site") continue;
      if (network.sites.get(subscriber.name)?.now !== undefined) continue;
      add(site.name, subscriber.name, {
        channel: channel.name,
        state: subscriber.state === "standby" ? "standby" : "active",
        connection: subscriber.stack,
        isLearned: false,
        origin: "",
        rate: subscriberRate(site, channel.name, subscriber),
      });
    }
  }
}

function liveliest(channels: readonly LinkChannel[]): InputSnapshot["state"] {
  return LIVELINESS.find((state) => channels.some((channel) => channel.state === state)) ?? "down";
}

/**
 * Hops from the ingest: by the paths that channels took, those with video first, else one more than the nearest
 * upstream. A text channel against the stream of pictures does not turn the graph around.
 */
function ranksOf(network: Network, links: readonly TopologyLink[]): ReadonlyMap<string, number> {
  const channels = [...network.sites.values()].flatMap((site) => site.now?.snapshot.channels ?? []);
  const videos = channels.filter((channel) => hasVideoTrack(channel));
  const ranks = longestHops(videos);
  for (const [name, hops] of longestHops(channels)) if (!ranks.has(name)) ranks.set(name, hops);
  for (const channel of network.session?.channels ?? []) {
    for (const name of channel.ingests) if (!ranks.has(name)) ranks.set(name, 0);
  }
  spreadRanks(ranks, links);
  return ranks;
}

function hasVideoTrack(channel: ChannelSnapshot): boolean {
  return channel.description?.tracks.some((track) => track.kind === "video") ?? false;
}

/** A path also places the sites on it that do not answer themselves. */
function longestHops(channels: readonly ChannelSnapshot[]): Map<string, number> {
  const longest = new Map<string, number>();
  for (const { path } of channels) {
    for (const [hops, name] of path.entries()) {
      longest.set(name, Math.max(longest.get(name) ?? 0, hops));
    }
  }
  return longest;
}

function spreadRanks(ranks: Map<string, number>, links: readonly TopologyLink[]): void {
  let grew = true;
  while (grew) {
    grew = false;
    for (const { from, to } of links) {
      const rank = ranks.get(from);
      if (rank === undefined || ranks.has(to)) continue;
      ranks.set(to, rank + 1);
      grew = true;
    }
  }
}
