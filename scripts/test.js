// Runs the compiled tests under the given folders: node scripts/test.js src bench e2e
// The files are named one by one, because what a folder argument means differs between Node versions.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const dist = fileURLToPath(new URL("../dist", import.meta.url));
const run = (folder) => {
  const files = readdirSync(join(dist, folder), { recursive: true })
    .map(String)
    .filter((name) => name.endsWith(".test.js"))
    .map((name) => join(dist, folder, name));
  // Whole systems measure freezes and latency, so they do not share the machine with each other.
  const atOnce = folder === "e2e" ? 1 : availableParallelism();
  const { status } = spawnSync(
    process.execPath,
    [
      "--enable-source-maps",
      "--test",
      "--test-reporter=spec",
      // A file that hangs is ended and named.
      "--test-timeout=300000",
      `--test-concurrency=${atOnce}`,
      ...files,
    ],
    { stdio: "inherit" },
  );
  return status ?? 1;
};
process.exit(
  process.argv
    .slice(2)
    .map(run)
    .find((status) => status !== 0) ?? 0,
);
