import type { Command } from "commander";
import type { PolicyChange, PolicyView } from "../agent/index.ts";
import { messageOf } from "../base/index.ts";
import type { Shell } from "../session/shell/index.ts";
import { type SiteArguments, withSite } from "./arguments.ts";
import { authorOf, withAuthor } from "./author.ts";
import { readPolicy, withPolicy } from "./policy-argument.ts";
import { addHistory, addRollback, setLine } from "./policy-history.ts";
import { addList } from "./policy-list.ts";
import { parseScope, SCOPES } from "./policy-scope.ts";
import { addTry } from "./policy-try.ts";
import { withShell } from "./shell-of.ts";
import { openTerminal, type Paint, type Terminal } from "./terminal.ts";

const NONE = "no rules that you may see: each stream is its owner's";

interface SetArguments extends SiteArguments {
  readonly author?: string;
}

/** `meander policy set|clear|show` */
export function addPolicy(program: Command): void {
  const policy = program
    .command("policy")
    .description("who may do what with streams: rules, or code that judges");
  const set = policy
    .command("set")
    .description(
      "replace the policy of a scope: rules, of which the first that matches decides, or code",
    )
    .argument("<scope>", SCOPES);
  const command = withSite(withAuthor(withPolicy(set)));
  command.action(async (scope: string, named: string, options: SetArguments) => {
    const terminal = openTerminal(options.json === true);
    const checked = parseScope(scope);
    const wanted = await readPolicy(named, options);
    const signing = await authorOf(options);
    await withShell(options, (shell) => shell.setPolicy(checked, wanted, signing));
    const what = "source" in wanted ? { file: wanted.file } : { rules: wanted.length };
    terminal.show({ scope: checked, ...what }, () => "done");
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
  addList(policy);
  addTry(policy);
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
  if ("code" in policy) {
    const { code, file = "", author } = policy;
    const by = author === undefined ? "" : `signed by ${author}`;
    return [["code", code.slice(0, 12), file, by].filter((part) => part !== "").join(" ")];
  }
  return isEmpty(policy) ? ["no rules"] : policy.map((rule) => JSON.stringify(rule));
}

function isEmpty(policy: PolicyView): boolean {
  return Array.isArray(policy) && policy.length === 0;
}
