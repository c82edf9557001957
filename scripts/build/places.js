import { spawn } from "node:child_process";
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
  return join(dirname(about), typeof bin === "string" ? bin : bin[program.replace(/^@.*\//, "")]);
}

/** Runs a script to its end; what it prints goes to standard error. Ends this process when it fails. */
export async function run(script, ...args) {
  const child = spawn(process.execPath, [script, ...args], { cwd: root, stdio: ["ignore", 2, 2] });
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) process.exit(code ?? 1);
}
