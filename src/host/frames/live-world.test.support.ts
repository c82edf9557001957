import { type Clock, delay, SILENT, SystemClock, SystemRandom } from "../../base/index.ts";
import type { FrameWorld } from "../../stream/frame-network.conformance.ts";
import type { FrameNetwork, SiteInstance } from "../../stream/index.ts";
import { nodeCipher } from "../../transport/index.ts";
import type { FrameNetworkOptions, FrameSite, LiveFrameNetwork } from "./live-frame-network.ts";

export const LINK_KEY = "0123456789abcdef".repeat(4);

export type Open = (options: FrameNetworkOptions) => Promise<LiveFrameNetwork>;

/** As {@link openOn} opens it, with ways that have to be private though they are on loopback. */
export function privately(open: Open): Open {
  return (options) => open({ ...options, isPrivate: () => true });
}

/** Opens a network on loopback. */
export function openOn(open: Open, clock: Clock = new SystemClock()): Promise<LiveFrameNetwork> {
  return open({
    host: "127.0.0.1",
    port: 0,
    clock,
    random: new SystemRandom(),
    cipher: nodeCipher,
    isPrivate: () => false,
    log: SILENT,
  });
}

/** Sites on loopback, in this process. */
export class LiveWorld implements FrameWorld {
  readonly #open: Open;
  readonly #sites = new Map<
    string,
    { readonly siteInstance: SiteInstance; readonly network: LiveFrameNetwork }
  >();

  constructor(open: Open) {
    this.#open = open;
  }

  async start(
    siteInstance: SiteInstance,
    onFrames: (from: SiteInstance, bytes: Uint8Array) => void,
  ): Promise<FrameNetwork> {
    const network = await openOn(this.#open);
    network.onFrames(onFrames);
    network.join({ siteInstance, linkKey: LINK_KEY });
    await this.#sites.get(siteInstance.site)?.network[Symbol.asyncDispose]();
    this.#sites.set(siteInstance.site, { siteInstance, network });
    const sites: FrameSite[] = [...this.#sites.values()].map((each) => ({
      ...each.siteInstance,
      host: "127.0.0.1",
      port: each.network.port,
    }));
    for (const each of this.#sites.values()) each.network.setSites(sites);
    return network;
  }

  undeliverable(site: string): number {
    const { counts } = this.network(site);
    return counts.get("site-unknown") + counts.get("instance-unknown");
  }

  network(site: string): LiveFrameNetwork {
    const found = this.#sites.get(site);
    if (found === undefined) throw new Error(`${site} was not started`);
    return found.network;
  }

  pass(): Promise<void> {
    return delay(new SystemClock(), "pass", 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      [...this.#sites.values()].map(({ network }) => network[Symbol.asyncDispose]()),
    );
  }
}
