/**
 * How much CPU time a site spends on each packet that it passes from one UDP input to N UDP subscribers, beside the least
 * that Node and C can do and beside GStreamer, on the same machine in the same run.
 *
 *   npm run bench -- fanout [--json] [--large] [--seconds 4] [--rounds 3]
 *
 * @module
 */
import { parseArgs } from "node:util";
import { ratioOf, reportOf, sentenceOf } from "./support/fanout-report.ts";
import { type Comparison, measureFanout } from "./support/fanout-run.ts";
import { thisMachine } from "./support/machine.ts";
import { PACKET_BYTES } from "./support/rtp-stream.ts";

/** Of one arm, and arms of each kind. */
const SECONDS_MAX = 10;
const ROUNDS_MAX = 100;
/** The ratios of the answer are those at so many subscribers. */
const RATIO_AT = "100";

const options = readOptions();
const { rounds, seconds } = options;
const machine = thisMachine();

const subscribers: Record<string, Comparison> = {};
for (const count of options.large ? [10, 100, 1_000] : [10, 100]) {
  const progress = (text: string): void => void process.stderr.write(`${text}\n`);
  subscribers[count] = await measureFanout({ subscribers: count, seconds, rounds, progress });
}

const at = subscribers[RATIO_AT] as Comparison;
if (options.json) {
  const ratio = {
    limitDgram: ratioOf(at, "limitDgram"),
    limitC: ratioOf(at, "limitC"),
    gstreamer: ratioOf(at, "gstreamer"),
  };
  const answer = {
    bench: "fanout",
    machine,
    packetBytes: PACKET_BYTES,
    seconds,
    rounds,
    subscribers,
    ratio,
  };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
} else {
  process.stdout.write(`${reportOf(subscribers)}\n${sentenceOf(RATIO_AT, at)}\n`);
}

function readOptions(): { json: boolean; large: boolean; seconds: number; rounds: number } {
  try {
    const { values } = parseArgs({
      options: {
        json: { type: "boolean", default: false },
        large: { type: "boolean", default: false },
        seconds: { type: "string", default: "4" },
        rounds: { type: "string", default: "3" },
      },
    });
    const seconds = numberOf("--seconds", values.seconds, SECONDS_MAX);
    return {
      ...values,
      seconds,
      rounds: Math.ceil(numberOf("--rounds", values.rounds, ROUNDS_MAX)),
    };
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : error}\n`);
    process.exit(2);
  }
}

function numberOf(name: string, text: string, max: number): number {
  const value = Number(text);
  if (value > 0 && value <= max) return value;
  throw new Error(`${name} ${text}\n  expected: above 0, at most ${max}`);
}
