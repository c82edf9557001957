import type { Simulation, SimulationResult } from "../sim/index.ts";
import { guarded } from "./run.ts";
import { ScriptError } from "./script-error.ts";
import type { Script } from "./script-loader.ts";
import { scriptShell } from "./script-shell.ts";
import { untilIdle } from "./until-idle.ts";

/** Virtual time that the streams of a script have to finish after its end, ms. */
const IDLE_MS_MAX = 60_000;

export interface SimulateOptions {
  /** Of the script. */
  readonly args: readonly string[];
  /** Names of the sites for a script that makes no world of its own; at least one. */
  readonly sites: readonly string[];
  readonly untilSeconds: number;
  /** The command that does the same again, for errors. */
  readonly again: string;
}

/**
 * Runs a script in a world of its own: the one that its `simulation` makes, else equal sites. Unless it makes shells,
 * its default
 * export runs in one at the first engine, and the run ends when the streams that it used are idle.
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
          const given = scriptShell(shell, { replace: false });
          await script.main(given.shell, args);
          await untilIdle(shell, given.names, { timeoutMs: IDLE_MS_MAX });
          simulation.conclude();
        });
      }
      return simulation.run(untilSeconds);
    });
  } catch (thrown) {
    // What a shell of the script's own making threw has not been told as the script's yet.
    const { code, what, where = "", expected, picture, ...told } = script.errorOf(thrown);
    const isMissing = code === "site-unknown" && script.simulation === undefined;
    const next = isMissing
      ? "name the sites of the script: add --sites NAME,NAME"
      : (told.next ?? `it comes again with: ${again}`);
    throw new ScriptError(code, what, {
      where,
      expected,
      next,
      picture,
      cause: thrown,
    });
  }
}

async function populate(
  simulation: Simulation,
  script: Script,
  sites: readonly string[],
): Promise<void> {
  if (script.simulation !== undefined) {
    await script.simulation(simulation);
    return;
  }
  for (const name of sites) simulation.createEngine(simulation.machine(name));
}

function noEngine(script: Script): ScriptError {
  return new ScriptError("script-invalid", "its function `simulation` created no engine", {
    where: `script ${script.file}`,
    expected: 'sim.createEngine(sim.machine("m0"))',
    next: "leave `simulation` out to get some equal sites",
  });
}
