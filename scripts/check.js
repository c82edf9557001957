// What a change must pass: npm run check. Of a change in some folders, what it most likely breaks, in less than a minute:
// npm run check -- src/stream. Then lint looks at those folders, and the tests are theirs and those that import them
// directly; types and unused code are always checked everywhere. --no-skips: a skipped test is a failure.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root, tool } from "./build/places.js";
import { importersOf } from "./check/importers.js";

const options = process.argv.slice(2).filter((each) => each === "--no-skips");
const args = process.argv.slice(2).filter((each) => !options.includes(each));
const paths = args.map((path) => path.replace(/^\.\/|\/$/g, ""));
const missing = paths.find((path) => !existsSync(join(root, path)));
if (missing !== undefined) {
  process.stderr.write(
    `error: there is no ${missing}\n  expected: folders or files of the checkout\n`,
  );
  process.exit(2);
}
const isAll = paths.length === 0;
const started = performance.now();
const lint = [tool("@biomejs/biome"), "check", "--error-on-warnings", ...(isAll ? ["."] : paths)];
const isWell = await Promise.all([
  inTurn(
    ["build and types", ["scripts/build.js"]],
    ...(isAll ? [["package", [tool("publint"), "--strict"]]] : []),
    ["tests", ["scripts/test.js", ...options, ...(isAll ? [] : testsFor())], "live"],
  ),
  inTurn(
    ["lint", lint],
    ["types of the pages", [tool("typescript", "tsc"), "-p", "web", "--noEmit"]],
    ["unused code", [tool("knip")]],
  ),
]);
const passed = isWell.every((each) => each);
process.stdout.write(`\n${passed ? "all passed" : "FAILED"} in ${since(started)} s\n`);
process.exitCode = passed ? 0 : 1;

/** The tests under the paths, those that import something there, and the rules for all sources. */
function testsFor() {
  const distances = importersOf(paths);
  const tests = [...distances].filter(([file]) => file.endsWith(".test.ts"));
  const near = tests.filter(([, distance]) => distance <= 1).map(([file]) => file);
  const far = tests.length - near.length;
  if (far > 0) {
    process.stdout.write(
      `Left out: ${far} test files that import these indirectly; npm run unit runs them.\n`,
    );
  }
  const own = paths.filter((path) => path.startsWith("e2e"));
  return [...new Set(["src/tidy.test.ts", ...near, ...own])];
}

/** Runs programs one after another, until one fails. */
async function inTurn(...steps) {
  for (const step of steps) if (!(await run(...step))) return false;
  return true;
}

/** Runs a program; what it prints is shown at once ("live"), or when it has failed. */
async function run(name, args, isLive) {
  const begun = performance.now();
  const stdio = isLive ? "inherit" : ["ignore", "pipe", "pipe"];
  const child = spawn(process.execPath, args, { cwd: root, stdio });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
  }
  const code = await new Promise((resolve) => child.once("close", resolve));
  process.stdout.write(`${code === 0 ? "✔" : "✖"} ${name}, ${since(begun)} s\n`);
  if (code !== 0) process.stdout.write(output);
  return code === 0;
}

function since(start) {
  return ((performance.now() - start) / 1_000).toFixed(1);
}
