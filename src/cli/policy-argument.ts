import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { text as readAll } from "node:stream/consumers";
import type { AgentModule } from "../agent/index.ts";
import { MeanderError } from "../base/index.ts";
import { parseJson } from "../session/index.ts";

/** What names a policy, for the help. */
export const POLICY_ARGUMENT =
  "JSON file with a list of rules, - for standard input; or a .ts, .js or .mjs file with a judge handler";

/** A policy as an argument names it: rules, which the session checks, or code. @throws {MeanderError} `config-invalid` */
export async function readPolicy(named: string): Promise<readonly unknown[] | AgentModule> {
  const text = await readText(named);
  if (/\.(ts|js|mjs)$/.test(named)) return { source: text, file: basename(named) };
  return parseRules(text, named);
}

/** A list in JSON; the session checks its elements. @throws {MeanderError} `config-invalid` */
export function parseRules(text: string, file: string): readonly unknown[] {
  const expected = 'a list of rules, such as [{"effect": "deny", "actions": ["move"]}]';
  const rules = parseJson(text, file, expected);
  if (Array.isArray(rules)) return rules;
  throw new MeanderError("config-invalid", "not a list", { where: file, expected });
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
