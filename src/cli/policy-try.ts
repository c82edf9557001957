import type { Command } from "commander";
import type { PolicyTrial } from "../agent/index.ts";
import { LIMITS } from "../base/index.ts";
import { type SiteArguments, wholeNumber, withSite } from "./arguments.ts";
import { readPolicy, withPolicy } from "./policy-argument.ts";
import { timeOf, whoOf } from "./policy-history.ts";
import { parseScope, SCOPES } from "./policy-scope.ts";
import { withShell } from "./shell-of.ts";
import { openTerminal, type Paint, table } from "./terminal.ts";

interface Arguments extends SiteArguments {
  readonly scope: string;
  readonly last?: string;
}

/** `meander policy try` */
export function addTry(policy: Command): void {
  withSite(
    withPolicy(
      policy
        .command("try")
        .description("tell what a policy would change: it judges the last requests, out of force"),
    )
      .option("--scope <scope>", SCOPES, "session")
      .option("--last <count>", `requests at most, the newest (${LIMITS.judgedRequestsMax})`),
  ).action(async (named: string, options: Arguments) => {
    const terminal = openTerminal(options.json === true);
    const scope = parseScope(options.scope);
    const last = wholeNumber(options.last, "--last", 1, LIMITS.judgedRequestsMax);
    const tried = await readPolicy(named, options);
    const trial = await withShell(options, (shell) => shell.tryPolicy(scope, tried, last));
    terminal.show(trial, () => trialText(trial, terminal.paint));
  });
}

/** What a trial has found, for people: the requests that would end differently, and their number. */
export function trialText(trial: PolicyTrial, paint: Paint): string {
  const { changes, refused, allowed } = trial;
  const lines: string[] = [];
  if (changes.length > 0) lines.push(changesTable(changes, paint));
  const hidden = refused + allowed - changes.length;
  if (hidden > 0) lines.push(paint("dim", `and ${hidden} older ones`));
  lines.push(summaryOf(trial));
  return lines.join("\n");
}

function changesTable(changes: PolicyTrial["changes"], paint: Paint): string {
  return table(
    paint,
    ["WHEN", "WHO", "ACTION", "ON", "WAS", "WOULD BE", "WHY"],
    changes.map((change) => {
      const { action, stream, site, was, would } = change;
      return [
        paint("dim", timeOf(change)),
        paint("bold", whoOf(change)),
        action,
        stream === undefined ? site : `${stream} at ${site}`,
        wordOf(was, paint),
        wordOf(would, paint),
        // Why it is refused; or what has refused it, and would not any more.
        would.effect === "deny" ? (would.reason ?? would.rule ?? "") : (was.rule ?? ""),
      ];
    }),
  );
}

function wordOf({ effect }: { readonly effect: "allow" | "deny" }, paint: Paint): string {
  return effect === "allow" ? paint("green", "allowed") : paint("red", "denied");
}

function summaryOf(trial: PolicyTrial): string {
  const { scope, requests, left, refused, allowed, failed, slowestMs } = trial;
  if (requests + left === 0)
    return `nothing to try it on: no request that ${scope} judges has come since the leader started`;
  const counted = [
    requests === 1 ? "1 request" : `${requests} requests`,
    `${refused} would be refused that ${refused === 1 ? "was" : "were"} allowed`,
    `${allowed} the other way`,
  ].join(", ");
  const late = left === 0 ? "" : `; no time for ${left}`;
  return `${counted}; ${failed} failed; slowest ${Math.ceil(slowestMs)} ms${late}`;
}
