// Hostile bytes for every decoder and listener: npm run fuzz -- --minutes 10 --seed 1
import { spawnSync } from "node:child_process";
import { ensureBuild } from "./ensure-build.js";

const compiled = ensureBuild("e2e/fuzz.js");
const { status } = spawnSync(
  process.execPath,
  ["--enable-source-maps", compiled, ...process.argv.slice(2)],
  { stdio: "inherit" },
);
process.exit(status ?? 1);
