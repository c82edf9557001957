import { type Clock, MeanderError, SeededRandom, SILENT, VirtualClock } from "../base/index.ts";
import { ChannelClient, type ClientState } from "../channel/index.ts";
import {
  type ChannelPublisher,
  type PlaneEvent,
  plainLinks,
  Reflector,
} from "../reflector/index.ts";
import { defaultChannelConfig, type InputConfig } from "../session/index.ts";
import {
  acceptStack,
  Bottlenecks,
  type Connection,
  type ConnectionEnd,
  composeStack,
  formatStack,
  parseStack,
  type StackPorts,
} from "../stack/index.ts";
import { memoryPair, nodeCipher } from "../transport/index.ts";
import { encodePacket, FLAG, KIND, MEDIUM, sequenceOf } from "../wire/index.ts";
import { ProcessClock } from "./process-clock.ts";
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
  alive: boolean;
  /** Ends of connections that this site holds. */
  readonly ends: Set<Gate>;
  readonly channels: Map<string, InputConfig | undefined>;
}

/** One end of a connection, held by a site or a viewer that may die at once. */
class Gate implements Connection {
  alive = true;
  /** The process that holds this end. */
  clock: ProcessClock | undefined;
  readonly stack: string;
  readonly #inner: Connection;

  constructor(inner: Connection, stack = inner.stack) {
    this.#inner = inner;
    this.stack = stack;
  }

  get peer(): string {
    return this.#inner.peer;
  }
  get reliable(): boolean {
    return this.#inner.reliable;
  }
  get coalesces(): boolean {
    return this.#inner.coalesces;
  }
  get maxBytes(): number {
    return this.#inner.maxBytes;
  }
  get malformed(): number {
    return this.#inner.malformed;
  }
  get closed(): Promise<ConnectionEnd> {
    return this.#inner.closed;
  }
  send(packets: Uint8Array): boolean {
    return this.alive && this.#inner.send(packets);
  }
  onPackets(handler: (bytes: Uint8Array) => void): void {
    this.#inner.onPackets((bytes) => {
      const take = (): void => {
        if (this.alive) handler(bytes);
      };
      if (this.clock === undefined) take();
      else this.clock.hold(take);
    });
  }
  backlog(): { readonly bytes: number; readonly oldestMs: number } {
    return this.#inner.backlog();
  }
  close(): void {
    this.#inner.close();
  }
  /** The process that held this end is gone: its kernel closes streams, and says nothing for datagrams. */
  die(): void {
    this.alive = false;
    if (this.reliable) this.#inner.close();
  }
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
    const site: WorldSite = {
      name,
      clock,
      reflector: this.#makeReflector(name, clock),
      alive: true,
      ends: new Set(),
      channels: new Map(),
    };
    this.#sites.set(name, site);
    this.#introduce();
    return site.reflector;
  }

  /** Opens a channel at a site, taken from `from`; none: ingested there, or not at all. */
  openChannel(site: string, channel: string, from: readonly string[] = [], keep = true): void {
    const input = from.length === 0 ? undefined : { from, stack: this.#stack, keep };
    this.#require(site).channels.set(channel, input);
    this.site(site).openChannel({
      name: channel,
      id: idOf(channel),
      config: { ...defaultChannelConfig(), input },
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
    site.reflector = this.#makeReflector(name, site.clock);
    site.alive = true;
    this.#introduce();
    for (const [channel, input] of site.channels) {
      this.openChannel(name, channel, input?.from, input?.keep);
    }
  }

  /** As SIGSTOP. */
  freeze(name: string): void {
    this.#require(name).clock.frozen = true;
  }

  /** As SIGCONT. */
  thaw(name: string): void {
    this.#require(name).clock.thaw();
  }

  /** A connection to a site, for those who speak for themselves. */
  connect(site: string): Promise<Connection> {
    return this.#connect(undefined, site, { reliable: true });
  }

  /** A viewer that watches a channel at the first of `sites` it reaches. */
  addViewer(channel: string, sites: readonly string[]): WorldViewer {
    const received: number[] = [];
    const times: number[] = [];
    const states: ClientState[] = [];
    const gone: { sequence: number; count: number }[] = [];
    const client = new ChannelClient(
      {
        channel,
        sites,
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

  /** Lets `ms` pass; promises settle after every step of 2 ms. */
  run(ms: number): Promise<void> {
    const end = this.clock.now() + ms;
    return eachTurn(() => {
      const left = end - this.clock.now();
      if (left > 0) this.clock.advance(Math.min(2, left));
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

  #makeReflector(name: string, clock: Clock): Reflector {
    const reflector = new Reflector({
      clock,
      random: this.#random,
      log: SILENT,
      security: plainLinks(nodeCipher),
      dial: async (neighbour, stack) => {
        const { modules, transport } = parseStack(stack);
        const bottom = formatStack({ modules: [], transport });
        const connection = await this.#connect(name, neighbour.name, this.#options, bottom);
        return composeStack(modules, connection, this.#portsOf(clock));
      },
      groups: this.groups.at(name),
      onEvent: (event) => this.events.push({ ...event, site: name }),
    });
    reflector.configure({
      site: name,
      instance: this.#random.uint32(),
      linkKey: LINK_KEY,
      maxSubscribers: 1_000,
      maxBitsPerSecond: 1e12,
    });
    return reflector;
  }

  #portsOf(clock: Clock): StackPorts {
    const secret = new TextEncoder().encode(LINK_KEY);
    return {
      clock,
      random: this.#random,
      log: SILENT,
      cipher: nodeCipher,
      secret: () => secret,
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
    if (target === undefined || !target.alive) {
      throw new MeanderError("connect-refused", `${to} does not answer`);
    }
    const ends = memoryPair({
      latencyMs: 1,
      ...link,
      clock: this.clock,
      random: this.#random,
    });
    const left = new Gate(ends[0], stack);
    const right = new Gate(ends[1], stack.startsWith("multicast") ? "udp" : stack);
    if (from !== undefined) {
      const owner = this.#require(from);
      owner.ends.add(left);
      left.clock = owner.clock;
    }
    target.ends.add(right);
    right.clock = target.clock;
    target.reflector.accept(acceptStack(right, this.#portsOf(target.clock)));
    return left;
  }
}

/** Publishes 30 frames per second of `packetsPerFrame` packets, a key frame every second. */
export class WorldPublisher {
  /** Numbers published so far. */
  count = 0;
  readonly #publisher: ChannelPublisher;
  readonly #world: RelayWorld;
  readonly #packetsPerFrame: number;
  #frame = 0;
  #sequence: number;
  #stopped = false;

  constructor(
    world: RelayWorld,
    site: string,
    channel: string,
    packetsPerFrame = 3,
    first = 65_400,
  ) {
    this.#world = world;
    this.#packetsPerFrame = packetsPerFrame;
    this.#sequence = first;
    this.#publisher = world.site(site).openPublisher(channel);
    this.#publisher.describe([
      {
        medium: MEDIUM.video,
        kind: "video",
        source: 7,
        generation: 0,
        codec: "h264",
        payloadType: 96,
        clockRate: 90_000,
      },
    ]);
    this.#tick();
  }

  stop(): void {
    this.#stopped = true;
  }

  #tick(): void {
    if (this.#stopped) return;
    this.#world.clock.after("world publisher", 1000 / 30, () => this.#tick());
    const key = this.#frame++ % 30 === 0 ? FLAG.keyframe : 0;
    for (let index = 0; index < this.#packetsPerFrame; index++) {
      const begin = index === 0 ? FLAG.begin : 0;
      const end = index === this.#packetsPerFrame - 1 ? FLAG.end : 0;
      this.#publisher.publish(
        encodePacket(
          {
            kind: KIND.rtp,
            flags: key | begin | end,
            channel: this.#publisher.channelId,
            source: 7,
            medium: MEDIUM.video,
            sourceGeneration: 0,
            sequence: this.#sequence,
          },
          new Uint8Array(800),
        ),
      );
      this.#sequence = (this.#sequence + 1) & 0xffff;
      this.count++;
    }
  }
}

function idOf(channel: string): number {
  let hash = 0;
  for (const character of channel) hash = (hash * 31 + character.charCodeAt(0)) >>> 0;
  return hash || 1;
}
