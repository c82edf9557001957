import type {
  ChannelSnapshot,
  InputSnapshot,
  SubscriberSnapshot,
} from "../client/contract/index.ts";
import { channelNames } from "./choices.ts";
import { type Network, stateOf } from "./network.ts";
import {
  channelOf,
  channelRateIn,
  channelRateOut,
  inputRate,
  type Rate,
  subscriberRate,
} from "./rates.ts";
import { isLearned } from "./ways.ts";

/** A channel at one site. */
export interface ChannelRow {
  readonly name: string;
  /** What the site reports; undefined where it does not have the channel, which it then fetches on demand. */
  readonly here: ChannelSnapshot | undefined;
  /** Encoding names, video first. */
  readonly codecs: readonly string[];
  readonly in: Rate | undefined;
  readonly out: Rate | undefined;
  /** Packets dropped by reason, most first. */
  readonly drops: readonly Drop[];
  readonly dropCount: number;
}

/** Packets dropped for one reason. */
export interface Drop {
  readonly reason: string;
  readonly count: number;
}

/** What one site may receive a channel from. */
export interface InputRow {
  readonly channel: string;
  readonly input: InputSnapshot;
  /** Not of the route. */
  readonly isLearned: boolean;
  readonly rate: Rate | undefined;
}

/** A subscriber of a channel at one site. */
export interface SubscriberRow {
  readonly channel: string;
  readonly subscriber: SubscriberSnapshot;
  readonly rate: Rate | undefined;
  readonly drops: readonly Drop[];
  readonly dropCount: number;
}

const KINDS = ["video", "audio", "text", "application"];

/** All channels of the session as one site has them, by name. */
export function channelRows(network: Network, site: string): readonly ChannelRow[] {
  const observed = network.sites.get(site);
  const view = stateOf(network, site).state === "down" ? undefined : observed?.now;
  return channelNames(network).map((name) => {
    const here = view && channelOf(view, name);
    const drops = dropsOf(here?.drops ?? {});
    return {
      name,
      here,
      codecs: codecsOf(network, name),
      in: here && observed && channelRateIn(observed, name),
      out: here && observed && channelRateOut(observed, name),
      drops,
      dropCount: countOf(drops),
    };
  });
}

/** The inputs of one site: of one channel, or of all; of each channel in the order in which they are preferred. */
export function inputRows(
  network: Network,
  site: string,
  channel: string | undefined,
): readonly InputRow[] {
  const observed = network.sites.get(site);
  if (observed?.now === undefined || stateOf(network, site).state === "down") return [];
  return observed.now.snapshot.channels
    .filter(({ name }) => channel === undefined || name === channel)
    .toSorted((left, right) => left.name.localeCompare(right.name))
    .flatMap(({ name, inputs }) =>
      inputs.map((input) => ({
        ...{ channel: name, input, isLearned: isLearned(input) },
        rate: inputRate(observed, name, input),
      })),
    );
}

/** The subscribers at one site: of one channel, or of all; sites first, then RTP receivers, then viewers. */
export function subscriberRows(
  network: Network,
  site: string,
  channel: string | undefined,
): readonly SubscriberRow[] {
  const observed = network.sites.get(site);
  if (observed?.now === undefined || stateOf(network, site).state === "down") return [];
  const rows = observed.now.snapshot.channels
    .filter((other) => channel === undefined || other.name === channel)
    .flatMap((other) =>
      other.subscribers.map((subscriber) => {
        const drops = dropsOf(subscriber.drops);
        return {
          channel: other.name,
          subscriber,
          rate: subscriberRate(observed, other.name, subscriber),
          drops,
          dropCount: countOf(drops),
        };
      }),
    );
  const order = ["site", "rtp", "viewer"];
  return rows.sort(
    (left, right) =>
      order.indexOf(left.subscriber.kind) - order.indexOf(right.subscriber.kind) ||
      left.subscriber.id - right.subscriber.id,
  );
}

/** Drop counters as a list, most first, without zeros. */
export function dropsOf(counters: Readonly<Record<string, number>>): readonly Drop[] {
  return Object.entries(counters)
    .map(([reason, count]) => ({ reason, count }))
    .filter((drop) => drop.count > 0)
    .sort((left, right) => right.count - left.count || left.reason.localeCompare(right.reason));
}

function countOf(drops: readonly Drop[]): number {
  return drops.reduce((sum, drop) => sum + drop.count, 0);
}

function codecsOf(network: Network, channel: string): readonly string[] {
  for (const site of network.sites.values()) {
    const tracks = (site.now && channelOf(site.now, channel))?.description?.tracks;
    if (tracks === undefined || tracks.length === 0) continue;
    return [...tracks]
      .sort((left, right) => KINDS.indexOf(left.kind) - KINDS.indexOf(right.kind))
      .map((track) => track.codec);
  }
  return [];
}
