/** The state of a player. It imports nothing: programs that bundle the player compile against it. */
export type PlayerState =
  /** Not in a document, or without a channel. */
  | { readonly type: "idle" }
  /** Connecting to the site at `url`. */
  | { readonly type: "connecting"; readonly url: string }
  /** Connected to `site`, by name; media flows as soon as there is some. */
  | { readonly type: "live"; readonly site: string }
  /**
   * Connected to `site`, where the channel has not arrived for `forMs`, for a `reason` in plain words; from which sites
   * it is being tried to get it there. Ends by itself.
   */
  | {
      readonly type: "stalled";
      readonly site: string;
      readonly forMs: number;
      readonly reason: string;
      readonly trying: readonly string[];
    }
  /** The connection to `site` was lost or not established; the next one is tried. */
  | { readonly type: "lost"; readonly site: string; readonly reason: string }
  /**
   * A site refused; `code` as in docs/errors.md. With a code that begins with `token-` the player gives up until its
   * token is set.
   */
  | { readonly type: "refused"; readonly code: string; readonly message: string }
  /** The browser or the page cannot play the channel; `message` says why and what to do. */
  | { readonly type: "unsupported"; readonly message: string }
  /** Removed from its document. */
  | { readonly type: "closed" };
