// Runs compiled tests: node scripts/test.js [--build] [--part unit|e2e] [--no-skips] [PATH…]
//
// A PATH is a folder, a file, or the beginning of either: src/stream, e2e/peers.test.ts, e2e/peers. Without one, all run.
// Each file is a process. Several run at a time (--at-once N), but for those that say why they run alone: a line of the
// file begins with "// Runs alone: ". --no-skips: a skipped test is a failure. The last line that is printed is always
// "N passed, N failed, N skipped".
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { readTimes, writeTimes } from "./test/earlier-times.js";
import { PARTS, selectFiles } from "./test/files.js";
import { childSeconds } from "./test/machine.js";
import { printClosing, printFile, printPart, printPlan, seconds } from "./test/report.js";
import { endAll, runFile } from "./test/run-file.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    build: { type: "boolean", default: false },
    part: { type: "string" },
    "no-skips": { type: "boolean", default: false },
    "at-once": { type: "string" },
  },
});
if (values.build) build();
const files = select();

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    endAll();
    process.exit(1);
  });
}
const times = readTimes();
const results = [];
const parts = [];
for (const name of Object.keys(PARTS)) {
  const part = files.filter((file) => file.part === name);
  if (part.length > 0) parts.push(await runPart(name, part));
}
writeTimes(results);
process.exitCode = printClosing(results, parts, values["no-skips"]) ? 0 : 1;

/** Runs the files of a part: those that share the machine first, the longest of them first; then the others one by one. */
async function runPart(name, part) {
  const atOnce = Number(values["at-once"] ?? availableParallelism() + PARTS[name].moreAtOnce);
  const longestFirst = (a, b) => expected(b) - expected(a);
  const shared = part.filter(({ alone }) => alone === undefined).sort(longestFirst);
  const alone = part.filter((file) => file.alone !== undefined);
  printPlan(name, shared.length, alone.length, atOnce);
  const [started, usedBefore] = [performance.now(), childSeconds()];
  const waiting = [...shared];
  const lane = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      await one(next, atOnce === 1);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  const sharedSeconds = seconds(started);
  for (const file of alone) await one(file, true);
  const cpuSeconds = childSeconds() - usedBefore;
  const total = { name, sharedSeconds, seconds: seconds(started), cpuSeconds };
  printPart(
    total,
    results.filter(({ file }) => file.part === name),
  );
  return total;
}

async function one(file, isAlone) {
  const usedBefore = childSeconds();
  const result = await runFile(file);
  // Of several at a time it is not known which used how much.
  if (isAlone) result.cpuSeconds = childSeconds() - usedBefore;
  results.push(result);
  printFile(result);
}

/** How long a file took when it ran last; by its size where that is not known. */
function expected({ path, bytes }) {
  return times[path] ?? bytes / 1_000;
}

function select() {
  try {
    return selectFiles({ part: values.part, paths: positionals });
  } catch (error) {
    process.stderr.write(`error: ${error.message}\n`);
    process.exit(2);
  }
}

function build() {
  // The unit tests serve no pages.
  const args = values.part === "unit" ? ["--no-web"] : [];
  const script = fileURLToPath(new URL("./build.js", import.meta.url));
  const { status } = spawnSync(process.execPath, [script, ...args], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
