import type { Command } from "commander";
import type { PolicyChange } from "../agent/index.ts";
import { type SiteArguments, wholeNumber, withSite } from "./arguments.ts";
import { parseScope, SCOPES } from "./policy-scope.ts";
import { withShell } from "./shell-of.ts";
import { openTerminal, type Paint, table } from "./terminal.ts";

const NUMBER_MAX = 999_999_999;

/** `meander policy history` */
export function addHistory(policy: Command): void {
  withSite(
    policy
      .command("history")
      .description("list the policies that a scope has and had, the newest first: when, by whom")
      .argument("<scope>", SCOPES),
  ).action(async (scope: string, options: SiteArguments) => {
    const terminal = openTerminal(options.json === true);
    const checked = parseScope(scope);
    const changes = await withShell(options, (shell) => shell.policyHistory(checked));
    terminal.show(changes, () =>
      changes.length === 0
        ? `${checked} never had a policy`
        : historyTable(changes, terminal.paint),
    );
  });
}

/** `meander policy rollback` */
export function addRollback(policy: Command): void {
  withSite(
    policy
      .command("rollback")
      .description("set a policy of before again: the one before what is in force, or that number")
      .argument("<scope>", SCOPES)
      .argument("[number]", "of `meander policy history`; 0: none, as before the first"),
  ).action(async (scope: string, wanted: string | undefined, options: SiteArguments) => {
    const terminal = openTerminal(options.json === true);
    const checked = parseScope(scope);
    const asked = wholeNumber(wanted, "[number]", 0, NUMBER_MAX);
    const number = await withShell(options, (shell) => shell.rollbackPolicy(checked, asked));
    terminal.show({ scope: checked, number }, () =>
      number === 0
        ? `done: ${checked} has no policy, as before its first`
        : `done: number ${number} is in force again`,
    );
  });
}

/** Policies of one scope for people, one on each line; a star marks the one in force. */
export function historyTable(changes: readonly PolicyChange[], paint: Paint): string {
  return table(
    paint,
    ["", "NUMBER", "SET", "BY", "POLICY"],
    changes.map((change) => [
      change.isInForce ? paint("green", "*") : " ",
      `${change.number}`,
      timeOf(change),
      paint("bold", whoOf(change)),
      policyWords(change),
    ]),
  );
}

/** When and by whom the policy in force of a scope was set: `, set 2026-11-30 14:03:05 by subject:ops, number 3`. */
export function setLine(change: PolicyChange): string {
  if (change.at === undefined) return "";
  return `, set ${timeOf(change)} by ${whoOf(change)}, number ${change.number}`;
}

/** What a policy is, in a few words. */
function policyWords({ policy, restores }: PolicyChange): string {
  const back = restores === undefined ? "" : `, ${restores === 0 ? "none" : restores} again`;
  if ("code" in policy)
    return `code ${policy.code.slice(0, 12)} ${policy.file ?? ""}`.trimEnd() + back;
  const { rules } = policy;
  return `${rules === 0 ? "none" : `${rules} ${rules === 1 ? "rule" : "rules"}`}${back}`;
}

/** A principal, and the name that its shell had chosen. */
export function whoOf({ by = "?", label }: Pick<PolicyChange, "by" | "label">): string {
  return label === undefined ? by : `${by} (${label})`;
}

/** `2026-11-30 14:03:05`, in the time of this machine. */
export function timeOf({ at }: Pick<PolicyChange, "at">): string {
  if (at === undefined) return "before these";
  const time = new Date(at);
  const two = (number: number): string => `${number}`.padStart(2, "0");
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${day} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}
