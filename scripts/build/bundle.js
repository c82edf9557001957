// The bundle, made when something that it may be made of has changed.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { filesIn, isMadeOf, noteInputs } from "./inputs.js";
import { dist, root, run } from "./places.js";

export async function buildBundle() {
  const isSource = (file) => file.endsWith(".ts") && !/\.(test|conformance)\./.test(file);
  const more = [
    "package.json",
    "package-lock.json",
    "scripts/bundle.js",
    "scripts/build/licences.js",
    "scripts/build/thread-entries.js",
  ];
  const inputs = [...filesIn("src").filter(isSource), ...more.map((name) => join(root, name))];
  if (existsSync(join(dist, "bundle", "cli.cjs")) && isMadeOf("bundle", inputs)) return;
  await run(join(root, "scripts", "bundle.js"));
  noteInputs("bundle", inputs);
}
