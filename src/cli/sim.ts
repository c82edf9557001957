import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { every, MeanderError, SystemClock } from "../base/index.ts";
import type { SimulationResult } from "../sim/index.ts";
import { wholeNumber } from "./arguments.ts";
import { formatOutput } from "./event-line.ts";
import { ScriptLoader } from "./script-loader.ts";
import { simulateScript } from "./simulate-script.ts";
import { openSimulation } from "./simulation-of.ts";
import { openTerminal, type Terminal } from "./terminal.ts";

const PROGRESS_MS = 500;
/** 100 000 s, as in the paper. */
const UNTIL_MS = 100_000_000;

interface Arguments {
  readonly seed: string;
  readonly until: string;
  readonly sites: string;
  readonly trace?: string;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

/** `meander sim` */
export function addSim(program: Command): void {
  program
    .command("sim")
    .description("run a script in a simulated session: same seed, same trace")
    .argument("<file>", "the same file that `meander run` takes")
    .argument("[args...]", "arguments of the script; behind -- where they look like options")
    .option("--seed <number>", "what chance draws", "1")
    .option("--until <ms>", "virtual time at which it ends at the latest", `${UNTIL_MS}`)
    .option("--sites <count>", "sites m0, m1, … for a script without `simulation`", "3")
    .option("--trace <file>", "write everything that happens there, one JSON object a line")
    .option("--quiet", "do not print what agents print")
    .option("--json", "print the result as one JSON object; what the script prints goes to stderr")
    .action(async (file: string, args: readonly string[], options: Arguments) => {
      const terminal = openTerminal(options.json === true);
      const seed = wholeNumber(options.seed, "--seed", 0, 999_999_999) ?? 1;
      const untilMs = wholeNumber(options.until, "--until", 1, 999_999_999) ?? UNTIL_MS;
      const sites = wholeNumber(options.sites, "--sites", 1, 100) ?? 3;
      if (terminal.json) globalThis.console = new console.Console(process.stderr);
      const script = await new ScriptLoader().load(file);
      const simulation = await openSimulation({ seed, trace: options.trace !== undefined });
      if (!terminal.json && options.quiet !== true) {
        simulation.onOutput((line) => terminal.write(`${formatOutput(line, terminal.paint)}\n`));
      }
      const again = `meander sim ${file} --seed ${seed}`;
      const stop = every(new SystemClock(), "progress", PROGRESS_MS, () =>
        terminal.progress(`simulated ${simulation.clock().toFixed(1)} s…`),
      );
      const untilSeconds = untilMs / 1000;
      const result = await simulateScript(simulation, script, {
        args,
        sites,
        untilSeconds,
        again,
      }).finally(stop);
      if (options.trace !== undefined) await writeTrace(options.trace, result);
      tell(terminal, seed, result);
      const [violation] = result.violations;
      if (violation === undefined) return;
      throw new MeanderError("simulation-violated", `${violation.invariant}: ${violation.what}`, {
        where: `${violation.seconds} s of the virtual clock`,
        next: `it comes again with: ${again}`,
      });
    });
}

async function writeTrace(file: string, { trace }: SimulationResult): Promise<void> {
  try {
    await writeFile(file, trace.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
  } catch (cause) {
    throw new MeanderError("arguments-invalid", "the file cannot be written", {
      where: `argument --trace ${file}`,
      cause,
    });
  }
}

function tell(terminal: Terminal, seed: number, result: SimulationResult): void {
  const { trace: _trace, ...rest } = result;
  if (terminal.json) terminal.show({ seed, ...rest }, () => "");
  else terminal.note(formatResult(seed, result));
}

/** One line: how long, how much, with which seed. */
export function formatResult(
  seed: number,
  { seconds, concluded, events, packetRatio }: SimulationResult,
): string {
  return [
    `${Number(seconds.toPrecision(6))} s simulated${concluded ? "" : ", and the time was up"}`,
    `${events} events`,
    ...(Number.isNaN(packetRatio) ? [] : [`packet ratio ${packetRatio.toFixed(2)}`]),
    `seed ${seed}`,
  ].join(", ");
}
