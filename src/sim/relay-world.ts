import { MeanderError, SeededRandom, SILENT, VirtualClock } from "../base/index.ts";
import { ChannelClient, type ClientState } from "../channel/index.ts";
import { type PlaneEvent, plainLinks, Reflector } from "../reflector/index.ts";
import { defaultChannelConfig, type InputConfig } from "../session/index.ts";
import {
  acceptStack,
  Bottlenecks,
  type Connection,
  composeStack,
  formatStack,
  parseStack,
  type StackPorts,
} from "../stack/index.ts";
import type { SiteInstance } from "../stream/index.ts";
import { memoryPair, nodeCipher } from "../transport/index.ts";
import { sequenceOf } from "../wire/index.ts";
import { ProcessClock } from "./process-clock.ts";
import { Gate } from "./relay-gate.ts";
import { eachTurn } from "./turns.ts";
import { VirtualGroups } from "./virtual-groups.ts";

export interface RelayWorldOptions {
  readonly seed: number;
  /** Of links between sites: `memory`, with what modules over it. Default `memory`. */
  readonly stack?: string;
  /** True: links like TCP. False: like datagrams. */
  readonly reliable?: boolean;
  /** One way, ms. */
  readonly latencyMs?: number;
  /** 0..1, on links between sites. */
  readonly lossRatio?: number;
  readonly duplicateRatio?: number;
  readonly reorderRatio?: number;
}

const LINK_KEY = "the key of this world";

interface WorldSite {
  readonly name: string;
  readonly clock: ProcessClock;
  reflector: Reflector;
  /** Of its run. */
  instance: number;
  /** As the site knows it now. */
  linkKey: string;
  alive: boolean;
  /** Ends of connections that this site holds. */
  readonly ends: Set<Gate>;
  readonly channels: Map<
    string,
    { readonly input: InputConfig | undefined; readonly ingests: readonly string[] }
  >;
}

/** What a viewer of the world saw. */
export interface WorldViewer {
  readonly client: ChannelClient;
  /** Sequence numbers in order of arrival. */
  readonly received: number[];
  /** When each came, ms. */
  readonly times: number[];
  /** Numbers that it was told would never come. */
  readonly gone: readonly { readonly sequence: number; readonly count: number }[];
  readonly states: ClientState[];
}

/** Several sites and viewers on one virtual clock: the code that ships, over links in memory. */
export class RelayWorld {
  readonly clock = new VirtualClock();
  readonly events: (PlaneEvent & { readonly site: string })[] = [];
  readonly #options: RelayWorldOptions;
  readonly #random: SeededRandom;
  readonly #sites = new Map<string, WorldSite>();
  readonly #bottlenecks = new Bottlenecks();
  readonly #stack: string;
  /** Pairs of sites between which nothing passes, in one direction: `from to`. */
  readonly #cuts = new Set<string>();
  readonly #gates = new Set<Gate>();
  /** What is between sites by multicast groups; nothing is lost there by chance. */
  readonly groups: VirtualGroups;

  constructor(options: RelayWorldOptions) {
    this.#options = options;
    this.#stack = options.stack ?? "memory";
    this.#random = new SeededRandom(options.seed);
    this.groups = new VirtualGroups({ clock: this.clock, latencyMs: options.latencyMs ?? 1 });
  }

  site(name: string): Reflector {
    return this.#require(name).reflector;
  }

  addSite(name: string): Reflector {
    const clock = new ProcessClock(this.clock);
    const about = { name, clock, instance: this.#random.uint32(), linkKey: LINK_KEY };
    const site: WorldSite = {
      ...about,
      reflector: this.#makeReflector(about),
      alive: true,
      ends: new Set(),
      channels: new Map(),
    };
    this.#sites.set(name, site);
    this.#introduce();
    return site.reflector;
  }

  /** Opens a channel at a site, taken from `from`; none: ingested there, or not at all. */
  openChannel(
    site: string,
    channel: string,
    from: readonly string[] = [],
    { keep = true, ingests = [] }: { keep?: boolean | undefined; ingests?: readonly string[] } = {},
  ): void {
    const input = from.length === 0 ? undefined : { from, stack: this.#stack, keep };
    this.#require(site).channels.set(channel, { input, ingests });
    this.site(site).openChannel({
      name: channel,
      id: idOf(channel),
      config: { ...defaultChannelConfig(), input },
      ingests,
    });
  }

  /** As `kill -9`. */
  kill(name: string): void {
    const site = this.#require(name);
    site.alive = false;
    for (const end of site.ends) end.die();
    this.groups.forget(name);
    site.ends.clear();
    site.reflector.close();
  }

  /** Starts a killed site again, with its channels. */
  restart(name: string): void {
    const site = this.#require(name);
    site.instance = this.#random.uint32();
    site.reflector = this.#makeReflector(site);
    site.alive = true;
    this.#introduce();
    for (const [channel, { ingests, input }] of site.channels) {
      this.openChannel(name, channel, input?.from, { keep: input?.keep, ingests });
    }
  }

  /** A site learns that the session has another link key, because these sites were put out. */
  rekey(name: string, linkKey: string, expelled: readonly SiteInstance[] = []): void {
    const site = this.#require(name);
    site.linkKey = linkKey;
    site.reflector.rekey(linkKey, expelled);
  }

  /** As SIGSTOP. */
  freeze(name: string): void {
    this.#require(name).clock.frozen = true;
  }

  /** As SIGCONT. */
  thaw(name: string): void {
    this.#require(name).clock.thaw();
  }

  /** From now on nothing passes from one site to another. */
  cut(from: string, to: string): void {
    this.#cuts.add(`${from} ${to}`);
  }

  /** Everything passes again. */
  heal(): void {
    this.#cuts.clear();
    for (const gate of this.#gates) {
      if (gate.alive) gate.heal();
      else this.#gates.delete(gate);
    }
  }

  /** A connection to a site, for those who speak for themselves. */
  connect(site: string): Promise<Connection> {
    return this.#connect(undefined, site, { reliable: true });
  }

  /** A viewer that watches a channel at the first of `sites` it reaches. @param follow false: only there */
  addViewer(channel: string, sites: readonly string[], follow = true): WorldViewer {
    const received: number[] = [];
    const times: number[] = [];
    const states: ClientState[] = [];
    const gone: { sequence: number; count: number }[] = [];
    const client = new ChannelClient(
      {
        ...{ channel, sites, follow },
        dial: (url) => this.#connect(undefined, url, { reliable: true }),
        clock: this.clock,
        random: this.#random,
        name: "viewer",
      },
      {
        onPacket: (packet) => {
          received.push(sequenceOf(packet));
          times.push(this.clock.now());
        },
        onDescription() {},
        onReport() {},
        onGap: ({ sequence, count }) => gone.push({ sequence, count }),
        onPath() {},
        onState: (state) => states.push(state),
      },
    );
    client.start();
    return { client, received, times, gone, states };
  }

  /** Lets `ms` pass; promises settle after every step, of 2 ms unless given. */
  run(ms: number, stepMs = 2): Promise<void> {
    const end = this.clock.now() + ms;
    return eachTurn(() => {
      const left = end - this.clock.now();
      if (left > 0) this.clock.advance(Math.min(stepMs, left));
      return left > 0;
    });
  }

  close(): void {
    for (const { reflector } of this.#sites.values()) reflector.close();
  }

  #require(name: string): WorldSite {
    const site = this.#sites.get(name);
    if (site === undefined) throw new Error(`no site ${name} in this world`);
    return site;
  }

  /** The run of a site, as its neighbours know it. */
  instanceOf(name: string): number {
    return this.#require(name).instance;
  }

  #makeReflector({
    name,
    clock,
    instance,
    linkKey,
  }: Pick<WorldSite, "name" | "clock" | "instance" | "linkKey">): Reflector {
    const reflector = new Reflector({
      clock,
      random: this.#random,
      log: SILENT,
      security: plainLinks(nodeCipher),
      dial: async (neighbour, stack) => {
        const { modules, transport } = parseStack(stack);
        const bottom = formatStack({ modules: [], transport });
        const connection = await this.#connect(name, neighbour.name, this.#options, bottom);
        return composeStack(modules, connection, this.#portsOf(this.#require(name)));
      },
      groups: this.groups.at(name),
      onEvent: (event) => this.events.push({ ...event, site: name }),
    });
    reflector.configure({
      site: name,
      instance,
      linkKey,
      maxSubscribers: 1_000,
      maxBitsPerSecond: 1e12,
    });
    return reflector;
  }

  #portsOf(site: WorldSite): StackPorts {
    return {
      clock: site.clock,
      random: this.#random,
      log: SILENT,
      cipher: nodeCipher,
      secret: () => new TextEncoder().encode(site.linkKey),
      bottlenecks: this.#bottlenecks,
    };
  }

  #introduce(): void {
    const everyone = [...this.#sites.keys()].map((name) => ({
      name,
      http: { host: name, port: 1 },
      udp: { host: name, port: 1 },
    }));
    for (const { reflector, alive } of this.#sites.values()) {
      if (alive) reflector.setNeighbours(everyone);
    }
  }

  async #connect(
    from: string | undefined,
    to: string,
    link: Omit<RelayWorldOptions, "seed">,
    stack = "memory",
  ): Promise<Connection> {
    const target = this.#sites.get(to);
    const isCut = (one: string, other: string) => (): boolean =>
      from !== undefined && this.#cuts.has(`${one} ${other}`);
    const [there, back] = [isCut(from ?? "", to), isCut(to, from ?? "")];
    if (target === undefined || !target.alive || there() || back()) {
      throw new MeanderError("connect-refused", `${to} does not answer`);
    }
    const ends = memoryPair({
      latencyMs: 1,
      ...link,
      clock: this.clock,
      random: this.#random,
    });
    const left = new Gate(ends[0], stack, there);
    const right = new Gate(ends[1], stack.startsWith("multicast") ? "udp" : stack, back);
    if (from !== undefined) this.#gates.add(left).add(right);
    if (from !== undefined) {
      const owner = this.#require(from);
      owner.ends.add(left);
      left.clock = owner.clock;
    }
    target.ends.add(right);
    right.clock = target.clock;
    target.reflector.accept(acceptStack(right, this.#portsOf(target)));
    return left;
  }
}

function idOf(channel: string): number {
  let hash = 0;
  for (const character of channel) hash = (hash * 31 + character.charCodeAt(0)) >>> 0;
  return hash || 1;
}
