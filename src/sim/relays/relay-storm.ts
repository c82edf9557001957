import { CircleWatch } from "../channels/circle-watch.ts";
import { accountOf, longestGap } from "../channels/viewer-account.ts";
import { WorldPublisher } from "../channels/world-publisher.ts";
import type { WorldViewer } from "../channels/world-viewer.ts";
import { drawRelayPlan, type RelayFault, type RelayPlan } from "./relay-plan.ts";
import { RelayWorld } from "./relay-world.ts";

/** What came of a storm over relays. */
export interface RelayStormReport {
  readonly plan: RelayPlan;
  /** Empty when all is right. */
  readonly failures: readonly string[];
  /** Packets that viewers received, and the longest time without one while the network was connected, ms. */
  readonly packets: number;
  readonly longestGapMs: number;
  /** How often a site changed its source. */
  readonly switches: number;
}

const CHANNEL = "clip";
const NOWHERE: readonly string[] = [];
/** Every site carries the channel by then, ms. */
const START_MS = 3_000;
/** Whether faults are over is looked at this often, ms. */
const STEP_MS = 50;
/** Promises settle, and circles are looked for, this often, ms. */
const TURN_MS = 5;
/** After the last fault has ended, a channel reaches every subscriber again within this, ms. */
export const REACHED_MS = 3_000;
/** Afterwards the original topology returns: sites that were lost again and again are held back for longer, ms. */
const RETURN_MS = 16_000;
/** A site that leaves has this long, ms. */
const DEPART_MS = 3_000;

/** Plays a plan: the forwarding planes that ship, over virtual links. */
export async function runRelayStorm(plan: RelayPlan): Promise<RelayStormReport> {
  const storm = new RelayStorm(plan);
  return storm.run();
}

/** The storm of a seed. @param relays number of sites */
export function relayStorm(seed: number, relays: number): Promise<RelayStormReport> {
  return runRelayStorm(drawRelayPlan(seed, relays));
}

class RelayStorm {
  readonly #plan: RelayPlan;
  readonly #world: RelayWorld;
  readonly #failures = new Set<string>();
  readonly #viewers = new Map<string, WorldViewer>();
  readonly #circles = new CircleWatch();
  /** Sites that are down, and how many faults each bears. */
  readonly #down = new Set<string>();
  readonly #troubled = new Map<string, number>();
  #underway = 0;

  constructor(plan: RelayPlan) {
    this.#plan = plan;
    const { lossRatio, reliable, seed } = plan;
    this.#world = new RelayWorld({ seed, reliable, lossRatio, latencyMs: 3 });
  }

  async run(): Promise<RelayStormReport> {
    const world = this.#world;
    const { faults, sites, viewers } = this.#plan;
    const ingest = sites[0]?.name as string;
    world.addSites(sites.map(({ name }) => name));
    world.openChannel(ingest, CHANNEL);
    for (const { from, name } of sites)
      if (name !== ingest) world.openChannel(name, CHANNEL, from, { ingests: [ingest] });
    const others = sites.map(({ name }) => ({ name, url: name }));
    for (const { name } of sites) world.site(name).setSites(others);
    const publisher = new WorldPublisher(world, ingest, CHANNEL, 1);
    await this.#run(START_MS);
    for (const site of viewers) this.#viewers.set(site, world.addViewer(CHANNEL, [site], false));
    await this.#run(1_000);
    const beganAt = world.clock.now();
    const switchesBefore = this.#switches;
    for (const fault of faults)
      world.clock.after("fault", fault.at, () => void this.#suffer(fault));
    const endsAt = Math.max(...faults.map(({ at, forMs }) => at + forMs));
    await this.#run(endsAt + 1);
    while (this.#underway > 0) await this.#run(STEP_MS);
    await this.#run(REACHED_MS);
    const reachedAt = world.clock.now();
    await this.#run(500);
    this.#expectReached(reachedAt);
    await this.#run(RETURN_MS);
    this.#expectReturned();
    publisher.stop();
    await this.#run(1_000);
    this.#expectComplete();
    const gap = Math.max(...[...this.#viewers.values()].map((each) => longestGap(each, beganAt)));
    const report = {
      plan: this.#plan,
      failures: [...this.#failures],
      packets: [...this.#viewers.values()].reduce((sum, { received }) => sum + received.length, 0),
      longestGapMs: gap,
      switches: this.#switches - switchesBefore,
    };
    world.close();
    return report;
  }

  get #switches(): number {
    return this.#world.events.filter(({ type }) => type === "input-switched").length;
  }

  #run(ms: number): Promise<void> {
    return this.#world.run(ms, TURN_MS, () => this.#expectNoCircle());
  }

  async #suffer(fault: RelayFault): Promise<void> {
    const world = this.#world;
    const { clock } = world;
    const after = (ms: number, what: () => void): void => {
      clock.after("fault ends", ms, what);
    };
    if (fault.type === "cut") {
      const inside = new Set(fault.sites);
      for (const one of fault.sites) {
        for (const { name: other } of this.#plan.sites) {
          if (inside.has(other)) continue;
          world.cut(one, other);
          if (!fault.oneWay) world.cut(other, one);
        }
      }
      // All cuts end together: a later one may begin while an earlier one lasts.
      this.#underway++;
      after(fault.forMs, () => {
        this.#underway--;
        world.heal();
      });
      return;
    }
    if (fault.type === "clock") {
      const { forMs, offsetMs, site: name } = fault;
      const site = world.world.site(name);
      site.setClock({ offsetMs, driftPpm: 0 });
      after(forMs, () => site.setClock({ offsetMs: 0, driftPpm: 0 }));
      return;
    }
    const { forMs, site, type } = fault;
    if (this.#down.has(site) || (this.#troubled.get(site) ?? 0) > 0) return;
    this.#underway++;
    this.#troubled.set(site, 1);
    const over = (): void => {
      this.#underway--;
      this.#troubled.delete(site);
    };
    if (type === "freeze") {
      world.freeze(site);
      after(forMs, () => {
        world.thaw(site);
        over();
      });
      return;
    }
    if (type === "leave") await world.site(site).depart(DEPART_MS);
    this.#down.add(site);
    world.kill(site);
    after(forMs, () => {
      world.restart(site);
      world.site(site).setSites(this.#plan.sites.map(({ name }) => ({ name, url: name })));
      this.#down.delete(site);
      over();
    });
  }

  /** Following the sources of sites that say that the channel arrives there never leads back. */
  #expectNoCircle(): void {
    for (const { name } of this.#plan.sites)
      this.#circles.set(name, this.#down.has(name) ? NOWHERE : this.#pathOf(name));
    const circle = this.#circles.find();
    if (circle !== undefined)
      this.#failures.add(`a circle: ${circle.join(" < ")} at ${this.#world.clock.now()}`);
  }

  /** The sites that the channel passes on its way to a site, that one last. */
  #pathOf(site: string): readonly string[] {
    return this.#world.site(site).pathOf(CHANNEL);
  }

  #expectReached(since: number): void {
    for (const [site, { times }] of this.#viewers) {
      if ((times.at(-1) ?? 0) < since)
        this.#failures.add(
          `the viewer at ${site} gets nothing ${REACHED_MS} ms after the last fault`,
        );
    }
    for (const { name } of this.#plan.sites) {
      if (this.#pathOf(name).length === 0)
        this.#failures.add(`${name} has no way ${REACHED_MS} ms after the last fault`);
    }
  }

  /** Each site receives from its route again, unless that was lost so often that it is held back. */
  #expectReturned(): void {
    for (const { from, name } of this.#plan.sites) {
      const [first] = from;
      if (first === undefined || this.#pathOf(name).at(-2) === first) continue;
      const inputs = this.#world.site(name).snapshot().channels[0]?.inputs ?? [];
      const active = inputs.find(({ state }) => state === "active");
      const held = inputs.find((each) => each.name === first)?.origin?.heldBackMs ?? 0;
      if (held >= RETURN_MS / 2) continue;
      this.#failures.add(`${name} receives from ${active?.name} and not from ${first} again`);
    }
  }

  #expectComplete(): void {
    const isStrict = this.#plan.lossRatio === 0;
    for (const [site, viewer] of this.#viewers) {
      const { received, missing, repeated } = accountOf(viewer);
      if (repeated > 0) this.#failures.add(`the viewer at ${site} got ${repeated} packets twice`);
      if (missing > (isStrict ? 0 : received / 200))
        this.#failures.add(`the viewer at ${site} misses ${missing} of ${received} packets`);
    }
  }
}
