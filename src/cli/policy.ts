import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { text as readAll } from "node:stream/consumers";
import type { Command } from "commander";
import type { PolicyChange, PolicyView } from "../agent/index.ts";
import { MeanderError, messageOf } from "../base/index.ts";
import { parseJson } from "../session/index.ts";
import type { Shell } from "../session/shell/index.ts";
import { type SiteArguments, withSite } from "./arguments.ts";
import { addHistory, addRollback, setLine } from "./policy-history.ts";
import { parseScope, SCOPES } from "./policy-scope.ts";
import { withShell } from "./shell-of.ts";
import { openTerminal, type Paint, type Terminal } from "./terminal.ts";

const NONE = "no rules that you may see: each stream is its owner's";

/** `meander policy set|clear|show` */
export function addPolicy(program: Command): void {
  const policy = program
    .command("policy")
    .description("who may do what with streams: rules, or code that judges");
  withSite(
    policy
      .command("set")
      .description(
        "replace the policy of a scope: rules, of which the first that matches decides, or code",
      )
      .argument("<scope>", SCOPES)
      .argument(
        "<file>",
        "JSON file with a list of rules, - for standard input; or a .ts, .js or .mjs file with a judge handler",
      ),
  ).action(async (scope: string, file: string, options: SiteArguments) => {
    const terminal = openTerminal(options.json === true);
    const checked = parseScope(scope);
    const text = await readPolicy(file);
    if (/\.(ts|js|mjs)$/.test(file)) {
      const code = { source: text, file: basename(file) };
      await withShell(options, (shell) => shell.setPolicy(checked, code));
      return terminal.show({ scope: checked, file: code.file }, () => "done");
    }
    const rules = parseRules(text, file);
    await withShell(options, (shell) => shell.setPolicy(checked, rules));
    terminal.show({ scope: checked, rules: rules.length }, () => "done");
  });
  withSite(
    policy
      .command("clear")
      .description("remove the policy of a scope: it says nothing any more")
      .argument("<scope>", SCOPES),
  ).action(async (scope: string, options: SiteArguments) => {
    const terminal = openTerminal(options.json === true);
    const checked = parseScope(scope);
    await withShell(options, (shell) => shell.setPolicy(checked, []));
    terminal.show({ scope: checked, rules: 0 }, () => "done");
  });
  withSite(
    policy.command("show").description("print the policies in force").argument("[scope]", SCOPES),
  ).action(async (scope: string | undefined, options: SiteArguments) => {
    const terminal = openTerminal(options.json === true);
    const wanted = scope === undefined ? undefined : parseScope(scope);
    const [all, changes] = await withShell(options, async (shell) => {
      const policies = await shell.policies();
      return [policies, terminal.json ? [] : await whoSet(shell, terminal)] as const;
    });
    const shown = wanted === undefined ? all : { [wanted]: all[wanted] ?? [] };
    terminal.show(shown, () => formatPolicies(shown, changes, terminal.paint));
  });
  addHistory(policy);
  addRollback(policy);
}

/** Policies are known where their leader does not answer; who set them is not. */
async function whoSet(shell: Shell, terminal: Terminal): Promise<readonly PolicyChange[]> {
  try {
    return await shell.policyHistory();
  } catch (error) {
    terminal.note(`who set them is not known: ${messageOf(error)}`);
    return [];
  }
}

/** A list in JSON; the session checks its elements. @throws {MeanderError} `config-invalid` */
export function parseRules(text: string, file: string): readonly unknown[] {
  const expected = 'a list of rules, such as [{"effect": "deny", "actions": ["move"]}]';
  const rules = parseJson(text, file, expected);
  if (Array.isArray(rules)) return rules;
  throw new MeanderError("config-invalid", "not a list", { where: file, expected });
}

async function readPolicy(file: string): Promise<string> {
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

/** Scopes with their policies, one rule a line. @param changes when they were set, and by whom, as far as is known */
export function formatPolicies(
  policies: Readonly<Record<string, PolicyView>>,
  changes: readonly PolicyChange[],
  paint: Paint,
): string {
  const scopes = Object.entries(policies);
  if (scopes.every(([, policy]) => isEmpty(policy))) return NONE;
  return scopes
    .map(([scope, policy]) => {
      const change = changes.find((each) => each.scope === scope);
      const set = change === undefined ? "" : paint("dim", setLine(change));
      return [`${paint("bold", scope)}${set}`, ...linesOf(policy)].join("\n  ");
    })
    .join("\n");
}

function linesOf(policy: PolicyView): string[] {
  if ("code" in policy) return [`code ${policy.code.slice(0, 12)} ${policy.file ?? ""}`.trimEnd()];
  return isEmpty(policy) ? ["no rules"] : policy.map((rule) => JSON.stringify(rule));
}

function isEmpty(policy: PolicyView): boolean {
  return Array.isArray(policy) && policy.length === 0;
}
