import type { Random } from "../base/index.ts";
import type { Peer } from "../channel/index.ts";

/** Another site, as viewers reach it. */
export interface ViewerSite {
  readonly name: string;
  readonly url: string;
}

/** A site, and how many viewers it is sent in relation to the others. */
export interface WeightedSite extends ViewerSite {
  /** At least 0. */
  readonly weight: number;
}

/** As many as the message `sites` may name. */
const TOLD_MAX = 64;
/** A site counts for at most so many times the usual room: what it says of itself is not proven. */
const WEIGHT_MAX = 4;
/** How often the rooms of the sites are looked at, ms. */
const WEIGH_MS = 1_000;
/** How often viewers are told again when they have changed, ms. */
const RETELL_MS = 10_000;
/** Viewers that are told again at once: thousands take a while. */
const RETOLD_AT_ONCE = 25;
/** A viewer is told again if it would try others among the first. */
const FIRST = 4;

/**
 * How many viewers each site is sent in relation to the others: by the room that it told, but for no more than four
 * times the usual. One that told none counts as usual. [W37]
 *
 * @param roomOf how many more viewers a site would admit; undefined: unknown
 */
export function weightedByRoom(
  sites: readonly ViewerSite[],
  roomOf: (site: string) => number | undefined,
): WeightedSite[] {
  const rooms = sites.map(({ name }) => roomOf(name));
  const some = rooms.filter((room): room is number => room !== undefined && room > 0);
  // The lower median: no site that tells of itself alone decides what is usual.
  const usual = some.sort((one, other) => one - other)[(some.length - 1) >> 1] ?? 1;
  return sites.map((site, index) => ({
    ...site,
    weight: Math.min(Math.max(0, rooms[index] ?? usual), WEIGHT_MAX * usual),
  }));
}

/**
 * The other sites in the order in which one viewer is to try them. The first, and each after it, is drawn by chance
 * among those that are left, by their weights. The order depends on the seed and the sites alone: where a site comes
 * or goes, or its weight changes, the others keep theirs. [W24]
 *
 * @param seed u32, another one for each viewer
 */
export function orderForViewer<T extends WeightedSite>(sites: readonly T[], seed: number): T[] {
  const drawn = sites.map((site) => {
    // The least of exponential variables is each of them with the probability of its rate.
    const lot = -Math.log(1 - chanceOf(seed, site.name));
    return { site, lot, at: site.weight > 0 ? lot / site.weight : Number.POSITIVE_INFINITY };
  });
  // Full sites come last: their room is a matter of moments.
  return drawn
    .sort((one, other) => (one.at === other.at ? one.lot - other.lot : one.at - other.at))
    .map(({ site }) => site);
}

/** What a {@link ViewerAlternatives} works with. */
export interface ViewerAlternativesOptions {
  readonly random: Random;
  readonly clock: { now(): number };
  /** How many more viewers a site would admit; undefined: unknown. */
  roomOf(site: string): number | undefined;
  /** The viewers that may be told. */
  viewers(): Iterable<Peer>;
}

/** What one viewer was told. */
interface Told {
  readonly seed: number;
  /** Names of the first few. */
  readonly first: string;
}

/** Tells each viewer which sites to try when this one is gone, and keeps what it told: a crowd spreads. [W24] */
export class ViewerAlternatives {
  readonly #options: ViewerAlternativesOptions;
  readonly #told = new WeakMap<Peer, Told>();
  #sites: readonly WeightedSite[] = [];
  #weighedAt = Number.NEGATIVE_INFINITY;
  /** Whether weights have changed since viewers were told. */
  #isChanged = false;
  /** When that began for all viewers, ms. */
  #toldAt = Number.NEGATIVE_INFINITY;
  /** Viewers that may have to be told again. */
  #stale: Iterator<Peer> | undefined;

  constructor(options: ViewerAlternativesOptions) {
    this.#options = options;
  }

  /** How many other sites there are. */
  get count(): number {
    return this.#sites.length;
  }

  /** Sets the other sites, and tells all viewers. */
  set(sites: readonly ViewerSite[]): void {
    const now = this.#options.clock.now();
    this.#sites = sites.map((site) => ({ ...site, weight: 0 }));
    this.#weighedAt = Number.NEGATIVE_INFINITY;
    this.#stale = undefined;
    this.#isChanged = false;
    this.#toldAt = now;
    for (const viewer of this.#options.viewers()) this.tell(viewer);
  }

  tell(viewer: Peer): void {
    this.#weigh(this.#options.clock.now());
    const seed = this.#told.get(viewer)?.seed ?? this.#options.random.uint32();
    this.#tell(viewer, seed, orderForViewer(this.#sites, seed));
  }

  /**
   * Every 100 ms: follows the rooms of the sites, while there are viewers; a few of them at a time are told where to go
   * now.
   */
  tick(): void {
    const now = this.#options.clock.now();
    if (now - this.#weighedAt >= WEIGH_MS && this.#hasViewers) this.#weigh(now);
    if (this.#isChanged && this.#stale === undefined && now - this.#toldAt >= RETELL_MS) {
      this.#isChanged = false;
      this.#toldAt = now;
      // A copy: viewers come and go meanwhile.
      this.#stale = [...this.#options.viewers()].values();
    }
    for (let count = 0; this.#stale !== undefined && count < RETOLD_AT_ONCE; count++) {
      const next = this.#stale.next();
      if (next.done === true) this.#stale = undefined;
      else this.#tellAgain(next.value);
    }
  }

  get #hasViewers(): boolean {
    for (const _ of this.#options.viewers()) return true;
    return false;
  }

  /** Looks at the rooms of the sites, unless that was done just now. */
  #weigh(now: number): void {
    if (now - this.#weighedAt < WEIGH_MS) return;
    const isFirst = this.#weighedAt === Number.NEGATIVE_INFINITY;
    this.#weighedAt = now;
    const before = this.#sites;
    this.#sites = weightedByRoom(before, (site) => this.#options.roomOf(site));
    if (isFirst) return;
    if (this.#sites.some(({ weight }, index) => weight !== before[index]?.weight))
      this.#isChanged = true;
  }

  #tellAgain(viewer: Peer): void {
    const told = this.#told.get(viewer);
    if (viewer.state !== "open" || told === undefined) return;
    const order = orderForViewer(this.#sites, told.seed);
    if (firstOf(order) !== told.first) this.#tell(viewer, told.seed, order);
  }

  #tell(viewer: Peer, seed: number, order: readonly ViewerSite[]): void {
    this.#told.set(viewer, { seed, first: firstOf(order) });
    const sites = order.slice(0, TOLD_MAX).map(({ name, url }) => ({ name, url }));
    viewer.sendControl({ type: "sites", sites });
  }
}

function firstOf(sites: readonly ViewerSite[]): string {
  return sites
    .slice(0, FIRST)
    .map(({ name }) => name)
    .join(" ");
}

/** From 0 inclusive to 1 exclusive: FNV-1a of the name, mixed with the seed as MurmurHash3 ends. */
function chanceOf(seed: number, name: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index++)
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  hash ^= seed;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 0x1_0000_0000;
}
