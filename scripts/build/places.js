import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout. */
export const root = fileURLToPath(new URL("../..", import.meta.url));
export const dist = join(root, "dist");

/** The file that runs a program of a package. Starting that is quicker than npx. */
export function tool(name, program = name) {
  const about = join(root, "node_modules", name, "package.json");
  const { bin } = JSON.parse(readFileSync(about, "utf8"));
  return join(dirname(about), typeof bin === "string" ? bin : bin[program]);
}
