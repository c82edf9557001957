import type { Network } from "./network.ts";
import { stateOf } from "./network.ts";
import { channelOf } from "./rates.ts";

/** What a player shows, and where it takes it from. */
export interface Watch {
  readonly site: string;
  readonly channel: string;
}

/**
 * What a console's player shows first: a channel with video, at the site that it reaches last. Undefined while that
 * could still change: a site has not answered yet, or no channel is known to have video. `hurry` takes what there is.
 */
export function firstWatch(
  network: Network,
  { hurry }: { readonly hurry: boolean },
): Watch | undefined {
  const channel = channelToWatch(network);
  if (channel === undefined) return undefined;
  const waiting = [...network.sites.keys()].some(
    (name) => stateOf(network, name).state === "waiting",
  );
  if (!hurry && (waiting || !hasVideo(network, channel))) return undefined;
  const site = farthestSite(network, channel);
  return site === undefined ? undefined : { site, channel };
}

/** The first channel of the session, by name, that has a video track; else the first of all. */
export function channelToWatch(network: Network): string | undefined {
  const names = channelNames(network);
  return names.find((name) => hasVideo(network, name)) ?? names[0];
}

/** Whether any site knows a video track of the channel. */
export function hasVideo(network: Network, channel: string): boolean {
  for (const site of network.sites.values()) {
    const tracks = (site.now && channelOf(site.now, channel))?.description?.tracks ?? [];
    if (tracks.some((track) => track.kind === "video")) return true;
  }
  return false;
}

/** Names of the session's channels and of those that sites report, sorted. */
export function channelNames(network: Network): readonly string[] {
  const names = new Set(network.session?.channels.map((channel) => channel.name));
  for (const site of network.sites.values()) {
    for (const channel of site.now?.snapshot.channels ?? []) names.add(channel.name);
  }
  return [...names].sort();
}

/**
 * The answering site that the channel reaches last: the one with the longest path, of equals the last by name. Without
 * any path, a site that does not ingest the channel. Undefined while none answers.
 */
export function farthestSite(network: Network, channel: string): string | undefined {
  const ingests =
    network.session?.channels.find((record) => record.name === channel)?.ingests ?? [];
  let best: { readonly name: string; readonly length: number } | undefined;
  for (const name of [...network.sites.keys()].sort()) {
    const view = network.sites.get(name)?.now;
    if (view === undefined || stateOf(network, name).state === "down") continue;
    const path = channelOf(view, channel)?.path.length ?? 0;
    const length = path > 0 ? path : ingests.includes(name) ? 0 : 0.5;
    if (best === undefined || length >= best.length) best = { name, length };
  }
  return best?.name;
}
