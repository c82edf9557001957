import { type Clock, LIMITS } from "../../base/index.ts";
import type { Peer, PeerIdentity } from "../../channel/index.ts";

/** How often a site shows its new proof, and for how long: its neighbours learn of the key a little later, ms. */
const SHOW_EVERY_MS = 250;
const SHOW_MS = 5_000;

/** What a {@link LinkRenewal} works with. */
export interface LinkRenewalOptions {
  readonly clock: Pick<Clock, "now">;
  /** Sites, and peers that have not completed their handshake. */
  peers(): Iterable<Peer>;
  identity(): PeerIdentity;
}

/**
 * [W49] Renews the proofs of links when the session got another link key: each end shows that it knows the key, in
 * hellos over the open link, on which media flows as before. Links whose other end has not shown it in time are closed.
 */
export class LinkRenewal {
  readonly #options: LinkRenewalOptions;
  /** When the key became another, ms; undefined: all links have proven it. */
  #since: number | undefined;
  #shownAt = Number.NEGATIVE_INFINITY;

  constructor(options: LinkRenewalOptions) {
    this.#options = options;
  }

  /** The link key is another from now on. */
  begin(): void {
    this.#since = this.#options.clock.now();
    this.#shownAt = Number.NEGATIVE_INFINITY;
    this.tick();
  }

  /** Shows proofs, and closes links without one. */
  tick(): void {
    const since = this.#since;
    if (since === undefined) return;
    const now = this.#options.clock.now();
    if (now - since <= SHOW_MS && now - this.#shownAt >= SHOW_EVERY_MS) {
      this.#shownAt = now;
      const identity = this.#options.identity();
      for (const peer of this.#options.peers()) peer.renew(identity);
    }
    if (now - since < LIMITS.linkProofMs) return;
    this.#since = undefined;
    for (const peer of [...this.#options.peers()]) {
      if (peer.state !== "open" || peer.provenAt >= since) continue;
      peer.close("link-key-old", "the other end does not know the session's link key of today");
    }
  }
}
