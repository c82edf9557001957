/**
 * Media as the field sends it: senders, networks and sites of each seed's own, simulated, over the code that ships, from
 * the datagrams of a sender to a screen and to files. All that was sent must be shown or recorded, or counted.
 *
 *   npm run field -- [--seeds 200] [--from 0] [--holds] [--json]
 *
 * With `--holds`, each sender's datagrams are held up for a while besides, and then come at once.
 *
 * @module
 */
import { once } from "node:events";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { clipSamples } from "../src/media/record/record.test.support.ts";
import { splitAnnexB } from "../src/wire/index.ts";
import { drawPlan, type FieldPlan, lesserPlans, withHold } from "./field/plan.ts";
import { runField } from "./field/run.ts";
import { faultsOf } from "./field/verdict.ts";

/** What a thread answers for a seed. */
interface Report {
  readonly seed: number;
  readonly faults: readonly string[];
  /** The least plan that still fails. */
  readonly least: string;
  readonly frames: number;
  readonly troubles: readonly string[];
}

if (isMainThread) await main();
else await work();

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "200" },
      from: { type: "string", default: "0" },
      holds: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  const [count, from] = [whole("--seeds", values.seeds), whole("--from", values.from)];
  const startedAt = performance.now();
  const reports: Report[] = [];
  let next = from;
  await Promise.all(
    Array.from({ length: Math.min(cpus().length, count) }, async () => {
      const worker = new Worker(fileURLToPath(import.meta.url), {
        workerData: { holds: values.holds },
      });
      while (next < from + count) {
        worker.postMessage(next++);
        const [report] = (await once(worker, "message")) as [Report];
        reports.push(report);
        if (!values.json && report.faults.length > 0)
          process.stdout.write(linesOf(report, values.holds));
        if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${reports.length} of ${count}`);
      }
      await worker.terminate();
    }),
  );
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[2K");
  const failed = reports.filter(({ faults }) => faults.length > 0);
  const frames = reports.reduce((sum, each) => sum + each.frames, 0);
  const seconds = (performance.now() - startedAt) / 1000;
  if (values.json)
    process.stdout.write(`${JSON.stringify({ count, from, frames, seconds, failed })}\n`);
  else {
    const kinds = new Map<string, number>();
    for (const kind of reports.flatMap(({ troubles }) => troubles))
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    const drawn = [...kinds].map(([kind, times]) => `${kind} ${times}`).join(", ");
    process.stdout.write(
      `${count} senders from seed ${from}, ${frames} frames (${drawn}): ` +
        `${failed.length} failed, in ${seconds.toFixed(0)} s\n`,
    );
  }
  process.exitCode = failed.length === 0 ? 0 : 1;
}

function linesOf({ seed, faults, least }: Report, holds: boolean): string {
  const again = `npm run field -- --seeds 1 --from ${seed}${holds ? " --holds" : ""}`;
  return `seed ${seed} failed\n  ${faults.slice(0, 6).join("\n  ")}\n  least: ${least}\n  again: ${again}\n`;
}

async function work(): Promise<void> {
  const { holds } = workerData as { readonly holds: boolean };
  const key = (await clipSamples()).find((sample) => sample.kind === "video" && sample.key);
  const sets = splitAnnexB(key?.bytes ?? new Uint8Array()).filter((nal) =>
    [7, 8].includes((nal[0] ?? 0) & 31),
  );
  parentPort?.on("message", async (seed: number) => {
    const drawn = drawPlan(seed);
    const plan = holds ? withHold(drawn) : drawn;
    const outcome = await judged(plan, sets);
    const report: Report = {
      ...{ seed, faults: outcome.faults, frames: outcome.frames },
      troubles: plan.troubles.map(({ type }) => type),
      least: outcome.faults.length === 0 ? "" : await leastOf(plan, sets),
    };
    parentPort?.postMessage(report);
  });
}

async function judged(
  plan: FieldPlan,
  sets: readonly Uint8Array[],
): Promise<{ readonly faults: readonly string[]; readonly frames: number }> {
  try {
    const outcome = await runField(plan, sets);
    return { faults: faultsOf(outcome), frames: outcome.sent.length };
  } catch (error) {
    return { faults: [`threw ${error instanceof Error ? error.stack : error}`], frames: 0 };
  }
}

/** A plan that fails, from which nothing can be taken without its passing. */
async function leastOf(plan: FieldPlan, sets: readonly Uint8Array[]): Promise<string> {
  for (const lesser of lesserPlans(plan)) {
    const { faults } = await judged(lesser, sets);
    if (faults.length > 0) return await leastOf(lesser, sets);
  }
  const { faults } = await judged(plan, sets);
  return `${JSON.stringify(plan)}\n    ${faults.slice(0, 4).join("\n    ")}`;
}

function whole(option: string, text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0) return number;
  process.stderr.write(`error: ${option} ${text}\n  expected: a whole number\n`);
  process.exit(2);
}
