// The CLI in a checkout: builds when nothing is built yet, then runs it.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const main = new URL("../dist/bundle/cli.cjs", import.meta.url);
if (!existsSync(main)) {
  const build = spawnSync("npm", ["run", "-s", "build"], {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (build.status !== 0) process.exit(build.status ?? 1);
}
// A demo, and a site that restarts, run this program once more.
process.argv[1] = fileURLToPath(main);
await import(main.href);
