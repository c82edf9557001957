// Builds what is packed, from whatever is there: a checkout in which nothing was installed yet, too.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

// What it prints goes to standard error: that of `npm pack --json` is read by programs.
function run(command, args) {
  const shell = process.platform === "win32";
  const { status } = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2], shell });
  if (status !== 0) process.exit(status ?? 1);
}

if (!existsSync(`${root}node_modules/typescript`)) run("npm", ["ci", "--no-audit", "--no-fund"]);
run(process.execPath, ["scripts/build.js", "--clean"]);
