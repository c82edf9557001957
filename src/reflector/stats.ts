import { LIMITS } from "../base/index.ts";
import type { Peer } from "../channel/index.ts";
import type { ChannelStall, SiteRoom } from "../wire/index.ts";
import type { SubscriberSnapshot } from "./snapshot.ts";

/** Subscribers by kind. */
export interface SubscriberCounts {
  readonly site: number;
  readonly viewer: number;
  readonly rtp: number;
}

/** One channel in sums: a {@link ChannelSnapshot} without an entry for each subscriber. */
export interface ChannelStats {
  readonly name: string;
  /** Sites that the channel passes through, this one last. */
  readonly path: readonly string[];
  /** Why it does not arrive although it is wanted. */
  readonly stalled?: ChannelStall | undefined;
  readonly packetsIn: number;
  readonly bytesIn: number;
  readonly packetsOut: number;
  readonly bytesOut: number;
  readonly subscribers: SubscriberCounts;
  /** Packets dropped at the channel and at its subscribers, including those that have left, by reason; only rises. */
  readonly drops: Readonly<Record<string, number>>;
  readonly latencyMs: number | undefined;
  readonly jitterMs: number | undefined;
  /** Lag of the slowest subscriber, ms. */
  readonly lagMs: number;
}

/** A subscriber that lags. */
export interface SlowSubscriber
  extends Pick<SubscriberSnapshot, "id" | "kind" | "name" | "address" | "state" | "lagMs"> {
  readonly channel: string;
  /** Packets dropped for it, for all reasons. */
  readonly drops: number;
}

/** What passes through a plane, in sums: cheap at any number of subscribers, so that it can be read every second. */
export interface ReflectorStats {
  /** Monotonic, ms: rates are differences over this. */
  readonly at: number;
  readonly channels: readonly ChannelStats[];
  /** Connections of viewers. */
  readonly viewers: number;
  /** Connections of other sites. */
  readonly links: number;
  /** Drops that belong to no channel, by reason. */
  readonly drops: Readonly<Record<string, number>>;
  /** The subscribers that lag most, worst first. */
  readonly slowest: readonly SlowSubscriber[];
  /** What the site would still send, as it tells others; undefined in its first second. [W37] */
  readonly room: SiteRoom | undefined;
}

/** The sums over channels and the peers of their links. */
export function sumsOf({
  channels,
  peers,
  ...site
}: Pick<ReflectorStats, "at" | "drops" | "room"> & {
  readonly channels: Iterable<{ stats(slowest: Worst<SlowSubscriber>): ChannelStats }>;
  readonly peers: Iterable<Peer>;
}): ReflectorStats {
  const slowest = new Worst<SlowSubscriber>(LIMITS.slowestMax);
  const sums = [...channels].map((channel) => channel.stats(slowest));
  let viewers = 0;
  let links = 0;
  for (const { remote, state } of peers) {
    if (state !== "open") continue;
    if (remote?.role === "viewer") viewers++;
    else links++;
  }
  return { ...site, channels: sums, viewers, links, slowest: slowest.values };
}

/** Keeps the worst of many, worst first. */
export class Worst<T> {
  readonly #count: number;
  readonly #entries: { readonly badness: number; readonly value: T }[] = [];

  /** @param count how many are kept, > 0 */
  constructor(count: number) {
    this.#count = count;
  }

  get values(): readonly T[] {
    return this.#entries.map(({ value }) => value);
  }

  /** Adds an entry if it is among the worst. @param make called only then */
  offer(badness: number, make: () => T): void {
    const entries = this.#entries;
    if (badness <= 0) return;
    const last = entries[this.#count - 1];
    if (last !== undefined && last.badness >= badness) return;
    const at = entries.findIndex((entry) => entry.badness < badness);
    entries.splice(at < 0 ? entries.length : at, 0, { badness, value: make() });
    if (entries.length > this.#count) entries.pop();
  }
}
