import { LIMITS, type Random, SeededRandom } from "../../base/index.ts";
import { type RouteConfig, routeConfigSchema } from "../../session/index.ts";
import type { Durability } from "../../stream/index.ts";

/** A site of a storm. */
export interface PlannedSite {
  readonly name: string;
  /** Of what leaves its machine, ms. */
  readonly latencyMs: number;
  /** Factor on the time of all its steps. */
  readonly slowness: number;
  /** How wrong its clock is. */
  readonly offsetMs: number;
  readonly driftPpm: number;
  /** Time to the process of its agents, ms; undefined: it has only the inline executor. */
  readonly processHopMs: number | undefined;
}

/** A stream of a storm. */
export interface PlannedStream {
  readonly name: string;
  readonly at: string;
  readonly durability: Durability;
  readonly failureManagers: readonly string[];
  readonly isolation: "inline" | "process" | "thread";
  /** Deadline of its agent's handlers, ms. */
  readonly handlerMs: number;
  /** Has a second agent from the beginning: then its messages are handed over one by one. */
  readonly isJoint: boolean;
}

/** A channel of a storm. */
export interface PlannedChannel {
  readonly name: string;
  /** Where it is published. */
  readonly ingest: string;
  /** `tcp` or `udp`. */
  readonly stack: string;
  /** The one source of each other site, by name. */
  readonly sources: ReadonlyMap<string, string>;
}

/** Trouble of one kind: on average every so many ms, and at most so long, ms. */
export interface Trouble {
  readonly everyMs: number;
  readonly msMax: number;
}

/** One site is out of touch for longer than a lease lasts. */
export interface Outage {
  readonly site: string;
  /** `pause`: it stands still. Else nothing passes between it and the leader, or all others. */
  readonly kind: "pause" | "cut-from-leader" | "cut-from-all";
  /** From the beginning of the trouble, ms. */
  readonly atMs: number;
  readonly lastsMs: number;
}

/** All that a storm draws before it begins. What is undefined, or 0, does not happen in this storm. */
export interface StormPlan {
  readonly durationMs: number;
  readonly sites: readonly PlannedSite[];
  readonly streams: readonly PlannedStream[];
  /** None, unless they were asked for. */
  readonly channels: readonly PlannedChannel[];
  /** Shares of the frames, 0..1. */
  readonly loss: number;
  readonly duplicates: number;
  readonly reorder: number;
  /** Sites are killed, and started again. */
  readonly crashes: Trouble | undefined;
  /** As SIGSTOP and SIGCONT. */
  readonly pauses: Trouble | undefined;
  /** Sites shut down in order, and are started again. */
  readonly leaves: Trouble | undefined;
  /** Nothing passes from one site to another, but the other way. */
  readonly halfOpens: Trouble | undefined;
  /** The clock of a site is set wrong by seconds to hours, forwards or backwards. */
  readonly jumps: Trouble | undefined;
  /** Share of the troubles with which another one comes at once, 0..1. */
  readonly doubled: number;
  /** Nothing passes between two sites. */
  readonly cuts: Trouble | undefined;
  /** What is between two sites waits. */
  readonly holds: Trouble | undefined;
  readonly outage: Outage | undefined;
  /** The process of a site's agents ends. */
  readonly processEnds: Trouble | undefined;
  /** Shells send messages that end what runs them. */
  readonly poisons: Trouble | undefined;
  /** Share of the starts of an agent that fail, in a process, 0..1. */
  readonly startFailures: number;
  readonly moves: Trouble;
  /** Share of the moves after which the stream goes back at once, 0..1. */
  readonly returns: number;
  /** Agents are attached, replaced and detached. */
  readonly changes: Trouble | undefined;
  /** Policies are replaced, while others ask for what they deny. */
  readonly policies: Trouble | undefined;
  /** Virtual time of steps, ms. */
  readonly handlerMs: number;
  readonly loadMs: number;
  readonly storeMs: number;
  readonly frameMs: number;
  /** Between two appends of shells, ms. */
  readonly writeMs: number;
  /** Share of them that wait for their answer, 0..1. */
  readonly waiting: number;
  /** Share of the handlers of messages, and of events, that throw, 0..1. */
  readonly throws: number;
  readonly eventThrows: number;
}

/** A generator for each option: what one draws changes nothing of what another does. */
function dice(seed: number, option: string): Random {
  let hash = 0x811c9dc5 ^ Math.imul(seed, 0x9e3779b1);
  for (const letter of option) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193);
  return new SeededRandom(hash >>> 0);
}

function pick<T>(random: Random, list: readonly T[]): T {
  return list[random.below(list.length)] as T;
}

/** Draws a storm. @param hasChannels whether sites forward channels while their streams work */
export function drawPlan(seed: number, hasChannels = false): StormPlan {
  const draw = (option: string): Random => dice(seed, option);
  /** `value` with this chance, else 0. */
  const share = (option: string, chance: number, most: number): number => {
    const random = draw(option);
    return random.float() < chance ? random.float() * most : 0;
  };
  const trouble = (
    option: string,
    chance: number,
    [often, seldom]: readonly [number, number],
    lasts: readonly number[],
  ): Trouble | undefined => {
    const random = draw(option);
    if (random.float() >= chance) return undefined;
    const everyMs = often + random.float() * (seldom - often);
    return { everyMs, msMax: pick(random, lasts) };
  };
  const sites = drawSites(seed);
  const outage = drawOutage(draw("outage"), sites);
  // What takes so long is less dense.
  const pace = outage === undefined ? 1 : 6;
  const durationMs = outage === undefined ? 4_000 : outage.atMs + outage.lastsMs + 3_000;
  const breaks = [500, 2_000, 4_000];
  const moves = draw("moves");
  const loss = share("loss", 0.6, 0.25);
  return {
    durationMs,
    sites,
    streams: drawStreams(seed, sites),
    channels: hasChannels ? drawChannels(seed, sites, loss) : [],
    loss,
    duplicates: share("duplicates", 0.5, 0.25),
    reorder: share("reorder", 0.5, 0.35),
    crashes: trouble("crashes", 0.65, [700 * pace, 3_000 * pace], [600, 3_000]),
    pauses: trouble("pauses", 0.5, [1_000 * pace, 4_000 * pace], breaks),
    leaves: trouble("leaves", 0.35, [1_500 * pace, 5_000 * pace], [500, 2_000]),
    halfOpens: trouble("half-open links", 0.4, [700 * pace, 3_000 * pace], breaks),
    jumps: trouble("clock jumps", 0.35, [500 * pace, 3_000 * pace], [0]),
    doubled: share("two at once", 0.4, 0.6),
    cuts: trouble("cuts", 0.65, [700 * pace, 3_000 * pace], breaks),
    holds: trouble("holds", 0.6, [200 * pace, 1_500 * pace], [100, 300, 1_200]),
    outage,
    processEnds: trouble("process ends", 0.4, [500 * pace, 2_500 * pace], [0]),
    poisons: trouble("poisons", 0.35, [800 * pace, 4_000 * pace], [0]),
    startFailures: share("start failures", 0.3, 0.2),
    moves: { everyMs: (80 + moves.float() * 300) * pace, msMax: pick(moves, [400, 1_500, 3_500]) },
    returns: share("returns", 0.7, 0.8),
    changes: trouble("changes", 0.6, [300 * pace, 1_500 * pace], [0]),
    policies: trouble("policies", 0.5, [150 * pace, 800 * pace], [0]),
    handlerMs: share("handler time", 0.4, 12),
    loadMs: share("load time", 0.4, 40),
    storeMs: share("store time", 0.4, 8),
    frameMs: share("frame time", 0.3, 0.3),
    writeMs: (20 + draw("writes").float() * 50) * pace,
    waiting: 0.1 + draw("waiting").float() * 0.3,
    throws: share("throws", 0.6, 0.05),
    eventThrows: share("event throws", 0.6, 0.25),
  };
}

function drawOutage(random: Random, sites: readonly PlannedSite[]): Outage | undefined {
  if (random.float() >= 0.15) return undefined;
  // Seldom the leader, with which all leases stand and fall.
  const index = random.float() < 0.15 ? 0 : 1 + random.below(sites.length - 1);
  return {
    site: (sites[index] as PlannedSite).name,
    kind: pick(random, ["pause", "cut-from-leader", "cut-from-all"] as const),
    atMs: random.float() * 3_000,
    lastsMs: LIMITS.leaseMs * (1.05 + random.float() * 0.5),
  };
}

function drawSites(seed: number): PlannedSite[] {
  const count = 3 + dice(seed, "sites").below(3);
  const latency = dice(seed, "latency");
  const slowness = dice(seed, "slowness");
  const clocks = dice(seed, "clocks");
  const processes = dice(seed, "processes");
  const isOff = clocks.float() < 0.5;
  const hasProcesses = processes.float() < 0.6;
  const ppm = LIMITS.clockDriftPpmMax;
  return Array.from({ length: count }, (_, index) => ({
    name: `s${index}`,
    latencyMs: 0.2 + latency.float() * 5,
    slowness: slowness.float() < 0.7 ? 1 : 0.5 + slowness.float() * 4,
    offsetMs: isOff ? Math.round((clocks.float() - 0.5) * 7_200_000) : 0,
    // The extremes are what a lease has to bear.
    driftPpm: isOff ? pick(clocks, [-ppm, Math.round((clocks.float() - 0.5) * ppm), ppm]) : 0,
    processHopMs: hasProcesses && processes.float() < 0.7 ? processes.float() * 3 : undefined,
  }));
}

function drawStreams(seed: number, sites: readonly PlannedSite[]): PlannedStream[] {
  const count = 3 + dice(seed, "streams").below(4);
  const durability = dice(seed, "durability");
  const managers = dice(seed, "failure managers");
  const agents = dice(seed, "agents");
  const names = sites.map(({ name }) => name);
  return Array.from({ length: count }, (_, index) => ({
    name: `stream-${index}`,
    at: names[index % names.length] as string,
    durability: pick<Durability>(durability, [
      { type: "message" },
      { type: "message" },
      { type: "checkpoint", every: 1 + durability.below(7) },
      { type: "none" },
    ]),
    failureManagers: managers.below(3) === 0 ? [pick(managers, names)] : [],
    isolation: pick(agents, ["inline", "process", "thread"] as const),
    handlerMs: pick(agents, [400, 2_000, 5_000]),
    isJoint: agents.below(4) === 0,
  }));
}

/** Datagrams that are lost more often than this are not repaired in time. */
const LOSS_OF_DATAGRAMS_MAX = 0.03;

function drawChannels(seed: number, sites: readonly PlannedSite[], loss: number): PlannedChannel[] {
  const random = dice(seed, "channels");
  const names = sites.map(({ name }) => name);
  return Array.from({ length: 1 + random.below(2) }, (_, index) => {
    const ingest = pick(random, names);
    const way = [ingest];
    const sources = new Map<string, string>();
    for (const name of names) {
      if (name === ingest) continue;
      sources.set(name, pick(random, way));
      way.push(name);
    }
    const mayBeUdp = loss <= LOSS_OF_DATAGRAMS_MAX;
    const stack = random.float() < 0.5 && mayBeUdp ? "udp" : "tcp";
    return { name: `clip-${index}`, ingest, stack, sources };
  });
}

/** The routes of a site of a storm, as in its configuration. */
export function routesOf({ channels }: StormPlan, site: string): RouteConfig {
  const inputs = channels.flatMap(({ name, stack, sources }) => {
    const from = sources.get(site);
    return from === undefined ? [] : [[name, { input: { from: [from], stack, keep: true } }]];
  });
  return routeConfigSchema.parse({ channels: Object.fromEntries(inputs) });
}
