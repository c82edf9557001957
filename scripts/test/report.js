// What a run of the tests prints. A file that passed is a line; of one that failed everything is printed, and again, in
// short, at the end.
import { STOLEN_MAX } from "./machine.js";

const SLOWEST = 10;

export function printPlan(part, sharedCount, aloneCount, atOnce) {
  const shared = sharedCount === 0 ? "" : `${sharedCount} files, ${atOnce} at a time`;
  const alone = aloneCount === 0 ? "" : `${aloneCount} alone, on a machine that should be quiet`;
  print(`== ${part}: ${[shared, alone].filter((each) => each !== "").join("; then ")}`);
}

export function printFile({
  file,
  tests,
  failures,
  said,
  seconds: took,
  cpuSeconds,
  output,
  ...more
}) {
  const sign = failures.length === 0 ? "✔" : "✖";
  const alone = file.alone === undefined ? "" : `, alone: ${file.alone}`;
  const used = cpuSeconds === undefined ? "" : ` (processor ${cpuSeconds.toFixed(1)} s)`;
  print(
    `${sign} ${file.path}  ${counted(tests.length, "test")}, ${took.toFixed(1)} s${used}${alone}`,
  );
  if (file.part === "e2e" && failures.length === 0) {
    for (const { path, ms } of tests)
      print(`    ${(ms / 1_000).toFixed(1)} s  ${path.join(" › ")}`);
  }
  for (const message of said) print(`    ℹ ${message}`);
  if (more.leftProcesses) print("    ! it left processes behind, which were ended");
  if (failures.length > 0) print(shorten(output, failures).replace(/^/gm, "    ").trimEnd());
}

/** Without the counts at the end, and the failures that follow them once more, unless the file ended as it should not. */
function shorten(output, failures) {
  return failures.some(({ path }) => path.length === 0) ? output : output.split(/^ℹ tests \d/m)[0];
}

export function printPart({ name, sharedSeconds, seconds: total, cpuSeconds }, results) {
  const { passed, failed, skipped } = countAll(results);
  const alone = total - sharedSeconds;
  const apart = alone > 0.05 ? `, of which alone ${alone.toFixed(0)} s` : "";
  print(
    `== ${name}: ${passed} passed, ${failed} failed, ${skipped} skipped in ${total.toFixed(0)} s${apart}; processor ${cpuSeconds.toFixed(0)} s`,
  );
}

/** Prints what a person looks for at the end. True: all is well. */
export function printClosing(results, parts, noSkips) {
  const slowest = [...results].sort((a, b) => b.seconds - a.seconds).slice(0, SLOWEST);
  print("\nThe slowest files:");
  for (const { file, seconds: took } of slowest)
    print(`  ${took.toFixed(1).padStart(6)} s  ${file.path}`);
  print(`Time: ${parts.map((part) => `${part.name} ${part.seconds.toFixed(0)} s`).join(", ")}`);
  const { passed, failed, skipped } = countAll(results);
  if (skipped > 0) {
    print(`\nSkipped${noSkips ? ", where none may be" : ""}:`);
    for (const { file, tests } of results) {
      for (const { path, outcome, reason } of tests) {
        if (outcome === "skipped") print(`  ${file.path}: ${path.join(" › ")}: ${reason}`);
      }
    }
  }
  if (failed > 0) print("\nFailed:");
  for (const result of results) printFailures(result);
  print(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed === 0 && (skipped === 0 || !noSkips);
}

function printFailures({ file, failures, machine }) {
  for (const { path, message, stack = "" } of failures) {
    print(`  ${[file.path, ...path].join(" › ")}`);
    for (const line of message.split("\n").slice(0, 6)) print(`      ${line}`);
    const place = stack.split("\n").find((line) => /\.test\.[jt]s:/.test(line));
    if (place !== undefined) print(`      ${place.trim()}`);
  }
  if (failures.length === 0) return;
  const { stolen, idle } = machine;
  if (stolen > STOLEN_MAX || file.alone !== undefined) {
    print(
      `      Meanwhile the host gave ${percent(stolen)} of this machine's processor time to others, and ${percent(idle)} was idle.`,
    );
  }
  if (file.alone !== undefined && (stolen > STOLEN_MAX || idle < 0.05)) {
    print(`      This file needs a quiet machine. Run it again: npm run e2e -- ${file.path}`);
  }
}

function countAll(results) {
  const tests = results.flatMap((result) => result.tests);
  const count = (outcome) => tests.filter((test) => test.outcome === outcome).length;
  const failed = results.reduce((sum, { failures }) => sum + failures.length, 0);
  return { passed: count("passed"), failed, skipped: count("skipped") };
}

/** Seconds since then. */
export function seconds(since) {
  return (performance.now() - since) / 1_000;
}

function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function percent(share) {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}

function print(line) {
  process.stdout.write(`${line}\n`);
}
