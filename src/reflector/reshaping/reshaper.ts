import type { Clock, Counters } from "../../base/index.ts";
import { LIMITS } from "../../base/index.ts";
import type { Peer } from "../../channel/index.ts";
import type { ChannelRelations } from "../../wire/index.ts";
import type { Channel } from "../channel/channel.ts";
import type { PlaneEvent } from "../events.ts";
import type { InputOrigin } from "../snapshot.ts";
import { relatedSites } from "./candidates.ts";
import { Failures } from "./failures.ts";
import { LearnedRelations } from "./learned-relations.ts";
import { standardPolicy } from "./policies/standard.ts";
import { RelationTeller } from "./relation-teller.ts";
import type { Candidate, ReshapingPolicy } from "./reshaping-policy.ts";

/** A channel that has just lost its source is not lost yet, ms: what is ready takes over by itself. */
const LOST_MS = 250;
/** How often others are tried while a channel is lost, ms. */
const ATTEMPT_MS = 1_000;
/** Channels whose surroundings seem unchanged are looked at in so many parts, one every 100 ms. */
const PARTS = 50;
/** A channel that is lost is looked at every so many times. */
const LOST_PARTS = 3;
/** A site that said that it is leaving, and is still there after this, has changed its mind, ms. */
const LEAVING_MS = 10_000;
/** A site that receives a channel through this one is asked again after this, ms. */
const THROUGH_US_MS = 30_000;
/** A neighbour that was lost so often recently is called unsteady. */
const UNSTEADY = 3;

/** Codes with which a link ends that nobody lost. */
const ORDERLY = ["done", "site-stopped", "site-leaving"];

/** Where a channel should come from. */
interface Route {
  readonly from: readonly string[];
  readonly ingests: readonly string[];
}

/** What a {@link Reshaper} works with. */
export interface ReshaperOptions {
  readonly clock: Clock;
  readonly channels: Iterable<Channel> & { get(name: string): Channel | undefined };
  readonly drops: Counters;
  /** Name of this site. */
  site(): string;
  /** Names of the other sites of the session. */
  sites(): ReadonlySet<string>;
  /** The neighbours that are connected. */
  neighbours(): Iterable<Peer>;
  /** Sets the sites besides its route that a channel is kept ready to be received from. */
  setLearned(channel: Channel, names: readonly string[]): void;
  onEvent(event: PlaneEvent): void;
}

/**
 * Keeps ways around every neighbour that may fail: learns how neighbours stand to others, tells them the same, and has
 * a policy choose from whom each channel may be received. [W36] [W47]
 */
export class Reshaper {
  readonly #options: ReshaperOptions;
  readonly #learned: LearnedRelations;
  readonly #failures = new Failures();
  readonly #teller: RelationTeller;
  readonly #routes = new Map<string, Route>();
  /** Names of channels whose surroundings have changed. */
  readonly #changed = new Set<string>();
  /** Sites that are leaving, and until when that is believed, ms. */
  readonly #leaving = new Map<string, number>();
  #policy: ReshapingPolicy = standardPolicy;
  #costs: Readonly<Record<string, number>> = {};
  #part = 0;
  /** By channel and site: until when the site counts as one that receives the channel through this one, ms. */
  readonly #throughUs = new Map<string, number>();

  constructor(options: ReshaperOptions) {
    this.#options = options;
    this.#learned = new LearnedRelations(options.clock);
    this.#teller = new RelationTeller(options.clock);
  }

  get policy(): ReshapingPolicy {
    return this.#policy;
  }

  /** Replaces the policy, while everything goes on. @param costs of receiving from a site; 1 where none is given */
  setPolicy(policy: ReshapingPolicy, costs: Readonly<Record<string, number>> = {}): void {
    this.#policy = policy;
    this.#costs = costs;
    for (const { name } of this.#options.channels) this.#changed.add(name);
  }

  /** Sets where a channel should come from, and where it is ingested as far as the directory knows. */
  setRoute(channel: string, from: readonly string[], ingests: readonly string[]): void {
    this.#routes.set(channel, { from, ingests });
    this.#changed.add(channel);
  }

  closed(channel: string): void {
    this.#routes.delete(channel);
    this.#learned.forget(channel);
    this.#changed.delete(channel);
  }

  /** Something about a channel's neighbours has changed. */
  note(channel: string): void {
    this.#changed.add(channel);
  }

  /** A neighbour is connected. */
  connected(peer: Peer): void {
    const name = peer.remote?.name ?? "";
    this.#learned.connected(name, true);
    this.#leaving.delete(name);
    this.#teller.forget(peer);
    this.#noteAll();
  }

  /** A neighbour is not connected any more. @param code of the reason */
  disconnected(peer: Peer, code: string): void {
    const name = peer.remote?.name ?? "";
    this.#teller.forget(peer);
    for (const other of this.#options.neighbours())
      if (other !== peer && other.remote?.name === name) return;
    this.#learned.connected(name, false);
    const isLeaving = (this.#leaving.get(name) ?? 0) > this.#options.clock.now();
    if (!isLeaving && !ORDERLY.includes(code)) this.#failed(name, peer.connection.stack);
    this.#noteAll();
  }

  /** A neighbour told how it stands to others; `isLeaving`: for the last time. */
  told(peer: Peer, relations: readonly ChannelRelations[], isLeaving: boolean): void {
    const { channels, drops } = this.#options;
    const from = peer.remote?.name ?? "";
    const self = this.#options.site();
    const sites = this.#options.sites();
    if (isLeaving) this.#leaving.set(from, this.#options.clock.now() + LEAVING_MS);
    for (const each of relations) {
      if (channels.get(each.channel) === undefined) {
        drops.add("relation-unknown");
        continue;
      }
      const isNews = this.#learned.told(from, each, (site) => site !== self && sites.has(site));
      if (isNews || isLeaving) this.#changed.add(each.channel);
    }
  }

  /** What this site tells a neighbour of the channels that they share. */
  relationsFor(peer: Peer): ChannelRelations[] {
    const name = peer.remote?.name ?? "";
    return [...this.#options.channels]
      .filter((channel) => isShared(channel, name))
      .map((channel) => this.#relationsOf(channel, name));
  }

  /** How each site that a channel may come from is known. */
  originsOf(channel: string): ReadonlyMap<string, InputOrigin> {
    const open = this.#options.channels.get(channel);
    if (open === undefined) return new Map();
    return new Map(
      this.#related(open, true).map(({ name, origin, relation }) => {
        const lost = this.#failures.count(name, this.#options.clock.now());
        return [name, { relation, ...origin, lost, heldBackMs: this.#policy.preferMs(lost) }];
      }),
    );
  }

  /** Every 100 ms. */
  tick(): void {
    const { clock, channels } = this.#options;
    const now = clock.now();
    this.#part = (this.#part + 1) % PARTS;
    let index = 0;
    for (const channel of channels) {
      const isDue = index++ % PARTS === this.#part;
      const isLost = channel.lostMs >= LOST_MS && this.#part % LOST_PARTS === 0;
      if (isDue || isLost || this.#changed.has(channel.name)) this.#follow(channel, now);
    }
    for (const peer of this.#options.neighbours())
      this.#teller.tell(peer, () => this.relationsFor(peer), this.#changed.size > 0);
    this.#changed.clear();
    if (this.#part !== 0) return;
    this.#learned.expire();
    this.#failures.expire(now);
    for (const [site, until] of this.#leaving) if (until <= now) this.#leaving.delete(site);
    for (const [key, until] of this.#throughUs) if (until <= now) this.#throughUs.delete(key);
  }

  #follow(channel: Channel, now: number): void {
    const { receiver } = channel;
    if (channel.ingested && !receiver.wanted) return;
    const lostMs = channel.lostMs < LOST_MS ? 0 : channel.lostMs;
    const facts = {
      ...{ self: this.#options.site(), channel: channel.name, isWanted: receiver.wanted, lostMs },
      attempt: Math.floor(lostMs / ATTEMPT_MS),
      candidates: this.#candidates(channel, lostMs > 0, now),
    };
    this.#options.setLearned(channel, this.#policy.choose(facts).learned);
    for (const { name } of receiver.alternatives)
      receiver.setPreferMs(name, this.#policy.preferMs(this.#failures.count(name, now)));
  }

  #candidates(channel: Channel, isLost: boolean, now: number): Candidate[] {
    const { receiver } = channel;
    const states = new Map(receiver.alternatives.map((each) => [each.name, each.state]));
    const ways = new Map(receiver.ways().map((each) => [each.name, each]));
    const rtts = new Map<string, number | undefined>();
    for (const { remote, rttMs } of this.#options.neighbours()) rtts.set(remote?.name ?? "", rttMs);
    return this.#related(channel, isLost).map((related) => {
      const { name } = related;
      const way = ways.get(name);
      return {
        ...related,
        state: states.get(name) ?? "unknown",
        path: way?.path,
        isThroughUs: this.#isThroughUs(channel.name, way, name, now),
        isLeaving: (this.#leaving.get(name) ?? 0) > now,
        failures: this.#failures.count(name, now),
        cost: this.#costs[name] ?? 1,
        rttMs: rtts.get(name),
      };
    });
  }

  /** A site that was seen to receive the channel through this one is not asked again for a while. */
  #isThroughUs(
    channel: string,
    way: { readonly path: unknown; readonly isThroughUs: boolean } | undefined,
    name: string,
    now: number,
  ): boolean {
    if (way === undefined && this.#throughUs.size === 0) return false;
    const key = `${channel} ${name}`;
    if (way?.isThroughUs === true) this.#throughUs.set(key, now + THROUGH_US_MS);
    else if (way?.path !== undefined) this.#throughUs.delete(key);
    return (this.#throughUs.get(key) ?? 0) > now;
  }

  #related(channel: Channel, isLost: boolean): ReturnType<typeof relatedSites> {
    const { from = [], ingests = [] } = this.#routes.get(channel.name) ?? {};
    // A channel without a route is not to be had from anywhere.
    if (from.length === 0 && ingests.length === 0) return [];
    return relatedSites({
      ...{ self: this.#options.site(), route: from, ingests },
      active: channel.receiver.active,
      clients: channel.neighbours(),
      learned: this.#learned.of(channel.name),
      session: isLost ? this.#options.sites() : [],
      now: this.#options.clock.now(),
    });
  }

  #relationsOf(channel: Channel, to: string): ChannelRelations {
    const { active, alternatives } = channel.receiver;
    const sources = new Set<string>();
    if (active !== undefined) sources.add(active);
    for (const { name } of alternatives) sources.add(name);
    const others = (names: Iterable<string>): string[] =>
      [...names].filter((name) => name !== to).slice(0, LIMITS.relationSitesMax);
    return {
      channel: channel.name,
      sources: channel.ingested ? [] : others(sources),
      clients: others(channel.neighbours()),
    };
  }

  #failed(name: string, stack: string): void {
    const count = this.#failures.add(name, this.#options.clock.now());
    if (count < UNSTEADY) return;
    const seconds = Math.round(this.#policy.preferMs(count) / 1000);
    const reason = `lost ${count} times within two minutes: used again after ${seconds} s without a failure`;
    this.#options.onEvent({ type: "peer-unsteady", name, stack, reason });
  }

  #noteAll(): void {
    for (const { name } of this.#options.channels) this.#changed.add(name);
  }
}

function isShared(channel: Channel, site: string): boolean {
  return (
    channel.receiver.alternatives.some(({ name }) => name === site) ||
    channel.neighbours().includes(site)
  );
}
