import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import type { AgentModule } from "../agent/index.ts";
import { MeanderError } from "../base/index.ts";
import { parsePolicy } from "../session/index.ts";

/** What names a policy, for the help. */
export const POLICY_ARGUMENT =
  "JSON file with a list of rules, - for standard input; or a .ts, .js or .mjs file with a judge handler";

/** A policy as an argument names it: rules, which the session checks, or code. @throws {MeanderError} `config-invalid` */
export async function readPolicy(named: string): Promise<readonly unknown[] | AgentModule> {
  return parsePolicy(await readText(named), named);
}

async function readText(file: string): Promise<string> {
  try {
    return file === "-" ? await readAll(process.stdin) : await readFile(file, "utf8");
  } catch (cause) {
    throw new MeanderError("config-invalid", "the file cannot be read", {
      where: file,
      expected: "a JSON, TypeScript or JavaScript file, or -",
      cause,
    });
  }
}
