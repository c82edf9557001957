import assert from "node:assert/strict";
import { defineAgent, type Shell, type ShellStream } from "../session/shell/index.ts";
import { createSimulation } from "./create-simulation.ts";
import type { Engine, Machine, Simulation, SimulationResult } from "./simulation.ts";

/** Answers with when it was, by the clock of its site, and with all that it has got. */
export const remembering = defineAgent({
  briefcase: { got: [] as unknown[] },
  on: {
    append: (ctx, message) => {
      ctx.briefcase.got.push(message);
      return { at: ctx.now(), got: ctx.briefcase.got, site: ctx.location };
    },
    failure: (ctx, { lostSite }) => ctx.log(`lost ${lostSite}`),
  },
});

export interface Remembered {
  readonly at: number;
  readonly got: readonly unknown[];
  readonly site: string;
}

export interface Pair {
  readonly sim: Simulation;
  readonly machines: readonly [Machine, Machine];
  readonly engines: readonly [Engine, Engine];
}

/** Two engines m0 and m1, on machines of these names. */
export function pair(options: { readonly seed?: number; readonly drop?: number } = {}): Pair {
  const { seed = 7, drop = 0 } = options;
  const sim = createSimulation({ seed, trace: true });
  const machines = [sim.machine("m0"), sim.machine("m1")] as const;
  const [m0, m1] = machines;
  return {
    sim,
    machines,
    engines: [sim.createEngine(m0, { drop }), sim.createEngine(m1, { drop })],
  };
}

/** A shell at m0 and a stream `there` at m1 that remembers; the run ends with the script. */
export async function withStream(
  { sim, engines }: Pair,
  script: (shell: Shell, stream: ShellStream) => Promise<unknown>,
  options: Parameters<Shell["createStream"]>[1] = {},
): Promise<SimulationResult> {
  sim.createShell(engines[0], async (shell) => {
    const stream = await shell.createStream("there", { at: "m1", ...options });
    await stream.registerAgent(remembering);
    await script(shell, stream);
    sim.conclude();
  });
  const result = await sim.run(600);
  assert.equal(result.concluded, true, "the script came to its end");
  assert.deepEqual(result.violations, []);
  return result;
}

export async function ask(stream: ShellStream, message: unknown): Promise<Remembered> {
  return (await stream.append(message, { until: "consumed" })).reply as Remembered;
}

/** How long a message and its answer take, s. */
export async function roundTrip(world: Pair): Promise<number> {
  let seconds = Number.NaN;
  await withStream(world, async (_shell, stream) => {
    const begin = world.sim.clock();
    await ask(stream, "x");
    seconds = world.sim.clock() - begin;
  });
  return seconds;
}

export function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-6, `${actual} is ${expected}`);
}

export function count({ trace }: SimulationResult, type: string): number {
  return trace.filter((entry) => entry.type === type).length;
}

const WORLD = [
  "partitioned",
  "repaired",
  "held",
  "released",
  "crashed",
  "restarted",
  "paused",
  "resumed",
];

/** What happened to the world, in order. */
export function typesOfWorld({ trace }: SimulationResult): string[] {
  return trace.map(({ type }) => type).filter((type) => WORLD.includes(type));
}
