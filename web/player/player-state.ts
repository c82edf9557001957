import type { Clock } from "../../src/base/index.ts";
import type { PlayerState } from "../../src/channel/playout/player-state.ts";

/** The text for a state. */
export interface StateText {
  readonly title: string;
  /** More about it; may be empty. */
  readonly detail: string;
  /** True: it changes by itself. */
  readonly busy: boolean;
  /** What is said over a picture; absent: the title. */
  readonly remark?: string;
}

const REFUSALS: Readonly<Record<string, string>> = {
  "token-required": "This channel requires a token",
  "token-expired": "The token has expired",
  "token-revoked": "The token was revoked",
  "token-denied": "The token does not permit this channel",
};

/** Describes states in words; remembers the names of sites it was connected to. */
export class StateTeller {
  readonly #origin: string;
  readonly #clock: Pick<Clock, "wall">;
  readonly #names = new Map<string, string>();
  #dialled: string | undefined;
  #lost: string | undefined;
  #wasLive = false;
  #reason = "";
  /** Set from a refusal of the page's origin until a site accepts the page. */
  #originRefusal: StateText | undefined;

  /** @param origin of the page, as a browser writes it */
  constructor(origin: string, clock: Pick<Clock, "wall">) {
    this.#origin = origin;
    this.#clock = clock;
  }

  /** Call once for each state, in order. */
  tell(state: PlayerState): StateText {
    switch (state.type) {
      case "idle":
        return {
          title: "No channel",
          detail: "Set the attribute “channel” to the name of a channel.",
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
      case "stalled":
        return this.#stalled(state);
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
          return { title: "Not the address of a site", detail: state.message, busy: false };
        }
        return {
          title: REFUSALS[state.code] ?? "The site refused the connection",
          detail: state.message,
          busy: false,
        };
      case "closed":
        return { title: "Closed", detail: "", busy: false };
      case "unsupported":
        return { title: "This channel cannot be played here", detail: state.message, busy: false };
    }
  }

  #stalled(state: Extract<PlayerState, { type: "stalled" }>): StateText {
    const { forMs, reason, site, trying } = state;
    const since = new Date(this.#clock.wall() - forMs).toLocaleTimeString("en-GB");
    const title = `${site} has not received this channel since ${since}`;
    const detail = trying.length === 0 ? reason : `${reason}; ${site} tries ${trying.join(", ")}`;
    return { title, detail, busy: true, remark: `${title}: ${detail}` };
  }

  #refusedOrigin(): StateText {
    const site = this.#dialled === undefined ? "The site" : hostOf(this.#dialled);
    return {
      title: `${site} does not allow pages from ${this.#origin}`,
      detail: `If this page may show the channel, start the site with --allow-origin ${this.#origin}`,
      busy: false,
    };
  }

  /** A connection that was never established is not lost. */
  get #verb(): string {
    return this.#wasLive ? "Lost" : "Cannot reach";
  }
}

function hostOf(site: string): string {
  return URL.canParse(site) ? new URL(site).host : site;
}
