import { Counters } from "../../base/index.ts";
import type { Subscriber } from "../egress/subscriber.ts";
import type { PastCounts, SubscriberSnapshot } from "../snapshot.ts";

/** What the subscribers that have left were counted, so that sums over all subscribers only rise. */
export class PastSubscribers {
  readonly #past = new Map<
    SubscriberSnapshot["kind"],
    { packets: number; bytes: number; readonly drops: Counters }
  >();

  /** Adds a subscriber that leaves. */
  add({ bytes, drops, outlet, packets }: Subscriber): void {
    const past = this.#past.get(outlet.kind) ?? { packets: 0, bytes: 0, drops: new Counters() };
    past.packets += packets;
    past.bytes += bytes;
    past.drops.addAll(drops);
    this.#past.set(outlet.kind, past);
  }

  /** Adds their drops to `drops`. */
  addDropsTo(drops: Counters): void {
    for (const past of this.#past.values()) drops.addAll(past.drops);
  }

  snapshot(): (PastCounts & { readonly kind: SubscriberSnapshot["kind"] })[] {
    return [...this.#past].map(([kind, { bytes, drops, packets }]) => {
      return { kind, packets, bytes, drops: drops.toJSON() };
    });
  }
}
