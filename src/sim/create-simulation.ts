import { MeanderError } from "../base/index.ts";
import { checkName, checkNumber, checkPercent, checkSeconds, checkStep } from "./parameters.ts";
import { SimChannels } from "./sim-channels.ts";
import { SimShells } from "./sim-shells.ts";
import type {
  Engine,
  EngineOptions,
  Machine,
  ShellScript,
  SimulatedOutput,
  SimulatedPublisher,
  SimulatedViewer,
  Simulation,
  SimulationOptions,
  SimulationResult,
  TimedStep,
} from "./simulation.ts";
import type { SimSite } from "./world/sim-site.ts";
import { World } from "./world/world.ts";

/** Makes an empty world. @throws {MeanderError} `simulation-invalid` for a seed that is no u32 */
export function createSimulation(options: SimulationOptions): Simulation {
  return new StreamSimulation(options);
}

/** A {@link Simulation} over a {@link World}: seconds, percent and names in place of its units and parts. */
class StreamSimulation implements Simulation {
  readonly seed: number;
  readonly #world: World;
  readonly #shells: SimShells;
  readonly #channels: SimChannels;
  readonly #machines = new Map<string, Machine>();
  readonly #sites = new Map<Engine, SimSite>();
  readonly #skews = new Map<Machine, SimSite["skew"]>();
  readonly #output: SimulatedOutput[] = [];
  readonly #listeners = new Set<(output: SimulatedOutput) => void>();
  readonly #trace: boolean;
  #hasRun = false;

  constructor({ seed, trace = false }: SimulationOptions) {
    checkNumber("seed", seed, [0, 0xffff_ffff]);
    if (!Number.isInteger(seed))
      throw new MeanderError("simulation-invalid", `got ${seed}`, {
        where: "seed",
        expected: "a whole number",
      });
    this.seed = seed;
    this.#trace = trace;
    this.#world = new World({ seed, trace });
    this.#shells = new SimShells(this.#world);
    this.#channels = new SimChannels(this.#world);
    this.#world.onEvent((site, event) => {
      if (event.type !== "output") return;
      const { stream, agent, line } = event;
      this.#print({ seconds: this.clock(), site: site.name, stream, agent, line });
    });
  }

  get engines(): readonly Engine[] {
    return [...this.#sites.keys()];
  }

  get shellCount(): number {
    return this.#shells.count;
  }

  machine(name: string): Machine {
    const known = this.#machines.get(checkName("machine: name", name));
    if (known !== undefined) return known;
    const machine = Object.freeze({ name });
    this.#machines.set(name, machine);
    return machine;
  }

  createEngine(machine: Machine, { drop = 0, name = machine?.name }: EngineOptions = {}): Engine {
    this.#check(machine);
    checkName("createEngine: name", name);
    const dropRatio = checkPercent("createEngine: drop", drop);
    for (const engine of this.#sites.keys()) {
      if (engine.name !== name) continue;
      throw new MeanderError("simulation-invalid", `there is an engine ${name} already`, {
        where: "createEngine: name",
        next: "give the second engine of a machine a name of its own",
      });
    }
    const engine = Object.freeze({ name, machine });
    const site = this.#world.addSite({
      ...{ name, machine: machine.name, dropRatio },
      routes: () => this.#channels.routesOf(name),
    });
    site.setClock(this.#skewOf(machine));
    this.#sites.set(engine, site);
    if (this.#hasRun) {
      this.#world.note(name, "started", {});
      this.#world.run(() => site.boot());
    }
    return engine;
  }

  createShell(engine: Engine, script: ShellScript, name?: string): void {
    if (typeof script !== "function")
      throw new MeanderError("simulation-invalid", "the script is no function", {
        where: "createShell: script",
        expected: "async (shell) => { … }",
      });
    this.#shells.add(this.#siteOf(engine), script, name);
  }

  channel(
    engine: Engine,
    name: string,
    from: readonly Engine[] = [],
    { stack = "udp" }: { readonly stack?: string } = {},
  ): void {
    const sources = from.map((each) => this.#siteOf(each));
    this.#channels.open(this.#siteOf(engine), name, sources, stack);
  }

  publisher(
    engine: Engine,
    channel: string,
    { packetsPerFrame = 3 }: { readonly packetsPerFrame?: number } = {},
  ): SimulatedPublisher {
    checkNumber("publisher: packetsPerFrame", packetsPerFrame, [1, 100]);
    return this.#channels.publish(this.#siteOf(engine), channel, packetsPerFrame);
  }

  viewer(channel: string, engines: readonly Engine[]): SimulatedViewer {
    return this.#channels.watch(
      channel,
      engines.map((each) => this.#siteOf(each)),
    );
  }

  sendLatency(machine: Machine, seconds: number): void {
    this.#check(machine);
    this.#world.network.setLatency(machine.name, checkSeconds("sendLatency", seconds));
  }

  bandwidth(machine: Machine, bytesPerSecond: number): void {
    this.#check(machine);
    checkNumber("bandwidth", bytesPerSecond, [1, Number.POSITIVE_INFINITY]);
    this.#world.network.setBandwidth(machine.name, bytesPerSecond);
  }

  executionTime(step: TimedStep, seconds: number): void {
    checkStep("executionTime: step", step);
    this.#world.setTime(step, checkSeconds(`executionTime: ${step}`, seconds));
  }

  duplicate(percent: number): void {
    this.#world.network.duplicateRatio = checkPercent("duplicate", percent);
  }

  reorder(percent: number): void {
    this.#world.network.reorderRatio = checkPercent("reorder", percent);
  }

  partition(a: Machine, b: Machine): void {
    this.#between(a, b, "partitioned");
    this.#world.network.partition(a.name, b.name);
  }

  repair(a: Machine, b: Machine): void {
    this.#between(a, b, "repaired");
    this.#world.network.repair(a.name, b.name);
  }

  cut(from: Machine, to: Machine): void {
    this.#between(to, from, "cut");
    this.#world.network.cut(from.name, to.name);
  }

  heal(from: Machine, to: Machine): void {
    this.#between(to, from, "healed");
    this.#world.network.heal(from.name, to.name);
  }

  hold(a: Machine, b: Machine): void {
    this.#between(a, b, "held");
    this.#world.network.hold(a.name, b.name);
  }

  release(a: Machine, b: Machine): void {
    this.#between(a, b, "released");
    this.#world.network.release(a.name, b.name);
  }

  crash(engine: Engine): void {
    const site = this.#running("crash", engine);
    this.#world.note(site.name, "crashed", {});
    site.kill();
  }

  leave(engine: Engine): void {
    const site = this.#running("leave", engine);
    this.#world.note(site.name, "leaving", {});
    this.#world.run(() => site.leave());
  }

  restart(engine: Engine): void {
    const site = this.#running("restart", engine);
    if (!site.hasCrashed) return;
    this.#world.note(site.name, "restarted", {});
    this.#world.run(() => site.boot());
  }

  pause(engine: Engine): void {
    const site = this.#running("pause", engine);
    this.#world.note(site.name, "paused", {});
    site.freeze();
  }

  resume(engine: Engine): void {
    const site = this.#running("resume", engine);
    this.#world.note(site.name, "resumed", {});
    site.thaw();
  }

  clockSkew(machine: Machine, seconds: number, driftPpm: number): void {
    this.#check(machine);
    const offsetMs = checkNumber("clockSkew: seconds", seconds, [-1e9, 1e9]) * 1_000;
    checkNumber("clockSkew: driftPpm", driftPpm, [-100_000, 100_000]);
    this.#world.note(machine.name, "clock-set", { seconds, driftPpm });
    const skew = { offsetMs, driftPpm, sinceMs: this.#world.clock.now() };
    this.#skews.set(machine, skew);
    for (const site of this.#sites.values()) {
      if (site.machine !== machine.name) continue;
      site.setClock(skew);
    }
    this.#shells.skewed(machine.name);
  }

  at(seconds: number, action: () => void): void {
    const { clock } = this.#world;
    clock.after("at", Math.max(0, checkSeconds("at", seconds) - clock.now()), action);
  }

  clock(): number {
    return this.#world.clock.now() / 1_000;
  }

  conclude(): void {
    this.#world.conclude();
  }

  onOutput(listener: (output: SimulatedOutput) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async run(untilSeconds: number): Promise<SimulationResult> {
    const untilMs = checkSeconds("run: until", untilSeconds);
    if (this.#hasRun)
      throw new MeanderError("simulation-invalid", "it has run already", {
        where: "run",
        next: "make another simulation",
      });
    if (this.#sites.size === 0)
      throw new MeanderError("simulation-invalid", "there is no engine", {
        where: "run",
        next: "make one with createEngine",
      });
    this.#hasRun = true;
    const world = this.#world;
    // Like a live site's process: what an agent left unhandled is the agent's, anything else ends the run.
    const stray = (reason: unknown): void => {
      if (!world.claimRejection(reason)) world.fail(reason);
    };
    process.on("unhandledRejection", stray);
    try {
      await world.start(untilMs);
      this.#shells.start();
      await world.advance(untilMs);
    } finally {
      process.off("unhandledRejection", stray);
    }
    return this.#result();
  }

  #result(): SimulationResult {
    const { invariants, isConcluded: concluded, events, trace } = this.#world;
    const { consumed, appends, violations } = invariants;
    return {
      seconds: this.clock(),
      concluded,
      events,
      trace: this.#trace ? trace : [],
      output: this.#output,
      violations,
      consumed,
      packetRatio: consumed === 0 ? Number.NaN : appends / consumed,
    };
  }

  #print(output: SimulatedOutput): void {
    this.#output.push(output);
    for (const listener of [...this.#listeners]) listener(output);
  }

  #skewOf(machine: Machine): SimSite["skew"] {
    return this.#skews.get(machine) ?? { offsetMs: 0, driftPpm: 0 };
  }

  #check(machine: Machine): void {
    if (machine !== undefined && this.#machines.get(machine.name) === machine) return;
    throw new MeanderError("simulation-invalid", "that is no machine of this simulation", {
      where: `machine ${JSON.stringify(machine?.name)}`,
      next: "make it with machine(name)",
    });
  }

  #siteOf(engine: Engine): SimSite {
    const site = this.#sites.get(engine);
    if (site !== undefined) return site;
    throw new MeanderError("simulation-invalid", "that is no engine of this simulation", {
      where: `engine ${JSON.stringify(engine?.name)}`,
      next: "make it with createEngine(machine)",
    });
  }

  #running(what: string, engine: Engine): SimSite {
    const site = this.#siteOf(engine);
    if (this.#hasRun) return site;
    throw new MeanderError("simulation-invalid", "the engine does not run yet", {
      where: `${what}: engine ${engine.name}`,
      next: `say when: sim.at(seconds, () => sim.${what}(engine))`,
    });
  }

  /** Two machines that something happens between. */
  #between(a: Machine, b: Machine, what: string): void {
    this.#check(a);
    this.#check(b);
    if (a === b)
      throw new MeanderError("simulation-invalid", "there is no link from a machine to itself", {
        where: `machine ${a.name}`,
      });
    this.#world.note(a.name, what, { from: b.name });
  }
}
