import { MeanderError } from "../../base/index.ts";
import type { PlaneEvent, Reflector } from "../../reflector/index.ts";
import { defaultChannelConfig, type InputConfig } from "../../session/index.ts";
import type { Connection } from "../../stack/index.ts";
import type { SiteInstance } from "../../stream/index.ts";
import { openViewer, type WorldViewer } from "../channels/world-viewer.ts";
import type { VirtualGroups } from "../world/virtual-groups.ts";
import { World } from "../world/world.ts";

export interface RelayWorldOptions {
  readonly seed: number;
  /** Of links between sites: `memory`, with what modules over it. Default `memory`. */
  readonly stack?: string;
  /** True: links like TCP. False: like datagrams. Default true. */
  readonly reliable?: boolean;
  /** One way, ms. Default 1. */
  readonly latencyMs?: number;
  /** 0..1, on links between sites. */
  readonly lossRatio?: number;
  readonly duplicateRatio?: number;
  readonly reorderRatio?: number;
}

/** A channel that a site was told to open. */
interface OpenChannel {
  readonly input: InputConfig | undefined;
  readonly ingests: readonly string[];
}

/** A {@link World} of sites without a session, whose planes are told what to forward: for many relays. */
export class RelayWorld {
  readonly world: World;
  readonly events: (PlaneEvent & { readonly site: string })[] = [];
  readonly #lossRatio: number;
  readonly #stack: string;
  readonly #channels = new Map<string, Map<string, OpenChannel>>();

  constructor(options: RelayWorldOptions) {
    const { seed, stack = "memory", latencyMs = 1, reliable } = options;
    const { lossRatio = 0, duplicateRatio = 0, reorderRatio = 0 } = options;
    this.#stack = stack;
    this.#lossRatio = lossRatio;
    this.world = new World({ seed, reliable, latencyMs, ties: false });
    this.world.network.duplicateRatio = duplicateRatio;
    this.world.network.reorderRatio = reorderRatio;
    this.world.onPlaneEvent(({ name }, event) => this.events.push({ ...event, site: name }));
  }

  get clock(): World["clock"] {
    return this.world.clock;
  }

  /** What is between sites by multicast groups. */
  get groups(): VirtualGroups {
    return this.world.planes.groups;
  }

  /** The plane of a site that is up. */
  site(name: string): Reflector {
    const { plane } = this.world.site(name);
    if (plane !== undefined) return plane.reflector;
    throw new MeanderError("site-unreachable", "the site is down", { where: `site ${name}` });
  }

  addSite(name: string): Reflector {
    this.addSites([name]);
    return this.site(name);
  }

  /** Starts sites, which then know each other and those before them. */
  addSites(names: readonly string[]): void {
    for (const name of names) {
      const site = this.world.addSite({ name, dropRatio: this.#lossRatio, hasSession: false });
      this.#channels.set(name, new Map());
      this.world.run(() => site.boot());
    }
    this.#introduce();
  }

  /** Opens a channel at a site, taken from `from`; none: ingested there, or not at all. */
  openChannel(
    site: string,
    channel: string,
    from: readonly string[] = [],
    { keep = true, ingests = [] }: { keep?: boolean | undefined; ingests?: readonly string[] } = {},
  ): void {
    const input = from.length === 0 ? undefined : { from, stack: this.#stack, keep };
    this.#channels.get(site)?.set(channel, { input, ingests });
    this.#open(site, channel, { input, ingests });
  }

  /** As `kill -9`. */
  kill(name: string): void {
    this.world.site(name).kill();
  }

  /** Starts a killed site again, with its channels. */
  restart(name: string): void {
    const site = this.world.site(name);
    this.world.run(() => site.boot());
    this.#introduce();
    for (const [channel, open] of this.#channels.get(name) ?? []) this.#open(name, channel, open);
  }

  /** A site learns that the session has another link key, because these sites were put out. */
  rekey(name: string, linkKey: string, expelled: readonly SiteInstance[] = []): void {
    this.world.site(name).plane?.rekey(linkKey, expelled);
  }

  /** The run of a site, as its neighbours know it. */
  runOf(name: string): SiteInstance {
    return this.world.site(name).siteInstance;
  }

  /** As SIGSTOP. */
  freeze(name: string): void {
    this.world.site(name).freeze();
  }

  /** As SIGCONT. */
  thaw(name: string): void {
    this.world.site(name).thaw();
  }

  /** From now on nothing passes from one site to another. */
  cut(from: string, to: string): void {
    this.world.network.cut(from, to);
  }

  /** Everything passes again. */
  heal(): void {
    this.world.network.healAll();
  }

  /** A connection to a site, for those who speak for themselves. @throws {MeanderError} `connect-refused` */
  connect(site: string): Promise<Connection> {
    return this.world.dial(site);
  }

  /** A viewer that watches a channel at the first of `sites` it reaches. @param follow false: only there */
  addViewer(channel: string, sites: readonly string[], follow = true): WorldViewer {
    return openViewer(this.world, channel, sites, follow);
  }

  /** Lets `ms` pass; promises settle after every step, of 2 ms unless given. @param onStep called before each step */
  run(ms: number, stepMs = 2, onStep?: () => void): Promise<void> {
    const look = (): boolean => {
      onStep?.();
      return false;
    };
    return this.world.advance(this.clock.now() + ms, look, stepMs);
  }

  close(): void {
    for (const site of this.world.sites) if (site.isUp) site.kill();
  }

  /** Tells every site how the others are reached. */
  #introduce(): void {
    const names = this.world.sites.map(({ name }) => name);
    for (const { plane } of this.world.sites) plane?.setNeighbours(names);
  }

  #open(site: string, channel: string, { input, ingests }: OpenChannel): void {
    this.site(site).openChannel({
      name: channel,
      id: idOf(channel),
      config: { ...defaultChannelConfig(), input },
      ingests,
    });
  }
}

function idOf(channel: string): number {
  let hash = 0;
  for (const character of channel) hash = (hash * 31 + character.charCodeAt(0)) >>> 0;
  return hash || 1;
}
