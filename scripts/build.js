// Builds what has changed, exactly: npm run build [-- --clean] [--no-web]
// What a deleted source once produced is removed; what is missing is produced. --clean builds all of it. Standard output
// stays the caller's alone.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { buildBundle } from "./build/bundle.js";
import { hasMissing, removeStale } from "./build/emitted.js";
import { dist, root, run, tool } from "./build/places.js";
import { buildWeb } from "./build/web.js";

const TYPESCRIPT_STATE = join(root, ".build", "tsinfo");

const args = process.argv.slice(2);
const unknown = args.find((each) => !["--clean", "--no-web"].includes(each));
if (unknown !== undefined) {
  process.stderr.write(`error: unknown option ${unknown}\n  expected: --clean, --no-web\n`);
  process.exit(2);
}
if (args.includes("--clean")) rmSync(dist, { recursive: true, force: true });
await Promise.all([compile(), buildBundle(), ...(args.includes("--no-web") ? [] : [buildWeb()])]);

async function compile() {
  // The compiler writes only what its state does not tell of.
  if (hasMissing()) rmSync(TYPESCRIPT_STATE, { force: true });
  const state = ["--incremental", "--tsBuildInfoFile", TYPESCRIPT_STATE];
  await run(tool("typescript", "tsc"), "-p", ".", ...state);
  removeStale();
}
