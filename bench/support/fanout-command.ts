import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { plotOf, ratiosOf, reportOf, sentenceOf } from "./fanout-report.ts";
import { type Comparison, measureFanout, RATE_OUT } from "./fanout-run.ts";
import { thisMachine } from "./machine.ts";
import { numberOf } from "./options.ts";
import { PACKET_BYTES } from "./rtp-stream.ts";

/** Of one arm, and arms of each kind. */
const SECONDS_MAX = 10;
const ROUNDS_MAX = 100;
const SUBSCRIBERS_MAX = 5_000;
/** The ratios of the answer are those at so many subscribers. */
const RATIO_AT = 100;

interface FanoutOptions {
  readonly json: boolean;
  readonly subscribers: readonly number[];
  readonly seconds: number;
  readonly rounds: number;
  readonly plot: string | undefined;
}

/**
 * A benchmark that compares a site with other forwarders, as a program: options from the command line, answer on
 * standard output.
 */
export async function runFanout(about: {
  readonly bench: string;
  /** False: the site makes no native calls. */
  readonly native: boolean;
}): Promise<void> {
  const { json, plot, rounds, seconds, subscribers: counts } = readOptions();
  const machine = thisMachine();
  const subscribers: Record<string, Comparison> = {};
  try {
    for (const count of counts) {
      const progress = (text: string): void => void process.stderr.write(`${text}\n`);
      const settings = { subscribers: count, seconds, rounds, native: about.native, progress };
      subscribers[count] = await measureFanout(settings);
    }
    if (plot !== undefined) await writeFile(plot, plotOf(subscribers, machine));
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : error}\n`);
    process.exit(1);
  }
  const at = counts.includes(RATIO_AT) ? RATIO_AT : (counts[0] as number);
  const ratios = Object.fromEntries(
    Object.entries(subscribers).map(([count, comparison]) => [count, ratiosOf(comparison)]),
  );
  if (json) {
    const answer = {
      ...about,
      machine,
      packetBytes: PACKET_BYTES,
      packetsPerSecondOut: RATE_OUT,
      seconds,
      rounds,
      ratioAt: at,
      ratio: ratios[at],
      ratios,
      subscribers,
    };
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  } else {
    const comparison = subscribers[at] as Comparison;
    process.stdout.write(`${reportOf(subscribers)}\n${sentenceOf(at, comparison)}\n`);
  }
}

function readOptions(): FanoutOptions {
  try {
    const { values } = parseArgs({
      options: {
        json: { type: "boolean", default: false },
        subscribers: { type: "string", default: "10,100,1000" },
        seconds: { type: "string", default: "2" },
        rounds: { type: "string", default: "7" },
        plot: { type: "string" },
      },
    });
    return {
      json: values.json,
      subscribers: values.subscribers.split(",").map((text) => {
        return Math.ceil(numberOf("--subscribers", text, SUBSCRIBERS_MAX));
      }),
      seconds: numberOf("--seconds", values.seconds, SECONDS_MAX),
      rounds: Math.ceil(numberOf("--rounds", values.rounds, ROUNDS_MAX)),
      plot: values.plot,
    };
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : error}\n`);
    process.exit(2);
  }
}
