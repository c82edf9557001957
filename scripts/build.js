// Builds what has changed, exactly: npm run build [-- --clean] [--no-web]
// What a deleted source once produced is removed; what a source has not produced is produced. --clean builds all of it.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { hasMissing, removeStale } from "./build/emitted.js";
import { dist, root, tool } from "./build/places.js";
import { buildWeb } from "./build/web.js";

const TYPESCRIPT_STATE = join(root, ".build", "tsinfo");

const args = process.argv.slice(2);
const unknown = args.find((each) => !["--clean", "--no-web"].includes(each));
if (unknown !== undefined) {
  process.stderr.write(`error: unknown option ${unknown}\n  expected: --clean, --no-web\n`);
  process.exit(2);
}
if (args.includes("--clean")) rmSync(dist, { recursive: true, force: true });
// The compiler writes only what its state does not tell of.
if (hasMissing()) rmSync(TYPESCRIPT_STATE, { force: true });
const { status } = spawnSync(
  process.execPath,
  [tool("typescript", "tsc"), "-p", ".", "--incremental", "--tsBuildInfoFile", TYPESCRIPT_STATE],
  { cwd: root, stdio: "inherit" },
);
if (status !== 0) process.exit(status ?? 1);
removeStale();
if (!args.includes("--no-web")) await buildWeb();
