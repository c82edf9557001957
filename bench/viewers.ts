/**
 * What thousands of viewers over TCP and WebSocket cost a site, beside a C program with one write per frame and viewer, on
 * the same machine in the same run.
 *
 *   npm run bench -- viewers [--json] [--only 85x1M] [--protocol tcp] [--seconds 4] [--rounds 3] [--no-native] [--plot FILE]
 *
 * @module
 */
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { thisMachine } from "./support/machine.ts";
import { chosen, numberOf } from "./support/options.ts";
import { plotOf, reportOf, sentenceOf } from "./support/viewers-report.ts";
import { LOADS, measureViewers, type ViewersFigure } from "./support/viewers-run.ts";

const SECONDS_MAX = 20;
const ROUNDS_MAX = 100;
const PROTOCOLS = ["tcp", "websocket"] as const;
type Protocol = (typeof PROTOCOLS)[number];

const options = readOptions();
const machine = thisMachine();
const results: Record<Protocol, Record<string, ViewersFigure>> = { tcp: {}, websocket: {} };
try {
  for (const protocol of options.protocols) {
    for (const load of options.loads) {
      results[protocol][load] = await measureViewers(load, protocol, {
        ...options,
        progress: (text) => void process.stderr.write(`${text}\n`),
      });
    }
  }
  if (options.plot !== undefined) await writeFile(options.plot, plotOf(results, machine));
} catch (error) {
  process.stderr.write(`error: ${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}

const { rounds, seconds } = options;
if (options.json) {
  const { tcp: loads, websocket } = results;
  const answer = {
    bench: "viewers",
    machine,
    native: options.native,
    seconds,
    rounds,
    loads,
    websocket,
  };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
} else {
  process.stdout.write(`${reportOf(results)}\n${sentenceOf(results.tcp)}\n`);
}

function readOptions(): {
  readonly json: boolean;
  readonly native: boolean;
  readonly loads: readonly string[];
  readonly protocols: readonly Protocol[];
  readonly seconds: number;
  readonly rounds: number;
  readonly plot: string | undefined;
  readonly site: readonly string[];
  readonly node: readonly string[];
} {
  try {
    const { values } = parseArgs({
      allowNegative: true,
      options: {
        json: { type: "boolean", default: false },
        native: { type: "boolean", default: true },
        only: { type: "string", multiple: true, default: [] },
        protocol: { type: "string", multiple: true, default: [] },
        seconds: { type: "string", default: "4" },
        rounds: { type: "string", default: "3" },
        plot: { type: "string" },
        node: { type: "string", multiple: true, default: [] },
      },
    });
    const { json, native, node, plot } = values;
    return {
      json,
      native,
      node,
      plot,
      loads: chosen("--only", values.only, Object.keys(LOADS)),
      protocols: chosen("--protocol", values.protocol, PROTOCOLS),
      seconds: numberOf("--seconds", values.seconds, SECONDS_MAX),
      rounds: Math.ceil(numberOf("--rounds", values.rounds, ROUNDS_MAX)),
      site: native ? [] : ["--no-native"],
    };
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : error}\n`);
    process.exit(2);
  }
}
