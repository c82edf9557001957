import type { Json } from "./directory.ts";

/** [D21] Calls of the leader to the sites that are connected to its directory, its own site among them. */
export interface SiteCalls {
  /**
   * Calls a site and returns its answer. Calls to one site arrive in the order in which they are made; it may work on
   * several at once.
   *
   * @param payload at most {@link LIMITS.siteCallBytesMax} in JSON; so is the answer
   * @param timeoutMs > 0
   * @throws {MeanderError} `site-gone` (it is not connected, or its connection ended before the answer),
   *   `site-timeout`, `directory-busy`, `directory-value-too-large`, `directory-value-invalid`; the site's own refusal,
   *   with all its parts. After `site-gone` and `site-timeout` it may have taken effect
   */
  call(site: string, instance: number, payload: Json, timeoutMs: number): Promise<Json>;
  /** Whether that start of the site is connected and takes calls. */
  connected(site: string, instance: number): boolean;
  /**
   * Reports each site that starts to accept calls, and again when a newer connection replaces an earlier one. Returns
   * an unsubscribe function.
   */
  onConnected(listener: (site: string, instance: number) => void): () => void;
  /**
   * Reports each site that no longer accepts calls: its connection ended, or it stopped serving. Calls to it have
   * failed by then. Not called when a newer connection took over, nor when the directory itself closes. Returns an
   * unsubscribe function.
   */
  onGone(listener: (site: string, instance: number) => void): () => void;
}

/** Answers the leader's calls, at a site. Thrown MeanderErrors reach the leader with all their parts. */
export type CallHandler = (payload: Json) => Promise<Json>;
