import type { Random } from "../../base/index.ts";
import type { SimSite } from "../streams/sim-site.ts";
import type { StreamWorld } from "../streams/stream-world.ts";
import type { Outage, StormPlan, Trouble } from "./storm-plan.ts";

/** How often each kind of trouble came. */
export interface FaultCounts {
  crashes: number;
  pauses: number;
  cuts: number;
  holds: number;
  /** Of a site, for longer than its lease. */
  outages: number;
  /** Agents whose process ended. */
  processEnds: number;
}

/** What befalls the sites and the network of a storm. */
export class StormFaults {
  readonly counts: FaultCounts = {
    crashes: 0,
    pauses: 0,
    cuts: 0,
    holds: 0,
    outages: 0,
    processEnds: 0,
  };
  readonly #world: StreamWorld;
  readonly #plan: StormPlan;
  readonly #random: Random;
  #isOver = false;

  constructor(world: StreamWorld, plan: StormPlan, random: Random) {
    this.#world = world;
    this.#plan = plan;
    this.#random = random;
  }

  /** Sets off all the trouble that the plan has. */
  begin(): void {
    const { crashes, pauses, cuts, holds, processEnds } = this.#plan;
    this.#each("crash", crashes, (ms) => this.#crash(ms));
    this.#each("pause", pauses, (ms) => this.#pause(ms));
    this.#each("cut", cuts, (ms) => this.#cut(ms));
    this.#each("hold", holds, (ms) => this.#hold(ms));
    this.#each("process ends", processEnds, () => this.#endProcess());
    const { outage } = this.#plan;
    if (outage !== undefined)
      this.#world.clock.after("outage", outage.atMs, () => this.#outage(outage));
  }

  /** A site was ended by what it ran: it is started again, as after a crash. */
  poisoned(site: SimSite): void {
    this.#world.note(site.name, "poisoned", {});
    this.#world.clock.after("restart", 100 + this.#random.float() * 400, () => this.#heal(site));
  }

  /** Ends all trouble; what it led to is not over yet. */
  end(): void {
    this.#isOver = true;
    const { sites, network } = this.#world;
    for (const site of sites) this.#heal(site);
    network.duplicateRatio = 0;
    network.reorderRatio = 0;
    for (const a of sites) {
      a.dropRatio = 0;
      for (const b of sites) {
        network.repair(a.machine, b.machine);
        network.release(a.machine, b.machine);
      }
    }
  }

  #each(name: string, trouble: Trouble | undefined, task: (ms: number) => void): void {
    if (trouble === undefined) return;
    const { everyMs, msMax } = trouble;
    const random = this.#random;
    let at = random.float() * everyMs;
    for (; at < this.#plan.durationMs; at += (0.2 + 1.6 * random.float()) * everyMs)
      this.#world.clock.after(name, at, () => {
        // Now and then as long as it gets.
        if (!this.#isOver) task(random.below(4) === 0 ? msMax : random.float() * msMax);
      });
  }

  #site(): SimSite {
    const { sites } = this.#world;
    return sites[this.#random.below(sites.length)] as SimSite;
  }

  #crash(ms: number): void {
    const site = this.#site();
    if (!site.isUp) return;
    this.counts.crashes++;
    this.#world.note(site.name, "crashed", {});
    site.kill();
    this.#world.clock.after("restart", 100 + ms, () => this.#heal(site));
  }

  #pause(ms: number): void {
    const site = this.#site();
    const { process } = site;
    if (!site.isUp || process.frozen) return;
    this.counts.pauses++;
    this.#freeze(site, ms);
  }

  #freeze(site: SimSite, ms: number): void {
    const { process } = site;
    process.frozen = true;
    this.#world.note(site.name, "paused", {});
    this.#world.clock.after("resume", ms, () => {
      if (process.frozen) process.thaw();
      this.#world.note(site.name, "resumed", {});
    });
  }

  #cut(ms: number): void {
    const [a, b] = [this.#site(), this.#site()];
    if (a === b) return;
    this.counts.cuts++;
    this.#part(a, b, ms);
  }

  #part(a: SimSite, b: SimSite, ms: number): void {
    const { network, clock } = this.#world;
    network.partition(a.machine, b.machine);
    this.#world.note(a.name, "partitioned", { from: b.name });
    clock.after("repair", ms, () => network.repair(a.machine, b.machine));
  }

  #outage({ site: name, kind, lastsMs }: Outage): void {
    const site = this.#world.site(name);
    if (this.#isOver || !site.isUp || site.process.frozen) return;
    this.counts.outages++;
    if (kind === "pause") {
      this.#freeze(site, lastsMs);
      return;
    }
    const { sites, leader } = this.#world;
    const others = kind === "cut-from-leader" && site !== leader ? [leader] : sites;
    for (const other of others) if (other !== site) this.#part(site, other, lastsMs);
  }

  #hold(ms: number): void {
    const [a, b] = [this.#site(), this.#site()];
    if (a === b) return;
    const { network, clock } = this.#world;
    this.counts.holds++;
    network.hold(a.machine, b.machine);
    clock.after("release", ms, () => network.release(a.machine, b.machine));
  }

  #endProcess(): void {
    const site = this.#site();
    if (!site.isUp || site.process.frozen) return;
    const agents = site.endProcess();
    if (agents > 0) this.#world.note(site.name, "process-ended", { agents });
    this.counts.processEnds += agents;
  }

  #heal(site: SimSite): void {
    if (site.isUp) {
      if (site.process.frozen && this.#isOver) site.process.thaw();
      return;
    }
    this.#world.note(site.name, "restarted", {});
    this.#world.run(() => site.boot());
  }
}
