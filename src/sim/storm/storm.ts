import { delay, SeededRandom } from "../../base/index.ts";
import type { SimSite, SimSiteOptions } from "../streams/sim-site.ts";
import { StreamWorld } from "../streams/stream-world.ts";
import { StormDeaths } from "./storm-deaths.ts";
import { type FaultCounts, StormFaults } from "./storm-faults.ts";
import { type LoadCounts, StormLoad } from "./storm-load.ts";
import { drawPlan, type StormPlan } from "./storm-plan.ts";
import { StormVerdict, type VerdictCounts } from "./storm-verdict.ts";
import { planWords } from "./storm-words.ts";

/** A storm: all else is drawn from its seed. */
export interface StormOptions {
  readonly seed: number;
  /** Length of the trouble, ms of virtual time; as drawn by default. */
  readonly durationMs?: number;
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
  readonly world: StreamWorld;
}

/** How much happened in a storm. */
export interface StormCounts extends FaultCounts, LoadCounts, VerdictCounts {
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

/** A storm over a session: sites crash, hang and are cut off, streams move, agents change, and every message is counted. */
export class Storm {
  readonly world: StreamWorld;
  readonly plan: StormPlan;
  readonly #seed: number;
  readonly #load: StormLoad;
  readonly #faults: StormFaults;
  readonly #verdict: StormVerdict;
  readonly #deaths: StormDeaths;
  #failed = 0;
  #isTrouble = false;

  constructor({ seed, durationMs, trace = false }: StormOptions) {
    const drawn = drawPlan(seed);
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
      isReady = true;
    });
    await world.advance(world.clock.now() + PREPARE_MS, () => isReady);
    if (isReady) {
      this.#isTrouble = true;
      this.#load.begin();
      this.#faults.begin();
      await world.advance(world.clock.now() + plan.durationMs);
      this.#isTrouble = false;
      this.#load.end();
      this.#faults.end();
      world.run(() => this.#reopen());
      let lookAt = 0;
      await world.advance(world.clock.now() + REST_MS, () => {
        if (world.clock.now() < lookAt) return false;
        lookAt = world.clock.now() + LOOK_MS;
        return this.#verdict.isQuiet;
      });
    }
    this.#verdict.judge();
    const failures = [...this.#verdict.failures];
    if (!isReady) failures.unshift("the streams could not be made");
    return {
      ...{ seed: this.#seed, plan, drawn: planWords(plan), failures },
      ...{ counts: this.#counts(), virtualMs: world.clock.now(), world },
    };
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
      ...this.#faults.counts,
      ...this.#verdict.counts,
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
): StreamWorld {
  const { deaths } = storm;
  const { mayBlame, endsAt } = deaths;
  const onEnded: SimSiteOptions["onEnded"] = (site, call, program, isSite) => {
    deaths.note(call, program, isSite);
    if (isSite) storm.poisoned(site);
  };
  const world = new StreamWorld({ seed, trace });
  const starts = new SeededRandom(seed ^ 0x57a27);
  const failsToStart = (): boolean => storm.isTrouble() && starts.float() < plan.startFailures;
  for (const { name, latencyMs, slowness, offsetMs, driftPpm, processHopMs } of plan.sites) {
    const process =
      processHopMs === undefined ? undefined : { hopMs: processHopMs, failsToStart, mayBlame };
    const site = world.addSite({
      ...{ name, dropRatio: plan.loss, slowness, process, endsAt, onEnded },
    });
    site.skew = { offsetMs, driftPpm };
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
