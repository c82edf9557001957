/**
 * What it costs viewers that a network is reshaped: a relay leaves, returns, is killed, is cut off, while numbered
 * packets pass it. The experiment of the Reflector paper (6.3), each site, sender and receiver a process.
 *
 *   npm run bench -- reshape [--json] [--only 1.2Mx1] [--events none,leave] [--subscribers 1,30,100] [--rounds 5]
 *     [--seconds 4] [--alternatives] [--plots]
 *
 * `--alternatives` configures the ways around the relay by hand, beside the one source of each site.
 *
 * @module
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { packageRoot } from "../src/site/index.ts";
import { thisMachine } from "./support/machine.ts";
import { chosen, numberOf } from "./support/options.ts";
import { Experiment, type Outcome } from "./support/reshape-experiment.ts";
import { EVENTS, type EventName, GROUPS, type Group } from "./support/reshape-groups.ts";
import { PLOTS, plotOutcome } from "./support/reshape-plots.ts";
import { reportOf } from "./support/reshape-report.ts";
import { type GroupFigures, measureGroup, type Skipped } from "./support/reshape-run.ts";

const SECONDS_MAX = 60;
const ROUNDS_MAX = 200;
/** The paper's runs lasted 16 to 18 s. */
const STEADY_MS = 16_000;

const options = readOptions();
const machine = thisMachine();
const loads: Record<string, GroupFigures | Skipped> = {};
const { alternatives, rounds, seconds } = options;
for (const [name, group] of options.groups) {
  progress(`${name}: ${group.about}`);
  try {
    const figures = await measureGroup(group, {
      ...{ alternatives, rounds, events: options.events, windowMs: seconds * 1000 },
      progress: (text) => progress(`${name}: ${text}`),
      ...(options.plots ? { onOutcome: (part, outcome) => void plot(name, part, outcome) } : {}),
    });
    if (options.plots && `${name} steady` in PLOTS) await plotSteady(name, group);
    loads[name] = figures;
    if (!options.json) process.stdout.write(`${reportOf(name, group, figures)}\n\n`);
  } catch (error) {
    const skipped = error instanceof Error ? error.message : String(error);
    loads[name] = { skipped };
    process.exitCode = 1;
    process.stderr.write(`error: ${name}: ${skipped}\n`);
  }
}
if (options.json) {
  const answer = { bench: "reshape", machine, alternatives, rounds, seconds, loads };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function plot(name: string, part: string, outcome: Outcome): Promise<void> {
  const about = PLOTS[`${name} ${part}`];
  if (about === undefined) return;
  const file = join(packageRoot(), "docs", "images", `reshape-${about.figure}.svg`);
  await writeFile(file, plotOutcome(about, outcome, machine));
}

async function plotSteady(name: string, { load, topology }: Group): Promise<void> {
  const experiment = await Experiment.open({
    ...{ topology, load, alternatives, subscribers: 1, policy: "standard" },
    ...{ windowMs: STEADY_MS, isLeaderStopped: false },
  });
  await experiment.none();
  await plot(name, "steady", await experiment.finish());
}

function readOptions(): {
  readonly json: boolean;
  readonly plots: boolean;
  readonly alternatives: boolean;
  readonly groups: readonly (readonly [string, Group])[];
  readonly events: readonly EventName[];
  readonly rounds: number;
  readonly seconds: number;
} {
  try {
    const { values } = parseArgs({
      options: {
        json: { type: "boolean", default: false },
        plots: { type: "boolean", default: false },
        alternatives: { type: "boolean", default: false },
        only: { type: "string", multiple: true, default: [] },
        events: { type: "string", default: EVENTS.join() },
        subscribers: { type: "string", default: "1,30,100" },
        rounds: { type: "string", default: "5" },
        seconds: { type: "string", default: "4" },
      },
    });
    const only = values.only.flatMap((each) => each.split(","));
    const names = chosen("--only", only, Object.keys(GROUPS));
    const counts = values.subscribers.split(",").map(Number);
    return {
      ...{ json: values.json, plots: values.plots, alternatives: values.alternatives },
      // A group that is named is measured with the subscribers that it names.
      groups: Object.entries(GROUPS).filter(
        ([name, { subscribers }]) =>
          names.includes(name) && (only.length > 0 || counts.includes(subscribers)),
      ),
      events: chosen("--events", values.events.split(","), EVENTS),
      rounds: Math.ceil(numberOf("--rounds", values.rounds, ROUNDS_MAX)),
      seconds: numberOf("--seconds", values.seconds, SECONDS_MAX),
    };
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : error}\n`);
    process.exit(2);
  }
}
