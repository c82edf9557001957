import type { Clock } from "../../base/index.ts";
import type { ChannelRelations } from "../../wire/index.ts";

/** What a neighbour told is forgotten when it was not repeated for this long, ms. [W36] */
const REPEATED_MS = 30_000;
/** What one told that is gone is kept for this long, ms: it shows the way around it. */
const KEPT_MS = 600_000;

/** What a neighbour told of a channel. */
export interface Learned {
  readonly from: string;
  readonly sources: readonly string[];
  readonly clients: readonly string[];
  /** When it last said so, ms. */
  at: number;
}

/**
 * How neighbours stand to others in the channels that they share with this site, as they told: the dependencies of the
 * Reflector paper's ReflectorConfigurator (5.3). Bounded by channels and neighbours; names that are not known here are
 * left out. [W36]
 */
export class LearnedRelations {
  readonly #clock: Pick<Clock, "now">;
  /** By channel, then neighbour. */
  readonly #learned = new Map<string, Map<string, Learned>>();
  /** Neighbours that are connected. */
  readonly #present = new Set<string>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /**
   * A neighbour told of a channel that is open here.
   *
   * @param isKnown whether a name is a site of the session
   * @returns whether that is news; false: it told the same before
   */
  told(
    from: string,
    { channel, clients, sources }: ChannelRelations,
    isKnown: (site: string) => boolean,
  ): boolean {
    const known = (sites: readonly string[]): string[] => [
      ...new Set(sites.filter((site) => site !== from && isKnown(site))),
    ];
    const ofChannel = this.#learned.get(channel) ?? new Map<string, Learned>();
    const before = ofChannel.get(from);
    const told = { from, sources: known(sources), clients: known(clients), at: this.#clock.now() };
    ofChannel.set(from, told);
    this.#learned.set(channel, ofChannel);
    return !isSame(before?.sources, told.sources) || !isSame(before?.clients, told.clients);
  }

  /** A neighbour is connected from now on, or not any more. */
  connected(site: string, isConnected: boolean): void {
    if (isConnected) this.#present.add(site);
    else if (this.#present.delete(site)) {
      // It would have repeated it until now.
      for (const ofChannel of this.#learned.values()) {
        const learned = ofChannel.get(site);
        if (learned !== undefined) learned.at = this.#clock.now();
      }
    }
  }

  /** What is known of a channel, by the neighbour that told. */
  of(channel: string): ReadonlyMap<string, Learned> {
    return this.#learned.get(channel) ?? new Map();
  }

  /** A channel is no longer open here. */
  forget(channel: string): void {
    this.#learned.delete(channel);
  }

  /** Forgets what is too old. */
  expire(): void {
    const now = this.#clock.now();
    for (const [channel, ofChannel] of this.#learned) {
      for (const [from, { at }] of ofChannel) {
        if (now - at > (this.#present.has(from) ? REPEATED_MS : KEPT_MS)) ofChannel.delete(from);
      }
      if (ofChannel.size === 0) this.#learned.delete(channel);
    }
  }
}

function isSame(one: readonly string[] | undefined, other: readonly string[]): boolean {
  return one?.length === other.length && one.every((name, index) => name === other[index]);
}
