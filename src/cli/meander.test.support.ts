import { execFile } from "node:child_process";
import { join } from "node:path";
import { packageRoot } from "../client/index.ts";

/** The bundle: it starts in a third of the time of the modules that it is made of. */
export const MAIN = join(packageRoot(), "dist", "bundle", "main.js");

/** How a command ended and what it printed. */
export interface Run {
  /** -1: it was killed. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `meander` in a process of its own. @param env added to this process's environment */
export function meander(
  args: readonly string[],
  input = "",
  env: Readonly<Record<string, string>> = {},
): Promise<Run> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env } };
    const child = execFile(process.execPath, [MAIN, ...args], options, (error, stdout, stderr) => {
      const code = typeof error?.code === "number" ? error.code : error === null ? 0 : -1;
      resolve({ code, stdout, stderr });
    });
    child.stdin?.end(input);
  });
}
