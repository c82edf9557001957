import type { SiteInstance } from "./model.ts";

/** Instances that are remembered, of all sites; the oldest go first. */
const REMEMBERED_MAX = 4_096;

/**
 * Which processes of sites have ended for certain. One that is no longer listed may be cut off, and come back as what
 * it was; one whose site is listed as another instance since has ended.
 */
export class EndedSites {
  /** Instances that were listed, with the names of their sites. */
  readonly #names = new Map<number, string>();
  readonly #ended = new Set<number>();
  /** By name. */
  #listed = new Map<string, number>();
  /** Instances that were heard of elsewhere, and are not those that are listed. */
  #suspects = new Set<number>();

  /** The sites there are now. @returns whether another process has ended since */
  update(listed: readonly SiteInstance[]): boolean {
    const before = this.#ended.size;
    const now = new Map(listed.map(({ site, instance }) => [site, instance]));
    for (const [instance, site] of this.#names) {
      const other = now.get(site);
      if (other === undefined || other === instance) continue;
      this.#names.delete(instance);
      this.#ended.add(instance);
    }
    for (const { site, instance } of listed) this.#names.set(instance, site);
    this.#listed = now;
    const hasMore = this.#ended.size > before;
    for (const known of [this.#names, this.#ended])
      for (const instance of known.keys()) {
        if (known.size <= REMEMBERED_MAX) break;
        known.delete(instance);
      }
    return hasMore;
  }

  /**
   * Looks at instances that are known from elsewhere, as from a stream's record. One whose site is listed as another
   * one may be newer than the list; but not for as long as from one call to the next.
   */
  review(known: Iterable<SiteInstance>): void {
    const suspects = new Set<number>();
    for (const { site, instance } of known) {
      const listed = this.#listed.get(site);
      if (listed === undefined || listed === instance) continue;
      if (this.#suspects.has(instance)) this.#ended.add(instance);
      else suspects.add(instance);
    }
    this.#suspects = suspects;
  }

  has({ instance }: SiteInstance): boolean {
    return this.#ended.has(instance);
  }
}
