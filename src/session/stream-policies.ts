import type { PolicyChange } from "../agent/define/index.ts";
import { type Log, MeanderError } from "../base/index.ts";
import type { SiteInstance } from "../stream/index.ts";
import { decodeBase64 } from "../wire/index.ts";
import { type Asker, maySetPolicy, outOfScope, signature } from "./asker.ts";
import type { Authorship } from "./authorship.ts";
import { type CodePolicy, codePolicySchema } from "./code-policy.ts";
import { type JudgementPorts, passPolicies } from "./judgement.ts";
import { mayHandle, scopeOf } from "./policy-scope.ts";
import { entryInForce, type Policy, type PolicyEntry, type PolicyStore } from "./policy-store.ts";
import { newPolicyRulesSchema } from "./stream-record-schema.ts";
import type { PolicyRule } from "./stream-records.ts";
import type { PolicyHistory, RollbackPolicy, SetPolicy } from "./stream-requests.ts";
import type { StreamStore } from "./stream-store.ts";
import { describeIssue } from "./zod-issue.ts";

/** What the requests about policies need. */
export interface PolicyPorts extends JudgementPorts {
  /** The leading site. */
  readonly self: SiteInstance;
  readonly log: Log;
  readonly store: Pick<StreamStore, "find">;
  readonly policies: PolicyStore;
  readonly authors: Pick<Authorship, "authorOf">;
}

/**
 * Replaces the policy of a scope, rules or code; no rules remove it. Code is started before it counts: the policy that
 * was in force stays when that fails.
 *
 * @throws {MeanderError} `policy-invalid`, which says where, `denied`, `token-denied`, `leader-fenced`; for code also
 *   `code-…`, `author-…`, `executor-failed`
 */
export async function setPolicy(ports: PolicyPorts, request: SetPolicy): Promise<null> {
  const { by } = request;
  const scope = await scopeOf(ports, request.scope, by);
  const policy = readPolicy(ports, scope, await withAuthor(ports, scope, request), by);
  await replace(ports, scope, { policy, by });
  return null;
}

/** [A70] What shall be the policy, with who signed its code, whatever it says of that itself. */
async function withAuthor(
  { authors }: PolicyPorts,
  scope: string,
  { rules, signed }: Pick<SetPolicy, "rules" | "signed">,
): Promise<unknown> {
  const policy = codePolicySchema.safeParse(rules).data;
  if (policy === undefined) return rules;
  const { author: _claimed, ...unsigned } = policy;
  const author = await authors.authorOf(signed, { kind: "policy", code: policy.code, scope });
  return author === undefined ? unsigned : { ...unsigned, author };
}

/**
 * [A47] The policies that a scope has and had, the newest first; without a scope, the one in force of each that who
 * asks may read.
 *
 * @throws {MeanderError} `policy-invalid`, `denied`
 */
export async function policyHistory(
  ports: PolicyPorts,
  request: PolicyHistory,
): Promise<readonly PolicyChange[]> {
  const { policies, store } = ports;
  const { by } = request;
  if (request.scope !== undefined) {
    const scope = await scopeOf(ports, request.scope, by);
    const entries = await policies.history(scope);
    const inForce = entryInForce(entries, await policies.inForce(scope));
    return entries.map((entry) => changeOf(scope, entry, inForce)).reverse();
  }
  const found: PolicyChange[] = [];
  for (const scope of await policies.scopes()) {
    if (!(await mayHandle(store, scope, by))) continue;
    const inForce = entryInForce(await policies.history(scope), await policies.inForce(scope));
    if (inForce !== undefined) found.push(changeOf(scope, inForce, inForce));
  }
  return found;
}

/**
 * [A47] Sets a policy of before again: the one of that number, by default the one before what is in force. It is
 * checked like one that is set, and is an entry of its own.
 *
 * @returns the number of the entry that was set again
 * @throws {MeanderError} `policy-invalid` when there is none, and what {@link setPolicy} throws
 */
export async function rollbackPolicy(
  ports: PolicyPorts,
  request: RollbackPolicy,
): Promise<{ readonly number: number }> {
  const { by } = request;
  const scope = await scopeOf(ports, request.scope, by);
  const former = await formerOf(ports.policies, scope, request.number);
  const policy = readPolicy(ports, scope, former.policy, by);
  await replace(ports, scope, { policy, by, restores: former.number });
  return { number: former.number };
}

async function formerOf(
  policies: PolicyStore,
  scope: string,
  number: number | undefined,
): Promise<PolicyEntry> {
  const entries = await policies.history(scope);
  const inForce = entryInForce(entries, await policies.inForce(scope));
  const place = inForce === undefined ? entries.length : entries.indexOf(inForce);
  const former =
    number === undefined ? entries[place - 1] : entries.find((each) => each.number === number);
  if (former !== undefined && former !== inForce) return former;
  // The first policy of a scope replaced none.
  if (number === 0 || (number === undefined && inForce?.number === 1)) return NONE;
  const numbers = entries.filter((each) => each !== inForce).map((each) => each.number);
  const none = numbers.length === 0;
  throw new MeanderError("policy-invalid", whyNot(number, former), {
    where: `policy ${scope}`,
    expected: none ? "a scope whose policy was changed" : `one of ${numbers.join(", ")}`,
    next: `see \`meander policy history ${scope}\``,
  });
}

const NONE: PolicyEntry = { number: 0, policy: [] };

function whyNot(number: number | undefined, former: PolicyEntry | undefined): string {
  if (number === undefined) return "no policy of before is kept";
  return former === undefined
    ? `no policy of before has the number ${number}`
    : `${number} is in force`;
}

async function replace(
  ports: PolicyPorts,
  scope: string,
  change: { readonly policy: Policy; readonly by: Asker; readonly restores?: number },
): Promise<void> {
  const { log, policies, judge } = ports;
  const { policy, by, restores } = change;
  await judgeChange(ports, scope, policy, by);
  if (!isRules(policy)) await judge?.check(scope, policy);
  await policies.change(scope, change);
  if (isRules(policy)) judge?.forget(scope);
  const facts = { scope, ...whatOf(policy), ...signature(by) };
  log.info("A policy was replaced.", restores === undefined ? facts : { ...facts, restores });
}

/** Reads what shall be the policy of a scope. @throws {MeanderError} as {@link setPolicy} */
export function readPolicy(ports: PolicyPorts, scope: string, value: unknown, by: Asker): Policy {
  const isCode = typeof value === "object" && value !== null && "code" in value;
  if (!isCode) return readRules(value);
  return readCode(ports, scope, value, by);
}

function readRules(rules: unknown): readonly PolicyRule[] {
  const parsed = newPolicyRulesSchema.safeParse(rules);
  if (parsed.success) return parsed.data;
  const { path, what, expected = "a list of rules" } = describeIssue(parsed.error, rules);
  const where = path.startsWith("[") ? `rules${path}` : "rules";
  throw new MeanderError("policy-invalid", what, { where, expected });
}

/**
 * [A33] The session's policy judges what others than its owners set for sites and streams. It is not asked about what
 * one sets that may replace it.
 *
 * @throws {MeanderError} `denied`
 */
async function judgeChange(
  ports: PolicyPorts,
  scope: string,
  policy: Policy,
  by: Asker,
): Promise<void> {
  if (maySetPolicy(by, "session", undefined)) return;
  const { self, store, policies } = ports;
  const [kind, name = ""] = scope.split("/");
  const record = kind === "streams" ? (await store.find(name))?.record : undefined;
  const about =
    kind === "sites" ? { site: name } : { stream: name, site: record?.site ?? self.site };
  const before = await policies.inForce(scope);
  const code = isRules(policy) ? undefined : policy;
  const replaces = before === undefined || isRules(before) ? undefined : before.code;
  const facts = { scope, hash: code?.code, replaces, limits: code?.limits };
  const briefcaseBytes = decodeBase64(code?.briefcase ?? "")?.byteLength;
  const asker =
    code?.author === undefined ? signature(by) : { ...signature(by), author: code.author };
  const question = { ...asker, action: "policy", ...about, ...facts } as const;
  await passPolicies(ports, question, { owner: record?.owner, briefcaseBytes });
}

function readCode(
  { judge }: PolicyPorts,
  scope: string,
  value: unknown,
  { token, administers }: Asker,
): CodePolicy {
  const { data: policy, error } = codePolicySchema.safeParse(value);
  if (policy === undefined || judge === undefined)
    throw new MeanderError("policy-invalid", error?.issues[0]?.message ?? "code is not run here", {
      where: `policy ${scope}`,
      expected: judge === undefined ? "a list of rules" : "a list of rules, or uploaded code",
    });
  if (token !== undefined && !administers && !token.can.includes("code"))
    throw outOfScope(token, "code", `policy ${scope}`);
  return policy;
}

function changeOf(
  scope: string,
  entry: PolicyEntry,
  inForce: PolicyEntry | undefined,
): PolicyChange {
  const { number, at, by, label, policy, restores } = entry;
  const isInForce = entry === inForce;
  return { scope, number, at, by, label, policy: whatOf(policy), restores, isInForce };
}

function whatOf(policy: Policy): PolicyChange["policy"] {
  return isRules(policy) ? { rules: policy.length } : { code: policy.code, file: policy.file };
}

function isRules(policy: Policy): policy is readonly PolicyRule[] {
  return Array.isArray(policy);
}
