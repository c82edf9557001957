import type { Json } from "./directory.ts";

/** [D21] Calls of the leader to the sites that are connected to its directory, its own site among them. */
export interface SiteCalls {
  /**
   * Asks a site, and answers what it answers. Calls to one site reach it in the order in which they are made; it may work on several at once.
   *
   * @param payload at most {@link LIMITS.siteCallBytesMax} in JSON; so is the answer
   * @param timeoutMs > 0
   * @throws {MeanderError} `site-gone` (it is not connected, or its connection ended before the answer), `site-timeout`, `directory-busy`,
   * `directory-value-too-large`, `directory-value-invalid`; the site's own refusal, with all its parts. After `site-gone` and `site-timeout` it may
   * have been done
   */
  call(site: string, instance: number, payload: Json, timeoutMs: number): Promise<Json>;
  /** Whether that start of the site is connected and takes calls. */
  connected(site: string, instance: number): boolean;
  /** Told of each site that begins to take calls; again when a newer connection of it takes the place of one before. Undone by the returned function. */
  onConnected(listener: (site: string, instance: number) => void): () => void;
  /**
   * Told of each site that takes calls no more: its connection ended, or it said so. Calls to it have failed by then. Not told when a newer
   * connection took over, nor when the directory itself closes. Undone by the returned function.
   */
  onGone(listener: (site: string, instance: number) => void): () => void;
}

/** One start of a site. */
export interface ServedPlace {
  /** 1 to 200 characters. */
  readonly site: string;
  /** Drawn by the site when it starts. A whole number >= 0. */
  readonly instance: number;
}

/** Answers the leader's calls, at a site. Thrown MeanderErrors reach the leader with all their parts. */
export type CallHandler = (payload: Json) => Promise<Json>;
