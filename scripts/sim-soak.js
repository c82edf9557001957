// Storms over simulated sessions, one for each seed: npm run sim:soak -- --seeds 2000 --from 0
// A seed that fails prints the command that shows it again, and the shortest log of it.
import { once } from "node:events";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { ensureBuild } from "./ensure-build.js";

const SHORTEST_MS = 250;
const LINES = 40;

if (isMainThread) await main();
else await work();

async function main() {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "200" },
      from: { type: "string", default: "0" },
      threads: { type: "string", default: String(Math.max(1, cpus().length)) },
      trace: { type: "boolean", default: false },
    },
  });
  const from = whole("--from", values.from);
  const count = whole("--seeds", values.seeds);
  ensureBuild("src/sim/index.js");
  const started = performance.now();
  let next = from;
  let done = 0;
  const sum = { events: 0, consumed: 0, moves: 0, crashes: 0, failed: 0 };
  const show = () => {
    if (process.stderr.isTTY)
      process.stderr.write(`\r\x1b[2K${done} of ${count} storms, ${sum.failed} failed`);
  };
  await Promise.all(
    Array.from({ length: Math.min(whole("--threads", values.threads), count) }, async () => {
      const worker = new Worker(fileURLToPath(import.meta.url), { workerData: values.trace });
      while (next < from + count) {
        const seed = next++;
        worker.postMessage(seed);
        const [report] = await once(worker, "message");
        done++;
        for (const key of ["events", "consumed", "moves", "crashes"]) sum[key] += report[key];
        if (report.failures.length > 0) {
          sum.failed++;
          if (process.stderr.isTTY) process.stderr.write("\r\x1b[2K");
          process.stdout.write(
            `seed ${seed} failed\n  ${report.failures.slice(0, 10).join("\n  ")}\n`,
          );
          process.stdout.write(`  again: npm run sim:soak -- --seeds 1 --from ${seed}\n`);
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
  process.stdout.write(
    `${count} storms from seed ${from}: ${sum.failed} failed; ${sum.events} events, ${sum.consumed} messages consumed, ` +
      `${sum.moves} moves, ${sum.crashes} crashes in ${seconds.toFixed(0)} s\n`,
  );
  process.exitCode = sum.failed === 0 ? 0 : 1;
}

async function work() {
  const { Storm } = await import("../dist/src/sim/index.js");
  process.on("unhandledRejection", (error) => {
    throw error;
  });
  const storm = async (options) => {
    try {
      return await new Storm(options).run();
    } catch (error) {
      return {
        failures: [error.stack ?? String(error)],
        events: 0,
        consumed: 0,
        moves: 0,
        crashes: 0,
      };
    }
  };
  parentPort.on("message", async (seed) => {
    const report = await storm({ seed, trace: workerData });
    const { failures, events, consumed, moves, crashes } = report;
    let shortestMs = 4_000;
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
    parentPort.postMessage({ failures, events, consumed, moves, crashes, shortestMs, log });
  });
}

/** The end of the trace, of what concerns the streams that the failures name. */
function logOf({ failures, world }) {
  if (world === undefined) return "";
  const names = new Set(failures.join(" ").match(/stream-\d+|untouched/g) ?? []);
  const concerns = ({ type, detail }) =>
    ["crashed", "restarted", "paused", "resumed", "partitioned"].includes(type) ||
    names.has(detail.stream);
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
