import { type Clock, type Counters, LIMITS } from "../base/index.ts";
import type { PeerIdentity, Refusal } from "../channel/index.ts";
import { type Connection, isSameSecret } from "../stack/index.ts";
import type { SiteRoom } from "../wire/index.ts";
import type { Channel } from "./channel/channel.ts";
import type { LinkSecurity } from "./links/link-security.ts";

/** Who a site is, and how much it may send. */
export interface SiteIdentity {
  readonly site: string;
  /** u32, random for each start of the process. */
  readonly instance: number;
  readonly linkKey: string;
  readonly maxSubscribers: number;
  readonly maxBitsPerSecond: number;
}

/** What the machine has left for viewers, beside the limits of the site. */
export interface ViewerPlaces {
  /** Why no viewer is admitted now, whatever it wants; undefined: viewers are admitted. */
  readonly refusal: Refusal | undefined;
  /** How many more can be connected, at least 0; may be infinite. */
  readonly places: number;
}

/** What an {@link Admission} works with. */
export interface AdmissionOptions {
  readonly security: LinkSecurity;
  readonly clock: Pick<Clock, "now">;
  /** Counts `admission-refused` and `untrusted-site`. */
  readonly drops: Counters;
  readonly channels: Iterable<Channel>;
  /** Absent: as many as its limits allow. */
  readonly viewerPlaces?: ViewerPlaces | undefined;
}

/** What newcomers are told by a site that is shutting down. */
const LEAVING: Refusal = {
  code: "site-leaving",
  message: "this site is shutting down; try another site",
};

/** Decides which connections a site accepts, and whether a channel has room for another subscriber. */
export class Admission {
  readonly #options: AdmissionOptions;
  /** Undefined until the site was configured. */
  #self: SiteIdentity | undefined;
  #isLeaving = false;
  /** Sites taken on within the second that began then, ms. */
  #orphansSince = Number.NEGATIVE_INFINITY;
  #orphans = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Name of this site; empty until configured. */
  get site(): string {
    return this.#self?.site ?? "";
  }

  configure(self: SiteIdentity): void {
    this.#self = self;
  }

  setLinkKey(linkKey: string): void {
    if (this.#self !== undefined) this.#self = { ...this.#self, linkKey };
  }

  setLimits(limits: Pick<SiteIdentity, "maxSubscribers" | "maxBitsPerSecond">): void {
    if (this.#self !== undefined) this.#self = { ...this.#self, ...limits };
  }

  /** The site shuts down: no viewer and no subscriber is admitted any more. */
  leave(): void {
    this.#isLeaving = true;
  }

  /** What this site says of itself in its handshakes. */
  identity(): PeerIdentity {
    const { site, instance } = this.#self ?? { site: "", instance: 0 };
    const token = this.#proofOf(site, instance);
    return { role: "site", name: site, instance, token, heartbeatMs: LIMITS.heartbeatMs };
  }

  /** Why a peer is refused after its hello; undefined: it is admitted. [W21] */
  refusePeer(hello: PeerIdentity, connection: Connection): Refusal | undefined {
    if (this.#self === undefined) {
      return { code: "site-starting", message: "the site has not joined its session yet" };
    }
    return hello.role === "viewer" ? this.#refuseViewer() : this.#refuseSite(hello, connection);
  }

  /**
   * Why a site that lost its source is not taken on now; undefined: it is. Hundreds at once would each be late, so the
   * others go elsewhere, or ask again.
   */
  refuseOrphan(): Refusal | undefined {
    const now = this.#options.clock.now();
    if (now - this.#orphansSince >= 1_000) {
      this.#orphansSince = now;
      this.#orphans = 0;
    }
    if (++this.#orphans <= LIMITS.orphansPerSecond) return undefined;
    const message = `more than ${LIMITS.orphansPerSecond} sites a second ask for what they lost`;
    return { code: "site-busy", message };
  }

  /** Why a channel admits no further subscriber; undefined: it does. */
  refuseSubscriber(channel: Channel): Refusal | undefined {
    if (this.#isLeaving) return LEAVING;
    const { site = "", maxSubscribers = 0, maxBitsPerSecond = 0 } = this.#self ?? {};
    const { name, config } = channel;
    const { count, bits } = this.#use();
    if (channel.subscribers.size >= config.maxSubscribers) {
      return full(`${name} at ${site} has its ${config.maxSubscribers} subscribers`);
    }
    if (count >= maxSubscribers) return full(`${site} has its ${maxSubscribers} subscribers`);
    const more = channel.rate * 8;
    if (channel.outgoingBits + more > config.maxBitsPerSecond) {
      return full(
        `${name} at ${site} may send ${inMbps(config.maxBitsPerSecond)}, and another subscriber would exceed that`,
      );
    }
    if (bits + more > maxBitsPerSecond) {
      return full(
        `${site} may send ${inMbps(maxBitsPerSecond)}, and another subscriber would exceed that`,
      );
    }
    return undefined;
  }

  /** What this site would still send to subscribers that come now, over all channels. */
  room(): SiteRoom {
    const { maxSubscribers = 0, maxBitsPerSecond = 0 } = this.#self ?? {};
    const { refusal, places = maxSubscribers } = this.#options.viewerPlaces ?? {};
    if (this.#isLeaving || refusal !== undefined) return { subscribers: 0, bitsPerSecond: 0 };
    const { count, bits } = this.#use();
    return {
      subscribers: Math.floor(Math.max(0, Math.min(maxSubscribers - count, places))),
      bitsPerSecond: Math.max(0, maxBitsPerSecond - bits),
    };
  }

  /** What one subscriber receives on average, bits per second; undefined: nothing is sent. */
  get bitsPerSubscriber(): number | undefined {
    const { count, bits } = this.#use();
    return count > 0 && bits > 0 ? bits / count : undefined;
  }

  #use(): { readonly count: number; readonly bits: number } {
    let count = 0;
    let bits = 0;
    for (const each of this.#options.channels) {
      count += each.subscribers.size;
      bits += each.outgoingBits;
    }
    return { count, bits };
  }

  #refuseViewer(): Refusal | undefined {
    if (this.#isLeaving) return LEAVING;
    const refusal = this.#options.viewerPlaces?.refusal;
    if (refusal !== undefined) this.#options.drops.add("admission-refused");
    return refusal;
  }

  #refuseSite(hello: PeerIdentity, connection: Connection): Refusal | undefined {
    const { drops, security } = this.#options;
    const refusal = security.refuse(connection);
    if (refusal !== undefined) {
      drops.add("untrusted-site");
      return refusal;
    }
    const utf8 = new TextEncoder();
    const proof = utf8.encode(this.#proofOf(hello.name, hello.instance));
    if (isSameSecret(utf8.encode(hello.token), proof)) return undefined;
    drops.add("untrusted-site");
    return {
      code: "link-key-wrong",
      message: `${hello.name} does not belong to this session; join it through its leader`,
    };
  }

  #proofOf(name: string, instance: number): string {
    return this.#options.security.proofOf(this.#self?.linkKey ?? "", { name, instance });
  }
}

function full(what: string): Refusal {
  return { code: "admission-refused", message: `${what}; try another site` };
}

function inMbps(bits: number): string {
  return `${(bits / 1e6).toFixed(1)} Mbit/s`;
}
