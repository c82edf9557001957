import { MeanderError, type Random, SeededRandom, VirtualClock } from "../base/index.ts";
import type { Connection } from "../stack/index.ts";
import { memoryPair } from "../transport/index.ts";
import {
  type ChannelStall,
  type ControlMessage,
  encodeControl,
  encodePacket,
  KIND,
  MEDIUM,
  sequenceOf,
} from "../wire/index.ts";
import { ChannelClient } from "./channel-client.ts";
import type { ClientState } from "./client-types.ts";
import { Peer } from "./peer.ts";

type Path = Extract<ControlMessage, { type: "path" }>;

const CHANNEL = 5;
const STEP_MS = 5;
const PACKET_MS = 20;

/** What several sites have of one channel: packets, 50 a second, under numbers that all of them share. */
class Feed {
  sequence = 0;
  isSending = true;
}

/** A site that says and sends what a test tells it to. */
export class ScriptedSite {
  readonly name: string;
  isAlive = true;
  /** Whether it has the packets of the feed. */
  hasFeed = true;
  /** Refuses requests with this code. */
  refusal: string | undefined;
  /** Told to viewers when they connect. */
  others: readonly string[] = [];
  /** How many connections were opened to it. */
  dialled = 0;
  /** Its path without demand; undefined: it is told whether it is wanted or not. */
  idle: readonly string[] | undefined;
  readonly #clock: VirtualClock;
  readonly #random: Random;
  readonly #peers = new Map<Peer, boolean | undefined>();
  #path: Omit<Path, "type" | "originOffsetMs"> | undefined;
  #stalledAt = 0;

  constructor(name: string, clock: VirtualClock, random: Random) {
    this.name = name;
    this.#clock = clock;
    this.#random = random;
  }

  /** Viewers that it forwards to. */
  get forwarding(): number {
    return [...this.#peers].filter(([{ state }, forward]) => state === "open" && forward).length;
  }

  /** Viewers that are connected. */
  get connected(): number {
    return [...this.#peers.keys()].filter(({ state }) => state === "open").length;
  }

  accept(connection: Connection): void {
    this.dialled++;
    const identity = { role: "site", name: this.name, instance: 1, token: "" } as const;
    const peer: Peer = new Peer(
      connection,
      { ...identity, heartbeatMs: 100 },
      false,
      { clock: this.#clock, random: this.#random },
      {
        admit: () => undefined,
        onOpen: () => {
          const sites = this.others.map((name) => ({ name, url: name }));
          peer.sendControl({ type: "sites", sites });
        },
        onPacket() {},
        onControl: (message) => this.#control(peer, message),
        ...{ onSuspected() {}, onTrusted() {} },
        onClosed: () => this.#peers.delete(peer),
      },
    );
    this.#peers.set(peer, undefined);
  }

  /** The channel arrives over these sites, the last is this one. Empty: it does not, and no reason is known. */
  arrives(...sites: readonly string[]): void {
    this.#path = { sites };
    this.#tellAll();
  }

  /** The channel does not arrive. */
  stalls(reason: string, trying: readonly string[] = []): void {
    this.#stalledAt = this.#clock.now();
    this.#path = { sites: [], stalled: { forMs: 0, reason, trying } };
    this.#tellAll();
  }

  /** Says no path any more: as sites did that knew no `stalled`. */
  isMute(): void {
    this.#path = undefined;
  }

  say(message: ControlMessage): void {
    for (const [peer, forward] of this.#peers) if (forward) peer.sendControl(message, CHANNEL);
  }

  send(packet: Uint8Array): void {
    if (!this.hasFeed) return;
    for (const [peer, forward] of this.#peers) if (forward) peer.send(packet);
  }

  tick(second: boolean): void {
    for (const peer of [...this.#peers.keys()]) peer.tick();
    if (second) this.#tellAll();
  }

  die(): void {
    this.isAlive = false;
    for (const peer of [...this.#peers.keys()]) peer.close("died", "the site died");
  }

  #control(peer: Peer, message: ControlMessage): void {
    if (message.type !== "subscribe") return;
    const { channel, forward, request } = message;
    if (this.refusal !== undefined) {
      peer.sendControl({ type: "refused", request, code: this.refusal, message: "it is full" });
      return;
    }
    this.#peers.set(peer, forward);
    peer.sendControl({ type: "subscribed", request, channel, id: CHANNEL, forward });
    if (forward) peer.sendControl(DESCRIPTION, CHANNEL);
    this.#tell(peer);
  }

  #tellAll(): void {
    for (const [peer, forward] of this.#peers) if (forward !== undefined) this.#tell(peer);
  }

  #tell(peer: Peer): void {
    const path = this.#path;
    if (this.idle !== undefined && this.forwarding === 0) {
      const promise = { type: "path", sites: this.idle, originOffsetMs: 0, idle: true } as const;
      peer.sendControl(promise, CHANNEL);
      return;
    }
    if (path === undefined) return;
    const stalled: ChannelStall | undefined = path.stalled && {
      ...path.stalled,
      forMs: this.#clock.now() - this.#stalledAt,
    };
    peer.sendControl({ type: "path", originOffsetMs: 0, ...path, stalled }, CHANNEL);
  }
}

const DESCRIPTION: ControlMessage = {
  type: "description",
  description: {
    revision: 1,
    ingest: "a",
    tracks: [
      {
        ...{ medium: MEDIUM.video, kind: "video", source: 7, generation: 0 },
        ...{ codec: "vp8", payloadType: 96, clockRate: 90_000 },
      },
    ],
  },
};

/** Scripted sites and one viewer on one virtual clock. */
export class ScriptedWorld {
  readonly clock = new VirtualClock();
  readonly feed = new Feed();
  readonly states: (ClientState & { readonly at: number })[] = [];
  readonly received: number[] = [];
  readonly client: ChannelClient;
  readonly #sites: ReadonlyMap<string, ScriptedSite>;
  #sent = 0;

  /** @param names of the sites; the viewer knows the first, and is told of the others */
  constructor(names: readonly string[], seed = 1) {
    const random = new SeededRandom(seed);
    const { clock } = this;
    this.#sites = new Map(names.map((name) => [name, new ScriptedSite(name, clock, random)]));
    for (const site of this.#sites.values())
      site.others = names.filter((name) => name !== site.name);
    this.client = new ChannelClient(
      {
        ...{ channel: "clip", sites: names.slice(0, 1), name: "viewer", clock, random },
        dial: async (url) => this.#connect(url, random),
      },
      {
        ...{ onDescription() {}, onReport() {}, onGap() {}, onPath() {} },
        onPacket: (packet) => this.received.push(sequenceOf(packet)),
        onState: (state) => this.states.push({ ...state, at: clock.now() }),
      },
    );
  }

  site(name: string): ScriptedSite {
    return this.#sites.get(name) as ScriptedSite;
  }

  get state(): ClientState | undefined {
    return this.states.at(-1);
  }

  /** The state's type and site. */
  get where(): string {
    const { state } = this;
    return state !== undefined && "site" in state
      ? `${state.type} ${state.site}`
      : `${state?.type}`;
  }

  /** Types of the states that followed the first `from`. */
  statesFrom(from: number): string[] {
    return this.states.slice(from).map(({ type }) => type);
  }

  async run(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      this.clock.advance(STEP_MS);
      const now = this.clock.now();
      for (const site of this.#sites.values()) site.tick(now % 1_000 === 0);
      while (this.#sent + PACKET_MS <= now) {
        this.#sent += PACKET_MS;
        if (this.feed.isSending) this.#publish();
      }
      for (let turn = 0; turn < 8; turn++) await Promise.resolve();
    }
  }

  #publish(): void {
    const packet = encodePacket(
      {
        ...{ kind: KIND.rtp, flags: 0, channel: CHANNEL, source: 7, medium: MEDIUM.video },
        ...{ sourceGeneration: 0, sequence: this.feed.sequence++ & 0xffff },
      },
      new Uint8Array(32),
    );
    for (const site of this.#sites.values()) site.send(packet);
  }

  #connect(url: string, random: Random): Connection {
    const site = this.#sites.get(url);
    if (site?.isAlive !== true) throw new MeanderError("connect-refused", `${url} is not there`);
    const [left, right] = memoryPair({ clock: this.clock, random, latencyMs: 2, reliable: true });
    site.accept(right);
    return left;
  }
}

/** A message that ends the source of the feed. */
export const BYE: Uint8Array = encodePacket(
  {
    ...{ kind: KIND.control, flags: 0, channel: CHANNEL, source: 7, medium: MEDIUM.video },
    ...{ sourceGeneration: 0, sequence: 0 },
  },
  encodeControl({ type: "bye" }),
);
