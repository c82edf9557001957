import {
  type ChannelConfig,
  checkChannelName,
  type RouteConfig,
  routeConfigSchema,
} from "../session/index.ts";
import { SessionPublisher } from "./channels/session-publisher.ts";
import { accountOf, longestGap } from "./channels/viewer-account.ts";
import { openViewer } from "./channels/world-viewer.ts";
import type { SimulatedPublisher, SimulatedViewer } from "./simulation.ts";
import type { SimSite } from "./world/sim-site.ts";
import type { World } from "./world/world.ts";

/** The channels of a simulation: which sites forward them, and who publishes and watches them. */
export class SimChannels {
  readonly #world: World;
  /** By site. */
  readonly #channels = new Map<string, Record<string, Partial<ChannelConfig>>>();

  constructor(world: World) {
    this.#world = world;
  }

  /** The routes of a site, as in its configuration. */
  routesOf(site: string): RouteConfig {
    return routeConfigSchema.parse({ channels: this.#channels.get(site) ?? {} });
  }

  /** From now on a site forwards a channel. @param from sites that it receives it from, best first */
  open(site: SimSite, channel: string, from: readonly SimSite[], stack: string): void {
    checkChannelName(channel);
    const names = from.map(({ name }) => name);
    const config = names.length === 0 ? {} : { input: { from: names, stack, keep: true } };
    const channels = { ...this.#channels.get(site.name), [channel]: config };
    routeConfigSchema.parse({ channels });
    this.#channels.set(site.name, channels);
    // Others begin with it.
    if (site.hasJoined) this.#world.run(() => site.session.setRoutes(this.routesOf(site.name)));
  }

  publish(site: SimSite, channel: string, packetsPerFrame: number): SimulatedPublisher {
    checkChannelName(channel);
    return new SessionPublisher(this.#world, site, channel, packetsPerFrame);
  }

  watch(channel: string, sites: readonly SimSite[]): SimulatedViewer {
    checkChannelName(channel);
    const names = sites.map(({ name }) => name);
    const viewer = openViewer(this.#world, channel, names);
    return {
      get received() {
        return viewer.received.length;
      },
      get missing() {
        return accountOf(viewer).missing;
      },
      get repeated() {
        return accountOf(viewer).repeated;
      },
      get path() {
        return viewer.client.stats.path;
      },
      longestGap: (fromSeconds = 0) => longestGap(viewer, fromSeconds * 1_000) / 1_000,
    };
  }
}
