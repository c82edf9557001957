import type { AgentModule } from "../agent/define/index.ts";
import { MeanderError } from "../base/index.ts";
import { parseJson } from "./json-fault.ts";

/**
 * A policy as a file has it: rules, which the session checks, or the code of a file whose name ends as code's does.
 *
 * @throws {MeanderError} `config-invalid`
 */
export function parsePolicy(text: string, file: string): readonly unknown[] | AgentModule {
  if (/\.(ts|js|mjs)$/.test(file)) return { source: text, file: file.replace(/^.*[\\/]/, "") };
  return parseRules(text, file);
}

/** A list in JSON; the session checks its elements. @throws {MeanderError} `config-invalid` */
export function parseRules(text: string, file: string): readonly unknown[] {
  const expected = 'a list of rules, such as [{"effect": "deny", "actions": ["move"]}]';
  const rules = parseJson(text, file, expected);
  if (Array.isArray(rules)) return rules;
  throw new MeanderError("config-invalid", "not a list", { where: file, expected });
}
