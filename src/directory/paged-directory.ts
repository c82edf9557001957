import type { Directory, Entry } from "./directory.ts";
import type { SiteRegistry } from "./site-registry.ts";

/** Part of a list. */
export interface Page {
  readonly entries: readonly Entry[];
  /** Whether entries come after these. */
  readonly more: boolean;
  /** The directory's last revision. */
  readonly revision: number;
}

/** A directory that can be served to others. */
export interface PagedDirectory extends Directory {
  /** Names the directory among all. */
  readonly id: string;
  /** [D21] The sites that take calls; a server adds those that are connected to it. */
  readonly sites: SiteRegistry;
  /** Entries whose key starts with `prefix` and comes after `after`, by key; as many as fit one message. */
  page(prefix: string, after: string): Promise<Page>;
}
