// Media as the field sends it, one sender for each seed: npm run field -- --seeds 2000 --from 0
import { spawnSync } from "node:child_process";
import { ensureBuild } from "./ensure-build.js";

const compiled = ensureBuild("e2e/field.js");
const { status } = spawnSync(
  process.execPath,
  ["--enable-source-maps", compiled, ...process.argv.slice(2)],
  { stdio: "inherit" },
);
process.exit(status ?? 1);
