import { Counters } from "../../base/index.ts";
import type { Distributor } from "../egress/distributor.ts";
import type { Subscriber } from "../egress/subscriber.ts";
import type { ChannelStats, SlowSubscriber, Worst } from "../stats.ts";
import type { InBandMessages } from "./in-band-messages.ts";
import type { PastSubscribers } from "./past-subscribers.ts";

/** What the sums of a channel are made of. */
export interface StatsSources {
  readonly name: string;
  readonly path: readonly string[];
  readonly stalled: ChannelStats["stalled"];
  readonly packetsIn: number;
  readonly bytesIn: number;
  readonly drops: Counters;
  readonly past: PastSubscribers;
  readonly distributor: Distributor;
  readonly messages: Pick<InBandMessages, "latencyMs" | "jitterMs">;
}

/** A channel in sums. @param slowest collects the subscribers that lag most */
export function statsOf(of: StatsSources, slowest: Worst<SlowSubscriber>): ChannelStats {
  const { distributor, messages, name } = of;
  const counts = { site: 0, viewer: 0, rtp: 0 };
  const drops = new Counters();
  drops.addAll(of.drops);
  of.past.addDropsTo(drops);
  let lagMs = 0;
  for (const each of distributor.subscribers.values()) {
    counts[each.outlet.kind]++;
    if (each.drops.size > 0) drops.addAll(each.drops);
    const lag = each.state === "standby" ? 0 : each.lagMs;
    lagMs = Math.max(lagMs, lag);
    slowest.offer(lag, () => slowOf(name, each, lag));
  }
  return {
    ...{ name, path: of.path, stalled: of.stalled, packetsIn: of.packetsIn, bytesIn: of.bytesIn },
    ...{ packetsOut: distributor.packetsOut, bytesOut: distributor.bytesOut },
    ...{ subscribers: counts, drops: drops.toJSON() },
    ...{ latencyMs: messages.latencyMs, jitterMs: messages.jitterMs, lagMs: Math.round(lagMs) },
  };
}

function slowOf(channel: string, subscriber: Subscriber, lagMs: number): SlowSubscriber {
  const { id, outlet, state, drops } = subscriber;
  const { kind, name, address } = outlet;
  return { channel, id, kind, name, address, state, lagMs: Math.round(lagMs), drops: drops.total };
}
