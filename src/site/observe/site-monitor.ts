import { type Cancel, type Clock, every, LIMITS, type Log, messageOf } from "../../base/index.ts";
import type { ChannelNow, SiteStats, StatsView } from "../../client/contract/index.ts";
import type { ChannelStats, PlaneStats } from "../plane-control.ts";
import { SITE, StatsHistory } from "./history.ts";
import { readHistory, writeHistory } from "./history-file.ts";
import { LoopDelay } from "./loop-delay.ts";
import { readHeap, readMemory } from "./resource-readings.ts";
import { ResourceWatch } from "./resource-watch.ts";
import { REASON_PREFIX, seriesKindOf } from "./series.ts";

/** What a monitor watches. */
export interface SiteMonitorOptions {
  readonly site: string;
  readonly instance: number;
  /** Wall clock, ms. */
  readonly startedAt: number;
  /** The plane's sums. */
  stats(): Promise<PlaneStats>;
  /** Streams that are at the site. */
  streams(): number;
  /** Why else the site is degraded; empty: it is not. */
  reasons(): readonly string[];
  /** Where statistics go when the site stops, and come from when it starts. */
  readonly file: string;
  readonly clock: Clock;
  readonly log: Log;
}

const PERIOD_MS = 1_000;
/** Samples between two readings of memory and descriptors. */
const RESOURCE_LOOKS = 10;

/** Samples the site once a second: its present rates, their history, and the resources that run out. */
export class SiteMonitor implements Disposable {
  readonly history = new StatsHistory();
  readonly #options: SiteMonitorOptions;
  readonly #loop: LoopDelay;
  readonly #watch: ResourceWatch;
  readonly #wallOffset: number;
  #before: { readonly stats: PlaneStats; readonly cpuSeconds: number } | undefined;
  #latest: SiteStats | undefined;
  /** Monotonic, ms: when the plane answered last. */
  #answeredAt: number;
  #isLooking = false;
  #looks = 0;
  #cancel: Cancel = () => {};

  constructor(options: SiteMonitorOptions) {
    const { clock, log } = options;
    this.#options = options;
    this.#loop = new LoopDelay(clock);
    this.#watch = new ResourceWatch(log);
    // Slots of the history must not go back when the machine's clock is set.
    this.#wallOffset = clock.wall() - clock.now();
    this.#answeredAt = clock.now();
  }

  /** Starts sampling, with the history of the last start if there is one. */
  async start(): Promise<void> {
    await this.#restore();
    this.#cancel = every(this.#options.clock, "monitor", PERIOD_MS, () => void this.look());
    await this.look();
  }

  /** Time since the plane last answered, ms: a site whose plane hangs is not healthy. */
  get silenceMs(): number {
    return this.#options.clock.now() - this.#answeredAt;
  }

  /** What the site would still send, as of the last sample. */
  get room(): PlaneStats["room"] {
    return this.#before?.stats.room;
  }

  /** Why the site is degraded; empty: it is not. */
  get reasons(): readonly string[] {
    return [...this.#options.reasons(), ...this.#watch.reasons];
  }

  /** The site's stats as of the last sample. */
  async latest(): Promise<SiteStats> {
    if (this.#latest === undefined) await this.look();
    const { status, reason } = this.#health();
    return { ...(this.#latest as SiteStats), status, reason };
  }

  /** The history of stats. @param channel undefined: the site itself */
  stats(query: {
    readonly sinceMs: number;
    readonly channel?: string | undefined;
    readonly names?: readonly string[] | undefined;
  }): StatsView {
    const { sinceMs, channel, names } = query;
    const { fromMs, stepMs, series } = this.history.read(channel ?? SITE, {
      nowMs: this.#wall,
      sinceMs,
      names,
    });
    return {
      site: this.#options.site,
      channel: channel ?? null,
      from: fromMs,
      stepMs,
      series: series.map(({ name, values }) => {
        const { title, unit } = seriesKindOf(name);
        return { name, title, unit, values };
      }),
      channels: this.history.channels,
    };
  }

  /** Takes a sample now, besides the regular ones. Never rejects. */
  async look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      this.#take(await this.#options.stats());
    } catch (error) {
      // A plane that has ended ends the site; until then there is nothing to report.
      this.#options.log.debug("The plane returned no stats.", { error: messageOf(error) });
    } finally {
      this.#isLooking = false;
    }
  }

  /** Stops, and saves the history for the next start. */
  async stop(): Promise<void> {
    this[Symbol.dispose]();
    const { file, log } = this.#options;
    try {
      await writeHistory(file, this.history.save());
    } catch (error) {
      log.warn("The statistics were not kept.", { file, error: messageOf(error) });
    }
  }

  /** Stops without saving anything. */
  [Symbol.dispose](): void {
    this.#cancel();
    this.#loop[Symbol.dispose]();
  }

  get #wall(): number {
    return this.#options.clock.now() + this.#wallOffset;
  }

  #health(): { readonly status: "ok" | "degraded"; readonly reason: string | null } {
    const { reasons } = this;
    return reasons.length === 0
      ? { status: "ok", reason: null }
      : { status: "degraded", reason: reasons.join("; ") };
  }

  async #restore(): Promise<void> {
    const { file, log } = this.#options;
    try {
      const saved = await readHistory(file);
      if (saved === undefined) return;
      this.history.restore(saved, this.#wall);
    } catch (error) {
      log.warn("The statistics of the last start cannot be read; new ones begin.", {
        file,
        error: messageOf(error),
      });
    }
  }

  #take(stats: PlaneStats): void {
    const { site, instance, startedAt, clock, streams } = this.#options;
    const { user, system } = process.cpuUsage();
    const cpuSeconds = (user + system) / 1e6;
    const before = this.#before;
    this.#before = { stats, cpuSeconds };
    this.#answeredAt = clock.now();
    const seconds = before === undefined ? 0 : (stats.at - before.stats.at) / 1000;
    const cpu = seconds > 0 ? Math.max(0, cpuSeconds - (before?.cpuSeconds ?? 0)) / seconds : 0;
    const known = new Map(before?.stats.channels.map((each) => [each.name, each]));
    const channels = stats.channels.map((each) => nowOf(each, known.get(each.name), seconds));
    const elsewhere = perSecond(totalOf(stats.drops), totalOf(before?.stats.drops), seconds);
    const memory = readMemory();
    const heap = readHeap();
    const { descriptors } = stats;
    const usage = descriptors && { used: descriptors.open, limit: descriptors.limit };
    // Near a limit every sample reads them, also to notice that it is over.
    if (this.#looks++ % RESOURCE_LOOKS === 0 || this.#watch.isNear) {
      this.#watch.look({ descriptors: usage, memory, heap });
    }
    this.#latest = {
      ...{ site, instance, at: this.#wall, cpu, memory, heap, ...this.#health() },
      uptimeSeconds: Math.max(0, (clock.wall() - startedAt) / 1000),
      descriptors: usage ?? null,
      loopMs: { main: this.#loop.p99Ms, plane: stats.loopMs },
      ...{ viewers: stats.viewers, links: stats.links, streams: streams() },
      subscribers: sum(channels, (each) => each.subscribers),
      bitsIn: sum(channels, (each) => each.bitsIn),
      bitsOut: sum(channels, (each) => each.bitsOut),
      packetsIn: sum(channels, (each) => each.packetsIn),
      packetsOut: sum(channels, (each) => each.packetsOut),
      drops: elsewhere + sum(channels, (each) => each.drops),
      channels,
      slowest: stats.slowest,
    };
    // A single sample has no rates.
    if (seconds > 0) this.#record(this.#latest, stats, before?.stats, seconds);
  }

  #record(
    now: SiteStats,
    stats: PlaneStats,
    before: PlaneStats | undefined,
    seconds: number,
  ): void {
    const at = this.#wall;
    this.history.record(at, SITE, {
      ...{ "bits-in": now.bitsIn, "bits-out": now.bitsOut },
      ...{ "packets-in": now.packetsIn, "packets-out": now.packetsOut, drops: now.drops },
      ...{ channels: now.channels.length, subscribers: now.subscribers, viewers: now.viewers },
      ...{ streams: now.streams, cpu: now.cpu, rss: now.memory.used },
      ...{ "loop-plane": now.loopMs.plane, "loop-main": now.loopMs.main },
      descriptors: now.descriptors?.used,
      ...reasonRates(stats.drops, before?.drops, seconds, this.history.namesOf(SITE)),
    });
    const known = new Map(before?.channels.map((each) => [each.name, each]));
    for (const [index, channel] of stats.channels.entries()) {
      const each = now.channels[index] as ChannelNow;
      const names = this.history.namesOf(channel.name);
      this.history.record(at, channel.name, {
        ...{ "bits-in": each.bitsIn, "bits-out": each.bitsOut },
        ...{ "packets-in": each.packetsIn, "packets-out": each.packetsOut },
        ...{ subscribers: each.subscribers, latency: each.latencyMs ?? undefined },
        ...{ jitter: each.jitterMs ?? undefined, lag: each.lagMs, drops: each.drops },
        ...reasonRates(channel.drops, known.get(channel.name)?.drops, seconds, names),
      });
    }
  }
}

function nowOf(now: ChannelStats, before: ChannelStats | undefined, seconds: number): ChannelNow {
  const rate = (pick: (each: ChannelStats) => number): number =>
    before === undefined ? 0 : perSecond(pick(now), pick(before), seconds);
  const { site, viewer, rtp } = now.subscribers;
  return {
    name: now.name,
    path: now.path,
    stalled: now.stalled ?? null,
    bitsIn: 8 * rate((each) => each.bytesIn),
    bitsOut: 8 * rate((each) => each.bytesOut),
    packetsIn: rate((each) => each.packetsIn),
    packetsOut: rate((each) => each.packetsOut),
    subscribers: site + viewer + rtp,
    latencyMs: now.latencyMs ?? null,
    jitterMs: now.jitterMs ?? null,
    lagMs: now.lagMs,
    drops: rate((each) => totalOf(each.drops)),
  };
}

/** A series for each reason that ever dropped something, within the bound; from then on also when it is 0. */
function reasonRates(
  now: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>> | undefined,
  seconds: number,
  known: readonly string[],
): Record<string, number> {
  const rates: Record<string, number> = {};
  let count = known.filter((name) => name.startsWith(REASON_PREFIX)).length;
  for (const [reason, value] of Object.entries(now)) {
    if (NO_LOSSES.has(reason)) continue;
    const name = `${REASON_PREFIX}${reason}`;
    const rate = perSecond(value, before?.[reason] ?? 0, seconds);
    const isNew = !known.includes(name);
    if (isNew && (rate === 0 || count >= LIMITS.statsReasonsMax)) continue;
    if (isNew) count++;
    rates[name] = rate;
  }
  return rates;
}

/** A counter that was reset has no rate. */
function perSecond(now: number, before: number, seconds: number): number {
  return seconds > 0 ? Math.max(0, now - before) / seconds : 0;
}

/** Counted beside the drops, though no subscriber lost a packet. */
const NO_LOSSES: ReadonlySet<string> = new Set([
  ...["duplicate", "repair-asked", "repaired", "repair-unavailable"],
  ...["resume-incomplete", "skips", "loop"],
]);

/** Packets that a subscriber lost, over all reasons. */
function totalOf(drops: Readonly<Record<string, number>> | undefined): number {
  let total = 0;
  for (const [reason, count] of Object.entries(drops ?? {})) {
    if (!NO_LOSSES.has(reason)) total += count;
  }
  return total;
}

function sum<T>(values: readonly T[], pick: (value: T) => number): number {
  return values.reduce((total, value) => total + pick(value), 0);
}
