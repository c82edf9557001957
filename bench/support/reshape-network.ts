import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Wire } from "./private-wire.ts";
import { LEADER, routesOf, type Topology } from "./reshape-topology.ts";
import { type SiteProcess, startSite } from "./site-process.ts";

/** How a network is set up. */
export interface NetworkSettings {
  readonly topology: Topology;
  /** Ways around the site that leaves are configured by hand. */
  readonly alternatives: boolean;
  /** `standard`, or `naive`. */
  readonly policy: string;
  /** Puts the site that leaves on a machine of its own behind this. */
  readonly wire?: Wire | undefined;
}

const KNOWN_MS_MAX = 20_000;
const POLL_MS = 50;

/** A session of sites, each a process, that pass test streams on. */
export class ReshapeNetwork {
  /** For logs. */
  readonly folder: string;
  readonly #settings: NetworkSettings;
  readonly #sites = new Map<string, SiteProcess>();

  private constructor(settings: NetworkSettings, folder: string) {
    this.#settings = settings;
    this.folder = folder;
  }

  /** Settles when all sites run, know each other, and have their routes. */
  static async open(settings: NetworkSettings): Promise<ReshapeNetwork> {
    const network = new ReshapeNetwork(settings, await mkdtemp(join(tmpdir(), "meander-reshape-")));
    try {
      const { topology } = settings;
      const names = Object.keys(topology.sources);
      await network.start(LEADER);
      await Promise.all(names.map((name) => network.start(name)));
      await network.#untilKnown(names.length + 1);
      for (const name of names)
        await network.site(name).client.setRoutes(routesOf(topology, name, settings));
      return network;
    } catch (error) {
      await network.close();
      throw error;
    }
  }

  site(name: string): SiteProcess {
    const found = this.#sites.get(name);
    if (found === undefined) throw new Error(`no site ${name} was started`);
    return found;
  }

  /** The site that leaves and returns. */
  get victim(): SiteProcess {
    return this.site(this.#settings.topology.victim);
  }

  /** Starts a site, or one that has ended again: with its data, on its ports. */
  async start(name: string): Promise<void> {
    const { topology, wire } = this.#settings;
    const before = this.#sites.get(name);
    const isFar = name === topology.victim;
    const host = isFar ? wire?.farHost : wire?.nearHost;
    const site = await startSite(this.folder, {
      before: isFar ? (wire?.before ?? []) : [],
      site: [
        ...["--name", name, "--data", join(this.folder, name)],
        ...["--http-port", `${before?.port ?? 0}`, "--udp-port", `${before?.udpPort ?? 0}`],
        ...(name === LEADER ? [] : ["--join", this.site(LEADER).client.url]),
        // Also on 127.0.0.1, where the crowd of subscribers is.
        ...(host === undefined
          ? []
          : ["--host", "0.0.0.0", "--advertise", host, "--open", host, "--access", "open"]),
      ],
    });
    this.#sites.set(name, site);
  }

  /** Ends all sites. */
  async close(): Promise<void> {
    // One that was stopped by a signal ends by none but the last.
    for (const site of this.#sites.values()) site.signal("SIGCONT");
    const leader = this.#sites.get(LEADER);
    const others = [...this.#sites.values()].filter((site) => site !== leader);
    await Promise.all(others.map((site) => site.stop()));
    await leader?.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #untilKnown(count: number): Promise<void> {
    const end = performance.now() + KNOWN_MS_MAX;
    for (;;) {
      const views = await Promise.all(
        [...this.#sites.values()].map(({ client }) => client.session()),
      );
      if (views.every(({ sites }) => sites.length === count)) return;
      if (performance.now() > end) throw new Error(`not all of ${count} sites know each other`);
      await sleep(POLL_MS);
    }
  }
}
