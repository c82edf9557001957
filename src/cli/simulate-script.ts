import type { Simulation, SimulationResult } from "../sim/index.ts";
import { guarded } from "./run.ts";
import { ScriptError } from "./script-error.ts";
import type { Script } from "./script-loader.ts";

export interface SimulateOptions {
  /** Of the script. */
  readonly args: readonly string[];
  /** How many there are when the script does not say. */
  readonly sites: number;
  readonly untilSeconds: number;
  /** The command that does the same again, for errors. */
  readonly again: string;
}

/**
 * Runs a script in a world of its own: the one that its `simulation` makes, else some equal sites. Unless it makes shells, its default
 * export runs in one at the first engine, and the run ends with it.
 *
 * @param simulation empty, and this call's own
 * @throws {ScriptError} what the script threw, and `script-invalid` when its world has no site
 */
export async function simulateScript(
  simulation: Simulation,
  script: Script,
  { args, sites, untilSeconds, again }: SimulateOptions,
): Promise<SimulationResult> {
  try {
    return await guarded(script, async () => {
      await populate(simulation, script, sites);
      const [first] = simulation.engines;
      if (first === undefined) throw noEngine(script);
      if (simulation.shellCount === 0) {
        simulation.createShell(first, async (shell) => {
          await script.main(shell, args);
          simulation.conclude();
        });
      }
      return simulation.run(untilSeconds);
    });
  } catch (thrown) {
    // What a shell of the script's own making threw has not been told as the script's yet.
    const { code, what, where = "", expected, next, picture } = script.errorOf(thrown);
    throw new ScriptError(code, what, {
      where,
      expected,
      next: next ?? `it comes again with: ${again}`,
      picture,
      cause: thrown,
    });
  }
}

async function populate(simulation: Simulation, script: Script, sites: number): Promise<void> {
  if (script.simulation !== undefined) {
    await script.simulation(simulation);
    return;
  }
  for (let index = 0; index < sites; index++) {
    simulation.createEngine(simulation.machine(`m${index}`));
  }
}

function noEngine(script: Script): ScriptError {
  return new ScriptError("script-invalid", "its function `simulation` created no engine", {
    where: `script ${script.file}`,
    expected: 'sim.createEngine(sim.machine("m0"))',
    next: "leave `simulation` out to get some equal sites",
  });
}
