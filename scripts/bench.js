// Runs a benchmark: node scripts/bench.js fanout --json
// Builds first when there is no build, or when a source is newer than it.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureBuild } from "./ensure-build.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const [name = "", ...args] = process.argv.slice(2);
const names = readdirSync(join(root, "bench"))
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.slice(0, -".ts".length));
if (!names.includes(name)) {
  const what =
    name === "" || name.startsWith("-") ? "name a benchmark" : `there is no benchmark ${name}`;
  process.stderr.write(
    `error: ${what}\n  expected: ${names.join(", ")}\n  next: npm run bench -- ${names[0]}\n`,
  );
  process.exit(2);
}

const compiled = ensureBuild(join("bench", `${name}.js`));
const { status } = spawnSync(process.execPath, ["--enable-source-maps", compiled, ...args], {
  cwd: root,
  stdio: "inherit",
});
process.exit(status ?? 1);
