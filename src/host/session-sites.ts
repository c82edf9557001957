import { MeanderError } from "../base/index.ts";
import type { SiteRecord } from "../session/index.ts";
import type { SiteInstance } from "../stream/index.ts";

/** The sites of the session that run streams, as far as this site knows. */
export class SessionSites {
  readonly self: SiteInstance;
  #all: readonly SiteInstance[] = [];
  #leader: string | undefined;

  constructor(self: SiteInstance) {
    this.self = self;
  }

  /** The running instance of each site. */
  get all(): readonly SiteInstance[] {
    return this.#all;
  }

  /** The leading site's name; undefined before the first {@link update}. */
  get leader(): string | undefined {
    return this.#leader;
  }

  update(records: readonly SiteRecord[]): void {
    this.#all = records.map(({ name, instance }) => ({ site: name, instance }));
    this.#leader = records.find(({ leader }) => leader)?.name;
  }

  /** Whether a site of that name runs. */
  has(site: string): boolean {
    return site === this.self.site || this.#all.some((each) => each.site === site);
  }

  /** The running instance of a site. @throws {MeanderError} `site-unknown` */
  instanceOf(site: string): SiteInstance {
    const known =
      this.#all.find((each) => each.site === site) ??
      (site === this.self.site ? this.self : undefined);
    if (known !== undefined) return known;
    throw new MeanderError("site-unknown", "no site of the session has that name", {
      where: `site ${site}`,
      expected: this.#all.map((each) => each.site).join(", "),
    });
  }
}
