import { MeanderError } from "../base/index.ts";
import type { PolicyAction, PolicyRule } from "./stream-records.ts";

/** A request, for a policy to judge. */
export interface PolicyQuestion {
  readonly action: PolicyAction;
  /** The shell or stream that asks. */
  readonly by: string;
  /** The stream it is about. */
  readonly stream: string;
  /** The site that it would be at. */
  readonly site: string;
}

/** A policy's decision; `rule` is the one that decided. */
export interface PolicyDecision {
  readonly effect: "allow" | "deny";
  readonly rule?: PolicyRule;
}

/** The first rule that matches decides; when none does, it is allowed. */
export function decide(rules: readonly PolicyRule[], question: PolicyQuestion): PolicyDecision {
  const rule = rules.find((each) => applies(each, question));
  return rule === undefined ? { effect: "allow" } : { effect: rule.effect, rule };
}

/**
 * @param scope whose rules these are: `session`, `sites/NAME`, `streams/NAME`
 * @throws {MeanderError} `denied`
 */
export function enforce(
  rules: readonly PolicyRule[],
  question: PolicyQuestion,
  scope: string,
): void {
  const { effect, rule } = decide(rules, question);
  if (effect === "deny") throw denied(question, scope, rule?.reason);
}

/** The refusal of a policy. */
export function denied(
  { action, by, stream, site }: PolicyQuestion,
  scope: string,
  reason?: string,
): MeanderError {
  const what = `${by} may not ${action} ${stream} at ${site}`;
  return new MeanderError("denied", reason === undefined ? what : `${what}: ${reason}`, {
    where: `policy ${scope}`,
    next: "ask the owner of this policy",
  });
}

/** Whether `text` matches a pattern, in which `*` stands for any part. Takes time linear in both for each `*`. */
export function matchesPattern(pattern: string, text: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return text === pattern;
  const last = rest.pop() ?? "";
  if (text.length < first.length + last.length) return false;
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let from = first.length;
  for (const part of rest) {
    const at = text.indexOf(part, from);
    if (at < 0 || at + part.length > end) return false;
    from = at + part.length;
  }
  return true;
}

function applies(rule: PolicyRule, { action, by, stream, site }: PolicyQuestion): boolean {
  return (
    rule.actions.some((each) => each === "*" || each === action) &&
    matchesPattern(rule.by ?? "*", by) &&
    matchesPattern(rule.stream ?? "*", stream) &&
    matchesPattern(rule.site ?? "*", site)
  );
}
