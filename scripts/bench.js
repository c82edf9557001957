// Runs a benchmark: node scripts/bench.js fanout --json
// Builds first when there is no build, or when a source is newer than it.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

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

const compiled = join(root, "dist", "bench", `${name}.js`);
if (!existsSync(compiled) || newestSource() > statSync(compiled).mtimeMs) {
  // Standard output is the benchmark's alone.
  const { status } = run("npm", ["run", "-s", "build"], ["ignore", 2, 2]);
  if (status !== 0) process.exit(status ?? 1);
}
process.exit(
  run(process.execPath, ["--enable-source-maps", compiled, ...args], "inherit").status ?? 1,
);

function newestSource() {
  const files = ["src", "bench"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true }).map((file) =>
      join(root, folder, String(file)),
    ),
  );
  // Only what is compiled: a C program is compiled by its benchmark, and tests are not run here.
  const sources = files.filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"));
  return Math.max(...sources.map((file) => statSync(file).mtimeMs));
}

function run(command, commandArgs, stdio) {
  const shell = process.platform === "win32" && command === "npm";
  return spawnSync(command, commandArgs, { cwd: root, stdio, shell });
}
