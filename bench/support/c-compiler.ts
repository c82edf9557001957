import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { packageRoot } from "../../src/site/index.ts";
import { CAN_SEE_CPU } from "./process-cpu.ts";

/**
 * Compiles a C program of `bench/`.
 *
 * @param source `limit/fanout.c`
 * @param folder where the program is put
 * @returns the program; undefined without a compiler, or off Linux, for which they are written
 * @throws {Error} when a compiler is there and refuses it
 */
export function compileC(source: string, folder: string): string | undefined {
  if (!CAN_SEE_CPU) return undefined;
  const program = join(folder, source.replace(/\W+/g, "-"));
  const args = ["-O2", "-Wall", "-o", program, join(packageRoot(), "bench", source)];
  const { error, status, stderr } = spawnSync("cc", args, { encoding: "utf8" });
  if (error !== undefined) return undefined;
  if (status !== 0) throw new Error(`cc cannot compile ${source}:\n${stderr}`);
  return program;
}
