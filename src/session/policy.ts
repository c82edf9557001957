import type { PolicyFacts } from "../agent/define/index.ts";
import { MeanderError, matchesPattern } from "../base/index.ts";
import type { PolicyAction, PolicyRule, StreamAction } from "./stream-records.ts";

/** A request, for a policy to judge. */
export interface PolicyQuestion extends PolicyFacts {
  readonly action: PolicyAction | "open";
  /** The principal that asks, as text. */
  readonly by: string;
  /** The name that a shell has chosen for itself: anybody may choose any. Undefined: it is no shell's request. */
  readonly label?: string | undefined;
  /** Who wrote the code that is brought or, where none is, that asks: `ed25519:KEY`. Undefined: it is not signed. */
  readonly author?: string | undefined;
  /** The stream it is about; undefined: it is about a site. */
  readonly stream?: string | undefined;
  /** The site that the stream would be at, or that it is about. */
  readonly site: string;
}

/** A request about a stream. */
export interface StreamQuestion extends PolicyQuestion {
  readonly action: StreamAction;
  readonly stream: string;
}

/** A policy's decision; `rule` is the one that decided, undefined when none matched. */
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
 * @returns whether a rule entitles who asks, whoever owns the stream: one that allows it, and not because of a label
 * @throws {MeanderError} `denied`
 */
export function enforce(
  rules: readonly PolicyRule[],
  question: PolicyQuestion,
  scope: string,
): boolean {
  const { effect, rule } = decide(rules, question);
  if (effect === "deny") throw denied(question, scope, rule?.reason, placeOf(rules, rule));
  return isEntitling(rule, scope);
}

/** Whether the rule of a scope that allows something does so whoever owns the stream. */
export function isEntitling(rule: PolicyRule | undefined, scope: string): boolean {
  return rule?.effect === "allow" && !scope.startsWith("sites/") && !goesByLabel(rule);
}

/** Where a rule stands among those of its scope, from 1; undefined: it is none of them. */
export function placeOf(
  rules: readonly PolicyRule[],
  rule: PolicyRule | undefined,
): number | undefined {
  const index = rule === undefined ? -1 : rules.indexOf(rule);
  return index < 0 ? undefined : index + 1;
}

/**
 * What of which scope decided, in words: `policy session, rule 2`, `policy session, code 0f3a…`.
 *
 * @param place of the rule, or the hash of the code; undefined: the policy as a whole
 */
export function ruleWords(scope: string, place: number | string | undefined): string {
  if (place === undefined) return `policy ${scope}`;
  return typeof place === "number"
    ? `policy ${scope}, rule ${place}`
    : `policy ${scope}, code ${place.slice(0, HASH_SHOWN)}`;
}

/** The scope in the words of {@link ruleWords}; undefined: they are none. */
export function scopeOfRule(words: string | undefined): string | undefined {
  return /^policy ([^,]+)/.exec(words ?? "")?.[1];
}

/** Of a hash, so many characters name code to people. */
const HASH_SHOWN = 12;

/** The refusal of a policy. @param place of the rule, or the hash of the code; undefined: of the policy as a whole */
export function denied(
  question: PolicyQuestion,
  scope: string,
  reason?: string,
  place?: number | string,
): MeanderError {
  const what = `${question.by} may not ${deedOf(question)}`;
  return new MeanderError("denied", reason === undefined ? what : `${what}: ${reason}`, {
    where: ruleWords(scope, place),
    next: "ask the owner of this policy",
  });
}

function deedOf({ action, stream, site, scope }: PolicyQuestion): string {
  switch (action) {
    case "open":
      return `append to ${stream} at ${site}`;
    case "policy":
      return `set the policy of ${scope}`;
    case "join":
      return "join the session";
    case "client-attach":
      return `attach a shell to ${site}`;
    case "configure":
      return `configure ${site}`;
    default:
      return `${action} ${stream} at ${site}`;
  }
}

function applies(rule: PolicyRule, question: PolicyQuestion): boolean {
  const { action, stream, site, label, author, hash } = question;
  return (
    rule.actions.some((each) => each === "*" || each === action) &&
    asks(rule.by ?? "*", question) &&
    (rule.label === undefined || isMatch(rule.label, label)) &&
    (rule.author === undefined || rule.author === author) &&
    (rule.stream === undefined || isMatch(rule.stream, stream)) &&
    matchesPattern(rule.site ?? "*", site) &&
    (rule.hash === undefined || isMatch(rule.hash, hash))
  );
}

function isMatch(pattern: string, value: string | undefined): boolean {
  return value !== undefined && matchesPattern(pattern, value);
}

function asks(pattern: string, { by, label }: PolicyQuestion): boolean {
  if (isPrincipalPattern(pattern)) return matchesPattern(pattern, by);
  const stream = by.startsWith("stream:") ? by.slice("stream:".length) : undefined;
  return [label, stream].some((name) => name !== undefined && matchesPattern(pattern, name));
}

const PRINCIPAL_PATTERN = /^(anonymous$|(subject|site|stream):)/;

/** Whether a pattern is one of principals. Rules of earlier versions have names of shells and streams in its place. */
export function isPrincipalPattern(pattern: string): boolean {
  return pattern === "*" || PRINCIPAL_PATTERN.test(pattern);
}

function goesByLabel({ by = "*", label }: PolicyRule): boolean {
  return label !== undefined || !isPrincipalPattern(by);
}
