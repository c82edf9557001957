import type { Random } from "../base/index.ts";
import type { Peer } from "../channel/index.ts";

/** Another site, as viewers reach it. */
export interface ViewerSite {
  readonly name: string;
  readonly url: string;
  /** How many more subscribers it would admit; undefined: unknown. */
  readonly room?: number | undefined;
}

/** As many as the message `sites` may name. */
const TOLD_MAX = 64;

/**
 * The other sites in the order in which one viewer is to try them. The first, and each after it, is drawn by chance
 * among those that are left, weighted by their room. The order depends on the seed and the sites alone: where a site
 * comes or goes, the others keep theirs. [W24]
 *
 * @param seed u32, another one for each viewer
 */
export function orderForViewer(sites: readonly ViewerSite[], seed: number): ViewerSite[] {
  const known = sites.flatMap(({ room }) => (room === undefined ? [] : [Math.max(0, room)]));
  const usual = known.length === 0 ? 1 : known.reduce((sum, room) => sum + room, 0) / known.length;
  const drawn = sites.map((site) => {
    // The least of exponential variables is each of them with the probability of its rate.
    const lot = -Math.log(1 - chanceOf(seed, site.name));
    return { site, lot, at: lot / Math.max(0, site.room ?? usual) };
  });
  // Full sites come last: their room is a matter of moments.
  return drawn
    .sort((one, other) => (one.at === other.at ? one.lot - other.lot : one.at - other.at))
    .map(({ site }) => site);
}

/** Tells each viewer which sites to try when this one is gone, and keeps what it told: a crowd spreads. [W24] */
export class ViewerAlternatives {
  readonly #random: Random;
  readonly #seeds = new WeakMap<Peer, number>();
  #sites: readonly ViewerSite[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  /** How many other sites there are. */
  get count(): number {
    return this.#sites.length;
  }

  set(sites: readonly ViewerSite[]): void {
    this.#sites = sites;
  }

  tell(viewer: Peer): void {
    const seed = this.#seeds.get(viewer) ?? this.#random.uint32();
    this.#seeds.set(viewer, seed);
    const sites = orderForViewer(this.#sites, seed)
      .slice(0, TOLD_MAX)
      .map(({ name, url }) => ({ name, url }));
    viewer.sendControl({ type: "sites", sites });
  }
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
