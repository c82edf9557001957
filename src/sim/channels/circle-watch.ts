/**
 * Looks for circles among those from whom sites receive a channel. A circle that was not there before has a changed
 * source in it: so it is enough to follow the sources from those sites whose own has changed.
 */
export class CircleWatch {
  readonly #paths = new Map<string, readonly string[]>();
  readonly #sources = new Map<string, string>();
  readonly #changed = new Set<string>();

  /**
   * Tells how a channel comes to a site.
   *
   * @param path the sites that it passes on its way there, that one last; empty: it does not arrive
   */
  set(site: string, path: readonly string[]): void {
    if (this.#paths.get(site) === path) return;
    this.#paths.set(site, path);
    const source = path.at(-2);
    if (source === this.#sources.get(site)) return;
    if (source === undefined) this.#sources.delete(site);
    else this.#sources.set(site, source);
    this.#changed.add(site);
  }

  /** A circle that arose since the last call, first site twice; undefined: none did. */
  find(): readonly string[] | undefined {
    let circle: readonly string[] | undefined;
    for (const site of this.#changed) circle ??= this.#circleThrough(site);
    this.#changed.clear();
    return circle;
  }

  #circleThrough(site: string): readonly string[] | undefined {
    const seen = new Set([site]);
    for (let at = this.#sources.get(site); at !== undefined; at = this.#sources.get(at)) {
      if (at === site) return [...seen, site];
      // That is another one: it is found from the site in it that changed.
      if (seen.has(at)) return undefined;
      seen.add(at);
    }
    return undefined;
  }
}
