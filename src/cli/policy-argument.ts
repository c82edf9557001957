import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import type { Command } from "commander";
import type { PolicyModule } from "../agent/index.ts";
import { MeanderError } from "../base/index.ts";
import { flagOf, READY_POLICIES, readyPolicy } from "../client/index.ts";
import { parsePolicy } from "../session/index.ts";

const ARGUMENT =
  "a ready-made policy, as `meander policy list` has them; a .ts, .js or .mjs file with a judge handler; or a JSON file with a list of rules, - for standard input";

/** Adds what names a policy: a file or a ready-made one, whose options these are. */
export function withPolicy(command: Command): Command {
  command.argument("<policy>", ARGUMENT);
  for (const [name, { options }] of Object.entries(READY_POLICIES))
    for (const [key, { value, about }] of Object.entries(options))
      command.option(`${flagOf(key)} <${value}>`, `${name}: ${about}`);
  return command;
}

/**
 * A policy as an argument names it: rules, which the session checks, or code.
 *
 * @param options of the command line: those of ready-made policies are among them
 * @throws {MeanderError} `config-invalid`, `option-invalid`, `arguments-invalid`
 */
export async function readPolicy(
  named: string,
  options: object,
): Promise<readonly unknown[] | PolicyModule> {
  const given = readyOptions(options);
  if (Object.hasOwn(READY_POLICIES, named)) return await readyPolicy(named, given);
  const [first] = Object.keys(given);
  if (first !== undefined)
    throw new MeanderError("arguments-invalid", `a file takes no ${flagOf(first)}`, {
      where: named,
      expected: `a ready-made policy: ${Object.keys(READY_POLICIES).join(", ")}`,
    });
  return parsePolicy(await readText(named), named);
}

function readyOptions(options: object): Readonly<Record<string, unknown>> {
  const known = new Set(Object.values(READY_POLICIES).flatMap((each) => Object.keys(each.options)));
  return Object.fromEntries(Object.entries(options).filter(([key]) => known.has(key)));
}

async function readText(file: string): Promise<string> {
  try {
    return file === "-" ? await readAll(process.stdin) : await readFile(file, "utf8");
  } catch (cause) {
    throw new MeanderError("config-invalid", "the file cannot be read", {
      where: file,
      expected: `a JSON, TypeScript or JavaScript file, -, or one of ${Object.keys(READY_POLICIES).join(", ")}`,
      cause,
    });
  }
}
