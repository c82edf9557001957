import { type Clock, LIMITS } from "../../base/index.ts";
import type { Peer } from "../../channel/index.ts";
import type { ChannelRelations } from "../../wire/index.ts";

/** What has not changed is repeated after this, ms. [W36] */
const REPEAT_MS = 10_000;

/** Names of one message, characters: with what is around them they fit it. */
const NAMES_MAX = 16_000;

/** Relations in portions that fit a message each. */
export function* partsOf(relations: readonly ChannelRelations[]): Generator<ChannelRelations[]> {
  let part: ChannelRelations[] = [];
  let size = 0;
  for (const each of relations) {
    const own = [each.channel, ...each.sources, ...each.clients].reduce(
      (sum, name) => sum + name.length + 3,
      60,
    );
    if (part.length > 0 && (size + own > NAMES_MAX || part.length === LIMITS.relationChannelsMax)) {
      yield part;
      part = [];
      size = 0;
    }
    part.push(each);
    size += own;
  }
  if (part.length > 0) yield part;
}

/** Tells neighbours how this site stands to others, when it changes, and again from time to time. */
export class RelationTeller {
  readonly #clock: Pick<Clock, "now">;
  readonly #told = new Map<Peer, { readonly text: string; readonly at: number }>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** @param mayHaveChanged false: only what is due again is told */
  tell(peer: Peer, relations: () => readonly ChannelRelations[], mayHaveChanged: boolean): void {
    if (peer.state !== "open" || peer.remote?.role !== "site") return;
    const now = this.#clock.now();
    const told = this.#told.get(peer);
    const isDue = told === undefined || now - told.at >= REPEAT_MS;
    if (!isDue && !mayHaveChanged) return;
    const channels = relations();
    const text = JSON.stringify(channels);
    if (!isDue && text === told?.text) return;
    this.#told.set(peer, { text, at: now });
    for (const part of partsOf(channels)) peer.sendControl({ type: "started", channels: part });
  }

  forget(peer: Peer): void {
    this.#told.delete(peer);
  }
}
