// Storms over simulated relays, one for each seed: npm run sim:relays -- --seeds 1000 --sites 30 --from 0
import { once } from "node:events";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { ensureBuild } from "./ensure-build.js";

/** What hundreds of sites have on their way at one moment is not taken for old: it is gone within milliseconds. */
const LIMITS = { maxYoungGenerationSizeMb: 96 };

if (isMainThread) await main();
else await work();

async function main() {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "100" },
      from: { type: "string", default: "0" },
      sites: { type: "string", default: "30" },
      threads: { type: "string", default: String(Math.max(1, cpus().length)) },
      json: { type: "boolean", default: false },
    },
  });
  const [count, from, sites] = ["seeds", "from", "sites"].map((key) => whole(key, values[key]));
  ensureBuild("src/sim/index.js");
  const startedAt = performance.now();
  const reports = [];
  let next = from;
  await Promise.all(
    Array.from({ length: Math.min(whole("threads", values.threads), count) }, async () => {
      const worker = new Worker(fileURLToPath(import.meta.url), { resourceLimits: LIMITS });
      while (next < from + count) {
        worker.postMessage({ seed: next++, sites });
        const [report] = await once(worker, "message");
        reports.push(report);
        if (!values.json && report.failures.length > 0)
          process.stdout.write(linesOf(report, sites));
        if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${reports.length} of ${count}`);
      }
      await worker.terminate();
    }),
  );
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[2K");
  const failed = reports.filter(({ failures }) => failures.length > 0);
  const seconds = (performance.now() - startedAt) / 1000;
  const sum = (key) => reports.reduce((all, report) => all + report[key], 0);
  if (values.json)
    process.stdout.write(`${JSON.stringify({ count, from, sites, seconds, failed })}\n`);
  else {
    const kinds = new Map();
    for (const kind of reports.flatMap(({ faults }) => faults))
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    const drawn = [...kinds].map(([kind, times]) => `${kind} ${times}`).join(", ");
    process.stdout.write(
      `${count} networks of ${sites} sites from seed ${from}: ${failed.length} failed, in ${seconds.toFixed(0)} s\n` +
        `  faults: ${drawn}; sources changed ${sum("switches")} times; ${sum("packets")} packets at viewers\n`,
    );
  }
  process.exitCode = failed.length === 0 ? 0 : 1;
}

function linesOf({ drawn, failures, seed }, sites) {
  const again = `npm run sim:relays -- --seeds 1 --sites ${sites} --from ${seed}`;
  return `seed ${seed} failed\n  ${failures.slice(0, 6).join("\n  ")}\n  drawn: ${drawn}\n  again: ${again}\n`;
}

async function work() {
  const { relayStorm } = await import("../dist/src/sim/index.js");
  parentPort.on("message", async ({ seed, sites }) => {
    try {
      const { failures, packets, plan, switches } = await relayStorm(seed, sites);
      const drawn = JSON.stringify({ ...plan, sites: undefined });
      const faults = plan.faults.map(({ type }) => type);
      parentPort.postMessage({ seed, failures, packets, switches, faults, drawn });
    } catch (error) {
      const failures = [error.stack ?? String(error)];
      parentPort.postMessage({ seed, failures, packets: 0, switches: 0, faults: [], drawn: "?" });
    }
  });
}

function whole(key, text) {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0) return number;
  process.stderr.write(`error: --${key} ${text}\n  expected: a whole number\n`);
  process.exit(2);
}
