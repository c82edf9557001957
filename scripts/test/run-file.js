import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "../build/places.js";
import { watchMachine } from "./machine.js";

/** A file that takes longer hangs: it is ended, and what was running in it is named. */
const LIMIT_MS = 300_000;
const FACTS = fileURLToPath(new URL("./facts-reporter.js", import.meta.url));

/** Process groups of the files that run now. */
const groups = new Set();

/**
 * Runs a test file in a process of its own.
 *
 * @param file of `selectFiles`
 */
export async function runFile(file) {
  const folder = mkdtempSync(join(tmpdir(), "meander-tests-"));
  const facts = join(folder, "facts");
  const started = performance.now();
  const machine = watchMachine();
  const child = spawn(
    process.execPath,
    [
      "--enable-source-maps",
      "--test-reporter=spec",
      "--test-reporter-destination=stdout",
      `--test-reporter=${FACTS}`,
      `--test-reporter-destination=${facts}`,
      file.compiled,
    ],
    // In a group of its own, so that what a file has started and left can be ended with it.
    { cwd: root, stdio: ["ignore", "pipe", "pipe"], detached: true },
  );
  groups.add(child.pid);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
  }
  let isHanging = false;
  const timer = setTimeout(() => {
    isHanging = true;
    endGroup(child.pid);
  }, LIMIT_MS);
  const [code, signal] = await new Promise((resolve) => {
    child.once("exit", (...how) => resolve(how));
  });
  clearTimeout(timer);
  const leftProcesses = !isHanging && endGroup(child.pid);
  groups.delete(child.pid);
  const told = readFacts(facts);
  rmSync(folder, { recursive: true, force: true });
  const ended = told.filter(({ type }) => type === "ended");
  const failures = ended.filter(
    ({ outcome, failureType }) => outcome === "failed" && failureType !== "subtestsFailed",
  );
  if (isHanging) {
    const names = unfinished(told).join(", ") || "nothing that it had begun";
    failures.push({
      path: [],
      message: `ended after ${LIMIT_MS / 1_000} s; it was running: ${names}`,
    });
  } else if (failures.length === 0 && (code !== 0 || ended.length === 0)) {
    const how = signal === null ? `code ${code}` : signal;
    failures.push({
      path: [],
      message: `ended with ${how}; tests that had ended: ${ended.length}`,
    });
  }
  return {
    file,
    seconds: (performance.now() - started) / 1_000,
    machine: machine.shares(),
    output,
    tests: ended.filter(({ isSuite }) => !isSuite),
    said: told.flatMap(({ type, message }) => (type === "said" ? [message] : [])),
    failures,
    leftProcesses,
  };
}

/** Ends the files that run, with all that they have started. */
export function endAll() {
  for (const group of groups) endGroup(group);
}

/** True when there was something to end. */
function endGroup(group) {
  try {
    process.kill(-group, "SIGKILL");
    return true;
  } catch {
    return false;
  }
}

function readFacts(path) {
  let text = "";
  try {
    text = readFileSync(path, "utf8");
  } catch {
    // It ended before it told anything.
  }
  return text.split("\n").flatMap((line) => {
    try {
      return [JSON.parse(line)];
    } catch {
      return [];
    }
  });
}

/** Names of what has begun and is not done. */
function unfinished(told) {
  const open = [];
  for (const { type, name } of told) {
    if (type === "begun") open.push(name);
    if (type === "done" && open.includes(name)) open.splice(open.lastIndexOf(name), 1);
  }
  return open;
}
