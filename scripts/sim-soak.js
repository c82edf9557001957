// Storms over simulated sessions, one for each seed: npm run sim:soak -- --seeds 2000 --from 0
// With --channels sites forward channels, too, while their streams work.
// A seed that fails prints the command that shows it again, and the shortest log of it.
import { once } from "node:events";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { ensureBuild } from "./ensure-build.js";

const SHORTEST_MS = 250;
const LINES = 40;
/** What happens to the world, in a log. */
const WORLD = new Set(
  "crashed restarted paused resumed partitioned cut leaving left clock-set input-switched".split(
    " ",
  ),
);
/** Least share of the appends that wait whose answer is owed. */
const OWED_MIN = 0.5;

if (isMainThread) await main();
else await work();

async function main() {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "200" },
      from: { type: "string", default: "0" },
      threads: { type: "string", default: String(Math.max(1, cpus().length)) },
      trace: { type: "boolean", default: false },
      channels: { type: "boolean", default: false },
    },
  });
  const from = whole("--from", values.from);
  const count = whole("--seeds", values.seeds);
  ensureBuild("src/sim/index.js");
  const started = performance.now();
  let next = from;
  let done = 0;
  const sum = { failed: 0 };
  const show = () => {
    if (process.stderr.isTTY)
      process.stderr.write(`\r\x1b[2K${done} of ${count} storms, ${sum.failed} failed`);
  };
  await Promise.all(
    Array.from({ length: Math.min(whole("--threads", values.threads), count) }, async () => {
      const worker = new Worker(fileURLToPath(import.meta.url), {
        workerData: { trace: values.trace, channels: values.channels },
      });
      while (next < from + count) {
        const seed = next++;
        worker.postMessage(seed);
        const [report] = await once(worker, "message");
        done++;
        for (const [key, value] of Object.entries(report.counts))
          sum[`${key}Sum`] = (sum[`${key}Sum`] ?? 0) + value;
        if (report.failures.length > 0) {
          sum.failed++;
          if (process.stderr.isTTY) process.stderr.write("\r\x1b[2K");
          process.stdout.write(
            `seed ${seed} failed\n  ${report.failures.slice(0, 10).join("\n  ")}\n`,
          );
          process.stdout.write(`  drawn: ${report.drawn}\n`);
          const mixed = values.channels ? " --channels" : "";
          process.stdout.write(`  again: npm run sim:soak -- --seeds 1 --from ${seed}${mixed}\n`);
          process.stdout.write(
            `  shortest log (trouble of ${report.shortestMs} ms):\n${report.log}`,
          );
        }
        show();
      }
      await worker.terminate();
    }),
  );
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[2K");
  const seconds = (performance.now() - started) / 1_000;
  const total = (key) => sum[`${key}Sum`] ?? 0;
  const [owed, questions] = [total("questionsOwed"), total("questions")];
  process.stdout.write(
    `${count} storms from seed ${from}: ${sum.failed} failed, in ${seconds.toFixed(0)} s\n${figures(total)}`,
  );
  // Appends that wait prove something only as long as most of them must be answered.
  const isThin = questions > 0 && owed < OWED_MIN * questions;
  if (isThin)
    process.stdout.write(`only ${owed} of ${questions} appends that waited had to be answered\n`);
  process.exitCode = sum.failed === 0 && !isThin ? 0 : 1;
}

/** What was done, borne and counted, in lines. */
function figures(total) {
  const list = (names) => names.map(([key, words]) => `${total(key)} ${words}`).join(", ");
  const lines = [
    ["events", "events"],
    ["consumed", "messages consumed"],
    ["failed", "handlers failed"],
    ["timers", "timers rang"],
    ["deadLetters", "departures became dead letters"],
  ];
  const borne = [
    ["crashes", "crashes"],
    ["pauses", "pauses"],
    ["cuts", "cuts"],
    ["holds", "holds"],
    ["leaves", "leaves"],
    ["halfOpens", "half-open links"],
    ["jumps", "clocks set wrong"],
    ["outages", "outages beyond the lease"],
    ["processEnds", "agents lost their process"],
    ["poisons", "poisons sent"],
    ["poisoned", "executors and sites ended by them"],
    ["poisonLetters", "of them dead letters"],
    ["unlucky", "messages taken for poison by chance"],
    ["staleFrames", "frames of earlier epochs"],
    ["forgetful", "streams lost what they knew"],
  ];
  const done = [
    ["moves", "moves"],
    ["movesFailed", "moves failed"],
    ["changes", "changes of agents"],
    ["changesFailed", "changes failed"],
    ["denied", "requests denied"],
    ["closed", "times a stream was closed to appends"],
    ["policies", "policies set"],
    ["policiesFailed", "not set"],
    ["allowed", "requests allowed under them"],
    ["refused", "refused"],
    ["unclear", "without an answer"],
  ];
  const counted = [
    ["pairs", "pairs counted end to end"],
    ["pairsForgotten", "pairs forgotten"],
    ["witnessed", "messages seen by two agents"],
  ];
  const watched = [
    ["packets", "packets at viewers"],
    ["switches", "changes of sources"],
    ["viewersOwed", "viewers had to get all"],
    ["viewersBeyond", "were away for longer than the history lasts"],
  ];
  const waited =
    `${total("questions")} appends waited: ${total("questionsOwed")} had to be answered, ${total("questionsAnswered")} were; ` +
    `${total("answered")} of ${total("asked")} in handlers`;
  return `  ${[list(lines), list(borne), list(done), list(counted), list(watched), waited].join("\n  ")}\n`;
}

async function work() {
  const { Storm } = await import("../dist/src/sim/index.js");
  process.on("unhandledRejection", (error) => {
    throw error;
  });
  const storm = async (options) => {
    try {
      return await new Storm({ ...options, channels: workerData.channels }).run();
    } catch (error) {
      return { failures: [error.stack ?? String(error)], counts: {}, drawn: "?" };
    }
  };
  parentPort.on("message", async (seed) => {
    const report = await storm({ seed, trace: workerData.trace });
    const { failures, counts, drawn } = report;
    let shortestMs = report.plan?.durationMs ?? SHORTEST_MS;
    let log = "";
    if (failures.length > 0) {
      // The same seed with less time for trouble: often the first half is enough.
      let last = await storm({ seed, trace: true });
      for (let ms = shortestMs / 2; ms >= SHORTEST_MS; ms /= 2) {
        const shorter = await storm({ seed, durationMs: ms, trace: true });
        if (shorter.failures.length === 0) break;
        shortestMs = ms;
        last = shorter;
      }
      log = logOf(last);
    }
    parentPort.postMessage({ failures, counts, drawn, shortestMs, log });
  });
}

/** The end of the trace, of what concerns the streams that the failures name. */
function logOf({ failures, world }) {
  if (world === undefined) return "";
  const names = new Set(failures.join(" ").match(/stream-\d+|untouched/g) ?? []);
  const concerns = ({ type, detail }) => WORLD.has(type) || names.has(detail.stream);
  return world.trace
    .filter(concerns)
    .slice(-LINES)
    .map(
      ({ seconds, at, type, detail }) =>
        `    ${seconds.toFixed(4)} ${at} ${type} ${JSON.stringify(detail)}\n`,
    )
    .join("");
}

function whole(name, text) {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  process.stderr.write(`error: ${name} ${text}\n  expected: a whole number\n`);
  process.exit(2);
}
