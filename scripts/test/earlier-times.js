// How long each test file took when it ran last here, so that the longest can begin first.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "../build/places.js";

const STATE = join(root, ".build", "test-seconds.json");

/** By path, seconds. */
export function readTimes() {
  try {
    return JSON.parse(readFileSync(STATE, "utf8"));
  } catch {
    return {};
  }
}

export function writeTimes(results) {
  const times = { ...readTimes() };
  for (const { file, seconds } of results) times[file.path] = Number(seconds.toFixed(1));
  mkdirSync(dirname(STATE), { recursive: true });
  writeFileSync(STATE, JSON.stringify(times, null, 1));
}
