// Builds what is missing or older than a source. Standard output stays the caller's alone.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** @param {string} compiled a file of the build, relative to dist */
export function ensureBuild(compiled) {
  const file = join(root, "dist", compiled);
  if (!isNewest(file)) run("build");
  // Whoever compiles alone, without the rest of a build, has not bundled.
  else if (!isNewest(join(root, "dist", "bundle", "main.js"))) run("bundle");
  return file;
}

function run(script) {
  const shell = process.platform === "win32";
  const { status } = spawnSync("npm", ["run", "-s", script], {
    cwd: root,
    stdio: ["ignore", 2, 2],
    shell,
  });
  if (status !== 0) process.exit(status ?? 1);
}

function isNewest(file) {
  return existsSync(file) && newestSource() <= statSync(file).mtimeMs;
}

function newestSource() {
  const files = ["src", "bench", "e2e"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true }).map((file) =>
      join(root, folder, String(file)),
    ),
  );
  // Only what is compiled: a C program is compiled by its benchmark, and tests are not run here.
  const sources = files.filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"));
  return Math.max(...sources.map((file) => statSync(file).mtimeMs));
}
