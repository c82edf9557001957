import type { MemberCaller } from "./caller.ts";
import type { Directory, Entry, Json, RequestHandler } from "./directory.ts";
import type { SiteRegistry } from "./site-registry.ts";

/** Part of a list. */
export interface Page {
  readonly entries: readonly Entry[];
  /** Whether entries follow these. */
  readonly more: boolean;
  /** The directory's latest revision. */
  readonly revision: number;
}

/**
 * A directory as the leading site uses it: it answers the members' requests, calls sites, and can be served to members
 * by a {@link DirectoryServer}. Rules [D9] and [D21] to [D23] are its conformance suite.
 *
 * Where the entries are kept is up to the implementation; calls to sites always use the sites' own connections to the
 * leader.
 */
export interface LeaderDirectory extends Directory {
  /** [D23] Identifies the store. A different store has a different id, even at the same address. */
  readonly id: string;
  /** [D21] The sites that accept the leader's calls: its own, and those connected to a server of this directory. */
  readonly sites: SiteRegistry;
  /** [D9] Sets the handler for requests. Undefined: no handler, and requests fail with `directory-no-leader`. */
  setRequestHandler(handler: RequestHandler | undefined): void;
  /**
   * [D24] Hands a member's request to the handler; `request` is for the leader's own process.
   *
   * @throws {MeanderError} `directory-no-leader`, the leader's refusal
   */
  requestOf(caller: MemberCaller, subject: string, payload: Json): Promise<Json>;
  /**
   * [D23] Entries whose key starts with `prefix` and sorts after `after`, by key: about {@link
   * LIMITS.directoryPageBytes} of them.
   *
   * @param after "" for the first page, then the last key of the page before
   * @throws {MeanderError} `directory-key-invalid`, `directory-closed`
   */
  page(prefix: string, after: string): Promise<Page>;
}
