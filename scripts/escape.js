// Attempts of agents to get further than they may: npm run escape -- --tier process --only reach
import { spawnSync } from "node:child_process";
import { ensureBuild } from "./ensure-build.js";

const compiled = ensureBuild("e2e/escape.js");
const { status } = spawnSync(
  process.execPath,
  ["--enable-source-maps", compiled, ...process.argv.slice(2)],
  { stdio: "inherit" },
);
process.exit(status ?? 1);
