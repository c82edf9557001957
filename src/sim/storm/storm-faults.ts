import type { Random } from "../../base/index.ts";
import type { SimSite } from "../world/sim-site.ts";
import type { World } from "../world/world.ts";
import type { Outage, StormPlan, Trouble } from "./storm-plan.ts";

/** How often each kind of trouble came. */
export interface FaultCounts {
  crashes: number;
  pauses: number;
  cuts: number;
  holds: number;
  leaves: number;
  /** Links on which one direction works. */
  halfOpens: number;
  /** Clocks set wrong. */
  jumps: number;
  /** Of a site, for longer than its lease. */
  outages: number;
  /** Agents whose process ended. */
  processEnds: number;
}

/** A site that leaves is killed when that takes longer, as a supervisor does, ms. */
const LEAVE_MS_MAX = 6_000;
/** Two troubles at once are less than this apart, ms. */
const AT_ONCE_MS = 50;
/** How wrong a clock is set, ms. */
const JUMP_MS_MIN = 1_000;
const JUMP_MS_MAX = 6 * 3_600_000;

/** What may happen, how often and how long, and what happens then. */
type TroubleKind = readonly [name: string, Trouble | undefined, task: (ms: number) => void];

/** What befalls the sites and the network of a storm. */
export class StormFaults {
  readonly counts: FaultCounts = {
    crashes: 0,
    pauses: 0,
    cuts: 0,
    holds: 0,
    leaves: 0,
    halfOpens: 0,
    jumps: 0,
    outages: 0,
    processEnds: 0,
  };
  readonly #world: World;
  readonly #plan: StormPlan;
  readonly #random: Random;
  /** Those of this storm. */
  #kinds: readonly TroubleKind[] = [];
  #isOver = false;

  constructor(world: World, plan: StormPlan, random: Random) {
    this.#world = world;
    this.#plan = plan;
    this.#random = random;
  }

  /** Sets off all the trouble that the plan has. */
  begin(): void {
    const plan = this.#plan;
    const kinds: TroubleKind[] = [
      ["crash", plan.crashes, (ms) => this.#crash(ms)],
      ["pause", plan.pauses, (ms) => this.#pause(ms)],
      ["cut", plan.cuts, (ms) => this.#cut(ms)],
      ["hold", plan.holds, (ms) => this.#hold(ms)],
      ["process ends", plan.processEnds, () => this.#endProcess()],
      ["leave", plan.leaves, (ms) => this.#leave(ms)],
      ["half-open link", plan.halfOpens, (ms) => this.#halfOpen(ms)],
      ["clock jump", plan.jumps, () => this.#jump()],
    ];
    this.#kinds = kinds.filter(([, trouble]) => trouble !== undefined);
    for (const [name, trouble, task] of this.#kinds) this.#each(name, trouble, task);
    const { outage } = plan;
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
        if (this.#isOver) return;
        // Now and then as long as it gets.
        const ms = (): number => (random.below(4) === 0 ? msMax : random.float() * msMax);
        task(ms());
        if (random.float() >= this.#plan.doubled) return;
        const [other, , also] = this.#kinds[random.below(this.#kinds.length)] as TroubleKind;
        this.#world.clock.after(other, random.float() * AT_ONCE_MS, () => {
          if (!this.#isOver) also(ms());
        });
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
    site.freeze();
    this.#world.note(site.name, "paused", {});
    this.#world.clock.after("resume", ms, () => {
      if (process.frozen) process.thaw();
      this.#world.note(site.name, "resumed", {});
    });
  }

  #leave(ms: number): void {
    const site = this.#site();
    if (!site.hasJoined || site.isLeaving || site.process.frozen) return;
    const world = this.#world;
    const { process } = site;
    this.counts.leaves++;
    world.note(site.name, "leaving", {});
    world.run(async () => {
      await site.leave();
      world.note(site.name, "left", {});
      world.clock.after("restart", this.#isOver ? 0 : 100 + ms, () => this.#heal(site));
    });
    world.clock.after("leave ends", LEAVE_MS_MAX, () => {
      if (process.isDead) return;
      site.kill();
      world.clock.after("restart", 100, () => this.#heal(site));
    });
  }

  #halfOpen(ms: number): void {
    const [a, b] = [this.#site(), this.#site()];
    if (a === b) return;
    const { network, clock } = this.#world;
    this.counts.halfOpens++;
    network.cut(a.machine, b.machine);
    this.#world.note(a.name, "cut", { to: b.name });
    clock.after("heal", ms, () => network.heal(a.machine, b.machine));
  }

  #jump(): void {
    const site = this.#site();
    const random = this.#random;
    const ms = JUMP_MS_MIN * (JUMP_MS_MAX / JUMP_MS_MIN) ** random.float();
    const offsetMs = Math.round(random.float() < 0.5 ? ms : -ms);
    this.counts.jumps++;
    this.#world.note(site.name, "clock-set", { offsetMs });
    site.setClock({ ...site.skew, offsetMs });
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
      if (site.process.frozen && this.#isOver) site.thaw();
      return;
    }
    this.#world.note(site.name, "restarted", {});
    this.#world.run(() => site.boot());
  }
}
