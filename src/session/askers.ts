import { MeanderError } from "../base/index.ts";
import type { Caller } from "../directory/index.ts";
import type { SiteInstance } from "../stream/index.ts";
import { type Principal, readPrincipal } from "../trust/index.ts";
import type { TokenRights } from "./access.ts";
import { type Asker, makeAsker } from "./asker.ts";
import { authorOfStream } from "./authorship.ts";
import type { AskerClaim } from "./stream-records.ts";
import type { StreamStore } from "./stream-store.ts";

/** What a leader knows of tokens. */
export interface SessionTokens {
  /** Whether shells need no token in this session. */
  readonly isOpen: boolean;
  /** What a token allows that counts now. @throws {MeanderError} `token-…` */
  rightsOf(token: string): Promise<TokenRights>;
}

/** A session without tokens. */
export const OPEN_SESSION: SessionTokens = Object.freeze({
  isOpen: true,
  rightsOf: async () => {
    throw new MeanderError("token-foreign", "this session has no tokens");
  },
});

/** What {@link Askers} use. */
export interface AskersPorts {
  /** The leading site. */
  readonly self: SiteInstance;
  readonly tokens: SessionTokens;
  readonly store: Pick<StreamStore, "find" | "index">;
}

/** [A30] Checks who is said to ask, at the leader. */
export class Askers {
  readonly #ports: AskersPorts;

  constructor(ports: AskersPorts) {
    this.#ports = ports;
  }

  /** The site at the other end of a request; undefined: it comes from none. */
  siteOf(caller: Caller): string | undefined {
    return caller.kind === "leader" ? this.#ports.self.site : caller.site;
  }

  /**
   * Who asks, when the claim holds. What it is judged by is looked at before anything else is waited for, so that an
   * agent's request counts that was made before its stream moved.
   *
   * @throws {MeanderError} `principal-refused`, `principal-invalid`, `token-…`
   */
  async establish(claim: AskerClaim, caller: Caller): Promise<Asker> {
    const { tokens, self, store } = this.#ports;
    const site = this.siteOf(caller);
    const principal = readPrincipal(claim.by);
    const { label } = claim;
    const isStreams = label !== undefined && store.index.named(label) !== undefined;
    const asker = (administers: boolean, token?: TokenRights, who = principal): Asker => ({
      ...makeAsker({ principal: who, label, token, administers, site: site ?? "" }),
      // A stream may have been given that name since.
      label: isStreams ? undefined : label,
    });
    switch (principal.kind) {
      case "anonymous":
        if (tokens.isOpen) return asker(true);
        throw refused(principal, site, "this session requires tokens");
      case "subject": {
        if (claim.token === undefined) throw refused(principal, site, "its token was not shown");
        const rights = await tokens.rightsOf(claim.token);
        if (rights.name === principal.name) return asker(false, rights);
        throw refused(principal, site, "the token that was shown is another's");
      }
      case "site":
        if (site === principal.name) return asker(caller.kind === "leader" && site === self.site);
        throw refused(principal, site, "a site speaks for itself alone");
      case "stream": {
        const found = site === undefined ? undefined : await this.#foundAt(principal.name, site);
        if (found === undefined) throw refused(principal, site, "the stream is not there");
        return asker(false, undefined, withAuthor(principal.name, found.author));
      }
    }
  }

  /** Who wrote the agents of a stream that is at a site; undefined: it is not there. */
  async #foundAt(
    stream: string,
    site: string,
  ): Promise<{ readonly author: string | undefined } | undefined> {
    const { store } = this.#ports;
    const known = store.index.named(stream);
    if (known?.site === site) return known;
    const found = (await store.find(stream))?.record;
    return found?.site === site ? { author: authorOfStream(found.agents) } : undefined;
  }
}

/** [A71] What a site says of the author does not count: the record does. */
function withAuthor(name: string, author: string | undefined): Principal {
  return { kind: "stream", name, author: author?.slice("ed25519:".length) };
}

function refused(principal: Principal, site: string | undefined, why: string): MeanderError {
  const name = principal.kind === "anonymous" ? "" : ` ${principal.name}`;
  const from = site === undefined ? "a client that is no site" : `site ${site}`;
  return new MeanderError("principal-refused", `${why}`, {
    where: `request of ${from} for ${principal.kind}${name}`,
    expected: "who asks, as the site knows it",
    next: "connect to a site that requires a token, with one; or upgrade the site",
  });
}
