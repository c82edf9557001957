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

const SECONDS_MAX = 10;
/** The ratios of the answer are those at so many subscribers. */
const RATIO_AT = "100";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    large: { type: "boolean", default: false },
    seconds: { type: "string", default: "4" },
    rounds: { type: "string", default: "3" },
  },
});
const seconds = Math.min(positive("seconds", values.seconds), SECONDS_MAX);
const rounds = Math.ceil(positive("rounds", values.rounds));
const machine = thisMachine();

const subscribers: Record<string, Comparison> = {};
for (const count of values.large ? [10, 100, 1_000] : [10, 100]) {
  const progress = (text: string): void => void process.stderr.write(`${text}\n`);
  subscribers[count] = await measureFanout({ subscribers: count, seconds, rounds, progress });
}

const at = subscribers[RATIO_AT] as Comparison;
if (values.json) {
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

function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  process.stderr.write(`error: --${name} ${text}\n  expected: a number above 0\n`);
  process.exit(2);
}
