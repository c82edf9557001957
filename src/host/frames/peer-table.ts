import type { Counters } from "../../base/index.ts";
import type { SiteInstance } from "../../stream/index.ts";
import type { FramePeerStats, FrameSite } from "./live-frame-network.ts";

/** The way to one instance of a site. */
interface Sender {
  readonly to: FrameSite;
  stats(): Pick<FramePeerStats, "state" | "backlogBytes" | "framesSent" | "bytesSent" | "writes">;
  close(): void;
}

interface Received {
  frames: number;
  bytes: number;
}

/** The sites that run, the ways to them, and what came from them. */
export class PeerTable<S extends Sender> {
  readonly #make: (site: FrameSite) => S;
  readonly #counts: Counters;
  readonly #senders = new Map<string, S>();
  /** Of sites that are listed. */
  readonly #received = new Map<string, Received>();

  /** @param make opens nothing yet */
  constructor(make: (site: FrameSite) => S, counts: Counters) {
    this.#make = make;
    this.#counts = counts;
  }

  /** Replaces the list. Ways that still lead where they led are kept. */
  set(sites: readonly FrameSite[]): void {
    const listed = new Map(sites.map((site) => [site.site, site]));
    for (const [name, sender] of this.#senders) {
      const now = listed.get(name);
      if (now !== undefined && isSame(sender.to, now)) continue;
      this.#senders.delete(name);
      sender.close();
    }
    for (const name of this.#received.keys()) if (!listed.has(name)) this.#received.delete(name);
    for (const [name, site] of listed) {
      if (!this.#senders.has(name)) this.#senders.set(name, this.#make(site));
    }
  }

  /** Makes all ways again. */
  renew(): void {
    const sites = [...this.#senders.values()].map(({ to }) => to);
    for (const sender of this.#senders.values()) sender.close();
    this.#senders.clear();
    for (const site of sites) this.#senders.set(site.site, this.#make(site));
  }

  /** [N10] The way to a place; undefined, and a frame is counted as dropped, when none leads there. */
  find({ site, instance }: SiteInstance): S | undefined {
    const sender = this.#senders.get(site);
    if (sender !== undefined && sender.to.instance === instance) return sender;
    this.#counts.add(sender === undefined ? "site-unknown" : "instance-unknown");
    return undefined;
  }

  /** Notes what came. Of sites that are not listed, nothing is kept. */
  received({ site }: SiteInstance, bytes: number, frames: number): void {
    const known = this.#received.get(site);
    if (known !== undefined) {
      known.frames += frames;
      known.bytes += bytes;
    } else if (this.#senders.has(site)) this.#received.set(site, { frames, bytes });
  }

  stats(): FramePeerStats[] {
    const stats = [...this.#senders].map(([site, sender]) => {
      const { frames = 0, bytes = 0 } = this.#received.get(site) ?? {};
      const { instance } = sender.to;
      return { site, instance, ...sender.stats(), framesReceived: frames, bytesReceived: bytes };
    });
    return stats.sort((a, b) => (a.site < b.site ? -1 : 1));
  }

  /** Forgets all sites, after `end` for each. */
  async close(end: (sender: S) => Promise<void>): Promise<void> {
    const senders = [...this.#senders.values()];
    this.#senders.clear();
    await Promise.all(senders.map(end));
  }
}

function isSame(one: FrameSite, other: FrameSite): boolean {
  return one.instance === other.instance && one.host === other.host && one.port === other.port;
}
