import { delay, SeededRandom } from "../../base/index.ts";
import type { SimSite, SimSiteOptions } from "../world/sim-site.ts";
import { World } from "../world/world.ts";
import { type ChannelCounts, REACHED_MS, StormChannels } from "./storm-channels.ts";
import { StormDeaths } from "./storm-deaths.ts";
import { type FaultCounts, StormFaults } from "./storm-faults.ts";
import { type LoadCounts, StormLoad } from "./storm-load.ts";
import { drawPlan, routesOf, type StormPlan } from "./storm-plan.ts";
import { type PolicyCounts, StormPolicies } from "./storm-policies.ts";
import { StormVerdict, type VerdictCounts } from "./storm-verdict.ts";
import { planWords } from "./storm-words.ts";

/** A storm: all else is drawn from its seed. */
export interface StormOptions {
  readonly seed: number;
  /** Length of the trouble, ms of virtual time; as drawn by default. */
  readonly durationMs?: number;
  /** Whether sites forward channels while their streams work. Default false. */
  readonly channels?: boolean;
  /** Keeps all that happens. Default false. */
  readonly trace?: boolean;
}

/** How a storm ended. */
export interface StormReport {
  readonly seed: number;
  readonly plan: StormPlan;
  /** What was drawn, in words. */
  readonly drawn: string;
  /** In words; empty: all promises were kept. */
  readonly failures: readonly string[];
  readonly counts: StormCounts;
  readonly virtualMs: number;
  readonly world: World;
}

/** How much happened in a storm. */
export interface StormCounts
  extends FaultCounts,
    LoadCounts,
    PolicyCounts,
    VerdictCounts,
    ChannelCounts {
  readonly events: number;
  /** Messages. */
  readonly consumed: number;
  /** Frames of earlier epochs, which kernels had to refuse. */
  readonly staleFrames: number;
  /** Runs of handlers that failed. */
  readonly failed: number;
  /** Executors that poisons ended. */
  readonly poisoned: number;
}

/** How long everything may take to come to rest once the trouble is over, ms. */
const REST_MS = 180_000;
/** How long the streams may take to be made, ms. */
const PREPARE_MS = 60_000;
const LOOK_MS = 500;
/** What is on its way arrives within this, ms. */
const DRAIN_MS = 1_000;

/** A storm over a session: sites crash, hang and are cut off, streams move, agents change, and every message is counted. */
export class Storm {
  readonly world: World;
  readonly plan: StormPlan;
  readonly #seed: number;
  readonly #load: StormLoad;
  readonly #faults: StormFaults;
  readonly #verdict: StormVerdict;
  readonly #deaths: StormDeaths;
  readonly #channels: StormChannels;
  readonly #policies: StormPolicies;
  #failed = 0;
  #isTrouble = false;

  constructor({ seed, durationMs, channels = false, trace = false }: StormOptions) {
    const drawn = drawPlan(seed, channels);
    this.#seed = seed;
    this.plan = durationMs === undefined ? drawn : { ...drawn, durationMs };
    this.#deaths = new StormDeaths(new SeededRandom(seed ^ 0xdead));
    this.world = makeWorld(seed, this.plan, trace, {
      isTrouble: () => this.#isTrouble,
      deaths: this.#deaths,
      poisoned: (site) => this.#faults.poisoned(site),
    });
    this.#load = new StormLoad(this.world, this.plan, new SeededRandom(seed ^ 0x10ad));
    this.#faults = new StormFaults(this.world, this.plan, new SeededRandom(seed ^ 0x57011));
    this.#channels = new StormChannels(this.world, this.plan);
    this.#policies = new StormPolicies(this.world, this.plan, new SeededRandom(seed ^ 0x901));
    this.#verdict = new StormVerdict(this.world, this.plan, this.#load, this.#deaths);
    this.world.onEvent((_site, { type, stream }) => {
      if (type === "failed") this.#failed++;
      if (type === "recovered") this.#verdict.recovered(stream);
    });
  }

  async run(): Promise<StormReport> {
    const { world, plan } = this;
    await world.start();
    let isReady = false;
    world.run(async () => {
      await this.#load.prepare();
      await this.#policies.prepare();
      isReady = true;
    });
    this.#channels.begin();
    const hasBegun = (): boolean => isReady && this.#channels.isWatched;
    await world.advance(world.clock.now() + PREPARE_MS, hasBegun);
    if (hasBegun()) {
      this.#isTrouble = true;
      this.#load.begin();
      this.#policies.begin();
      this.#faults.begin();
      await world.advance(world.clock.now() + plan.durationMs);
      this.#isTrouble = false;
      this.#load.end();
      this.#policies.end();
      this.#faults.end();
      world.run(() => this.#reopen());
      let lookAt = 0;
      await world.advance(world.clock.now() + REST_MS, () => {
        if (world.clock.now() < lookAt) return false;
        lookAt = world.clock.now() + LOOK_MS;
        return this.#verdict.isQuiet && this.#channels.isWell && this.#policies.isQuiet;
      });
      if (plan.channels.length > 0) await this.#endChannels();
    }
    this.#verdict.judge();
    this.#channels.judge();
    this.#policies.judge();
    const failures = [
      ...[...this.#verdict.failures, ...this.#channels.failures],
      ...this.#policies.failures,
    ];
    if (!isReady) failures.unshift("the streams could not be made");
    if (!this.#channels.isWatched) failures.unshift("the channels did not begin");
    return {
      ...{ seed: this.#seed, plan, drawn: planWords(plan), failures },
      ...{ counts: this.#counts(), virtualMs: world.clock.now(), world },
    };
  }

  async #endChannels(): Promise<void> {
    const { clock } = this.world;
    if (!this.#channels.isWell) this.#channels.failures.add("not all sites are back");
    await this.world.advance(clock.now() + REACHED_MS);
    const reachedAt = clock.now();
    await this.world.advance(reachedAt + DRAIN_MS);
    this.#channels.expectReached(reachedAt);
    this.#channels.end();
    await this.world.advance(clock.now() + DRAIN_MS);
  }

  /** Again and again, until the leader is back. */
  async #reopen(): Promise<void> {
    for (;;) {
      try {
        await this.#load.unguard();
        return;
      } catch {
        await delay(this.world.clock, "reopen", LOOK_MS);
      }
    }
  }

  #counts(): StormCounts {
    const { events, invariants } = this.world;
    return {
      staleFrames: invariants.staleFrames,
      ...{ events, consumed: invariants.consumed, failed: this.#failed },
      poisoned: this.#deaths.count,
      ...this.#load.counts,
      ...this.#policies.counts,
      ...this.#faults.counts,
      ...this.#verdict.counts,
      ...this.#channels.counts,
    };
  }
}

function makeWorld(
  seed: number,
  plan: StormPlan,
  trace: boolean,
  storm: {
    readonly isTrouble: () => boolean;
    readonly deaths: StormDeaths;
    readonly poisoned: (site: SimSite) => void;
  },
): World {
  const { deaths } = storm;
  const { mayBlame, endsAt } = deaths;
  const onEnded: SimSiteOptions["onEnded"] = (site, call, program, isSite) => {
    deaths.note(call, program, isSite);
    if (isSite) storm.poisoned(site);
  };
  const world = new World({ seed, trace });
  const starts = new SeededRandom(seed ^ 0x57a27);
  const failsToStart = (): boolean => storm.isTrouble() && starts.float() < plan.startFailures;
  for (const { name, latencyMs, slowness, offsetMs, driftPpm, processHopMs } of plan.sites) {
    const process =
      processHopMs === undefined ? undefined : { hopMs: processHopMs, failsToStart, mayBlame };
    const site = world.addSite({
      ...{ name, dropRatio: plan.loss, slowness, process, endsAt, onEnded },
      routes: plan.channels.length > 0 ? () => routesOf(plan, name) : undefined,
    });
    site.setClock({ offsetMs, driftPpm });
    world.network.setLatency(site.machine, latencyMs);
  }
  world.network.duplicateRatio = plan.duplicates;
  world.network.reorderRatio = plan.reorder;
  for (const step of ["append", "timer", "arrival", "departure"] as const)
    world.setTime(step, plan.handlerMs);
  world.setTime("load", plan.loadMs);
  world.setTime("store", plan.storeMs);
  for (const step of ["send", "receive"] as const) world.setTime(step, plan.frameMs);
  return world;
}
