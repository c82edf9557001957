/** The state of a player. It imports nothing: programs that bundle the player compile against it. */
export type PlayerState =
  /** Not in a document, or without a channel. */
  | { readonly type: "idle" }
  /** Connecting to the site at `url`. */
  | { readonly type: "connecting"; readonly url: string }
  /** Connected to `site`, by name; media flows as soon as there is some. */
  | { readonly type: "live"; readonly site: string }
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

/** A state in words. */
export interface StateText {
  readonly title: string;
  /** What more there is to say; may be empty. */
  readonly detail: string;
  /** True: it goes on by itself. */
  readonly busy: boolean;
}

const REFUSALS: Readonly<Record<string, string>> = {
  "token-required": "This channel asks for a token",
  "token-expired": "The token has expired",
  "token-revoked": "The token was revoked",
  "token-denied": "The token is not for this channel",
};

/** Describes states in words; remembers the names of sites it was connected to. */
export class StateTeller {
  readonly #origin: string;
  readonly #names = new Map<string, string>();
  #dialled: string | undefined;
  #lost: string | undefined;
  #wasLive = false;
  #reason = "";
  /** Set from a refusal of the page's origin until a site accepts the page. */
  #originRefusal: StateText | undefined;

  /** @param origin of the page, as a browser writes it */
  constructor(origin: string) {
    this.#origin = origin;
  }

  /** Call once for each state, in order. */
  tell(state: PlayerState): StateText {
    switch (state.type) {
      case "idle":
        return {
          title: "No channel",
          detail: "Set the attribute “channel” to a channel's name.",
          busy: false,
        };
      case "connecting": {
        this.#dialled = state.url;
        // Trying again changes nothing until the site is started differently.
        if (this.#originRefusal !== undefined) return this.#originRefusal;
        const name = this.#names.get(state.url) ?? hostOf(state.url);
        return this.#lost === undefined
          ? { title: "Connecting…", detail: name, busy: true }
          : {
              title: `${this.#verb} ${this.#lost}, trying ${name}…`,
              detail: this.#reason,
              busy: true,
            };
      }
      case "live":
        if (this.#dialled !== undefined) this.#names.set(this.#dialled, state.site);
        this.#lost = undefined;
        this.#originRefusal = undefined;
        this.#wasLive = true;
        return { title: "Waiting for the channel…", detail: state.site, busy: true };
      case "lost": {
        const name = this.#names.get(state.site) ?? hostOf(state.site);
        this.#lost = name;
        this.#reason = state.reason;
        return { title: `${this.#verb} ${name}, trying again…`, detail: state.reason, busy: true };
      }
      case "refused":
        if (state.code === "origin-refused") {
          this.#originRefusal = this.#refusedOrigin();
          return this.#originRefusal;
        }
        if (state.code === "address-invalid") {
          return { title: "No such site", detail: state.message, busy: false };
        }
        return {
          title: REFUSALS[state.code] ?? "The site refused",
          detail: state.message,
          busy: false,
        };
      case "closed":
        return { title: "Closed", detail: "", busy: false };
      case "unsupported":
        return { title: "Can not play this here", detail: state.message, busy: false };
    }
  }

  #refusedOrigin(): StateText {
    const site = this.#dialled === undefined ? "The site" : hostOf(this.#dialled);
    return {
      title: `${site} does not allow pages from ${this.#origin}`,
      detail: `If this page may show the channel, start the site with --allow-origin ${this.#origin}`,
      busy: false,
    };
  }

  /** A connection that never stood is not lost. */
  get #verb(): string {
    return this.#wasLive ? "Lost" : "Can not reach";
  }
}

function hostOf(site: string): string {
  return URL.canParse(site) ? new URL(site).host : site;
}
