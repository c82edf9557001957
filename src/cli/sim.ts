import type { Command } from "commander";
import { every, MeanderError, SystemClock } from "../base/index.ts";
import { siteNameSchema } from "../session/index.ts";
import type { SimulationResult, TraceEntry, Violation } from "../sim/index.ts";
import { wholeNumber } from "./arguments.ts";
import { formatOutput } from "./event-line.ts";
import { writeOutput } from "./output-file.ts";
import { ScriptLoader } from "./script-loader.ts";
import { simulateScript } from "./simulate-script.ts";
import { openTerminal, type Paint, type Terminal, table } from "./terminal.ts";

const PROGRESS_MS = 500;
/** 100 000 s, as in the paper. */
const UNTIL_MS = 100_000_000;
/** Equal sites, by the names that the examples of the documentation use. */
const SITES = "origin,edge,north";
const SITES_MAX = 100;

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
    .option(
      "--sites <names>",
      "sites for a script without `simulation`: their names, or how many (m0, m1, …)",
      SITES,
    )
    .option("--trace <file>", "write everything that happens there, one JSON object a line")
    .option("--quiet", "do not print what agents print")
    .option("--json", "print the result as one JSON object; what the script prints goes to stderr")
    .action(async (file: string, args: readonly string[], options: Arguments) => {
      const terminal = openTerminal(options.json === true);
      const seed = wholeNumber(options.seed, "--seed", 0, 999_999_999) ?? 1;
      const untilMs = wholeNumber(options.until, "--until", 1, 999_999_999) ?? UNTIL_MS;
      const sites = siteNames(options.sites);
      if (terminal.json) globalThis.console = new console.Console(process.stderr);
      const script = await new ScriptLoader().load(file);
      const { createSimulation } = await import("../sim/index.ts");
      const simulation = createSimulation({ seed, trace: options.trace !== undefined });
      if (!terminal.json && options.quiet !== true) {
        simulation.onOutput((line) => terminal.write(`${formatOutput(line, terminal.paint)}\n`));
      }
      const again = (until: number | undefined): string =>
        formatCommand({ file, seed, until, sites: options.sites, args });
      const stop = every(new SystemClock(), "progress", PROGRESS_MS, () =>
        terminal.progress(`simulated ${simulation.clock().toFixed(1)} s…`),
      );
      const result = await simulateScript(simulation, script, {
        args,
        sites,
        untilSeconds: untilMs / 1000,
        again: again(untilMs === UNTIL_MS ? undefined : untilMs),
      }).finally(stop);
      if (options.trace !== undefined) await writeOutput("--trace", options.trace, linesOf(result));
      tell(terminal, seed, result);
      const [violation] = result.violations;
      if (violation !== undefined) throw violated(violation, again);
    });
}

/** The names that `--sites` gives: `origin,edge`, or `2` for `m0,m1`. @throws {MeanderError} `arguments-invalid` */
export function siteNames(text: string): readonly string[] {
  const count = /^\d+$/.test(text) ? wholeNumber(text, "--sites", 1, SITES_MAX) : undefined;
  if (count !== undefined) return Array.from({ length: count }, (_, index) => `m${index}`);
  const names = text.split(",").map((name) => name.trim());
  const isValid = names.every((name) => siteNameSchema.safeParse(name).success);
  if (isValid && new Set(names).size === names.length && names.length <= SITES_MAX) return names;
  throw new MeanderError("arguments-invalid", `got ${JSON.stringify(text)}`, {
    where: "argument --sites",
    expected: `up to ${SITES_MAX} different names of sites, such as origin,edge, or how many`,
  });
}

/** A promise that was broken. @param again the command that runs until then, ms */
export function violated(
  { invariant, what, seconds }: Violation,
  again: (untilMs: number) => string,
): MeanderError {
  return new MeanderError("simulation-violated", `${invariant}: ${what}`, {
    where: `${formatSeconds(seconds)} s of the virtual clock`,
    next: `it comes again with: ${again(Math.floor(seconds * 1000) + 1)}`,
  });
}

function linesOf({ trace }: SimulationResult): string {
  return trace.map((entry) => `${JSON.stringify(entry)}\n`).join("");
}

function tell(terminal: Terminal, seed: number, result: SimulationResult): void {
  const { trace: _trace, ...rest } = result;
  if (terminal.json) {
    terminal.show({ seed, ...rest }, () => "");
    return;
  }
  terminal.note(formatResult(seed, result, terminal.paint));
  const [violation] = result.violations;
  if (violation !== undefined) terminal.note(`\n${formatLog(violation)}`);
}

/** What happened before a promise was broken. */
export function formatLog({ streams, log }: Violation): string {
  const about = streams.length === 0 ? "in the session" : `to ${streams.join(", ")}`;
  return [`What happened last ${about}:`, ...log.map((entry) => `  ${formatEntry(entry)}`)].join(
    "\n",
  );
}

/** How long, how much, how it ended. */
export function formatResult(seed: number, result: SimulationResult, paint: Paint): string {
  const { seconds, concluded, events, consumed, packetRatio, violations } = result;
  const end = violations.length > 0 ? "broken promise" : concluded ? "concluded" : "time was up";
  return table(
    paint,
    ["SEED", "SIMULATED", "END", "EVENTS", "MESSAGES", "PACKET RATIO", "VIOLATIONS"],
    [
      [
        `${seed}`,
        `${formatSeconds(seconds)} s`,
        end,
        `${events}`,
        `${consumed}`,
        Number.isNaN(packetRatio) ? "-" : packetRatio.toFixed(2),
        `${violations.length}`,
      ],
    ],
  );
}

/** An entry of a trace on one line. */
export function formatEntry({ seconds, at, type, detail }: TraceEntry): string {
  const parts = Object.entries(detail).map(([name, value]) => `${name}=${value}`);
  return [seconds.toFixed(6), at === "" ? "-" : at, type, ...parts].join(" ");
}

/** The command that does the same again. */
export function formatCommand(run: {
  readonly file: string;
  readonly seed: number;
  /** ms; undefined: to its end. */
  readonly until: number | undefined;
  /** As the option has it. */
  readonly sites: string;
  readonly args: readonly string[];
}): string {
  const { file, seed, until, sites, args } = run;
  return [
    "meander sim",
    quoted(file),
    `--seed ${seed}`,
    ...(until === undefined ? [] : [`--until ${until}`]),
    ...(sites === SITES ? [] : [`--sites ${sites}`]),
    ...(args.length === 0 ? [] : ["--", ...args.map(quoted)]),
  ].join(" ");
}

function quoted(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function formatSeconds(seconds: number): string {
  return `${Number(seconds.toPrecision(6))}`;
}
