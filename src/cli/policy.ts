import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import type { Command } from "commander";
import { MeanderError } from "../base/index.ts";
import { parseJson } from "../session/index.ts";
import { type SiteArguments, withSite } from "./arguments.ts";
import { withShell } from "./shell-of.ts";
import { openTerminal, type Paint } from "./terminal.ts";

const SCOPES = "session, sites/NAME or streams/NAME";

/** `meander policy set|show` */
export function addPolicy(program: Command): void {
  const policy = program
    .command("policy")
    .description("rules on who may create, move, extend and append to streams");
  withSite(
    policy
      .command("set")
      .description("replace the rules of a scope; the first that matches decides")
      .argument("<scope>", SCOPES)
      .argument("<file>", "JSON file with a list of rules; - for standard input"),
  ).action(async (scope: string, file: string, options: SiteArguments) => {
    const terminal = openTerminal(options.json === true);
    const checked = parseScope(scope);
    const rules = parseRules(await readRules(file), file);
    await withShell(options, (shell) => shell.setPolicy(checked, rules));
    terminal.show({ scope: checked, rules: rules.length }, () => "done");
  });
  withSite(
    policy.command("show").description("print the rules in force").argument("[scope]", SCOPES),
  ).action(async (scope: string | undefined, options: SiteArguments) => {
    const terminal = openTerminal(options.json === true);
    const wanted = scope === undefined ? undefined : parseScope(scope);
    const all = await withShell(options, (shell) => shell.policies());
    const shown = wanted === undefined ? all : { [wanted]: all[wanted] ?? [] };
    terminal.show(shown, () => formatPolicies(shown, terminal.paint));
  });
}

/** A scope of rules; `site/NAME` and `stream/NAME` are accepted, too. @throws {MeanderError} `arguments-invalid` */
export function parseScope(text: string): string {
  if (text === "session") return text;
  const match = /^(site|stream)s?[/:]([^\s/:]+)$/.exec(text);
  if (match !== null) return `${match[1]}s/${match[2]}`;
  throw new MeanderError("arguments-invalid", `got ${JSON.stringify(text)}`, {
    where: "argument <scope>",
    expected: SCOPES,
  });
}

/** A list in JSON; the session checks its elements. @throws {MeanderError} `config-invalid` */
export function parseRules(text: string, file: string): readonly unknown[] {
  const expected = 'a list of rules, such as [{"effect": "deny", "actions": ["move"]}]';
  const rules = parseJson(text, file, expected);
  if (Array.isArray(rules)) return rules;
  throw new MeanderError("config-invalid", "not a list", { where: file, expected });
}

async function readRules(file: string): Promise<string> {
  try {
    return file === "-" ? await readAll(process.stdin) : await readFile(file, "utf8");
  } catch (cause) {
    throw new MeanderError("config-invalid", "the file cannot be read", {
      where: file,
      expected: "a JSON file, or -",
      cause,
    });
  }
}

/** Scopes with their rules, one rule a line. */
export function formatPolicies(
  policies: Readonly<Record<string, readonly unknown[]>>,
  paint: Paint,
): string {
  const scopes = Object.entries(policies);
  if (scopes.every(([, rules]) => rules.length === 0)) return "no rules: everything is allowed";
  return scopes
    .map(([scope, rules]) =>
      [
        paint("bold", scope),
        ...(rules.length === 0
          ? ["  no rules: everything is allowed"]
          : rules.map((rule) => `  ${JSON.stringify(rule)}`)),
      ].join("\n"),
    )
    .join("\n");
}
