import { type Log, MeanderError } from "../base/index.ts";
import type { Directory, Json } from "../directory/index.ts";
import { type Asker, maySetPolicy, outOfScope, signature } from "./asker.ts";
import type { Authorship } from "./authorship.ts";
import { codePolicySchema, type PolicyJudge } from "./code-policy.ts";
import { siteNameSchema } from "./model.ts";
import { newPolicyRulesSchema, streamNameSchema } from "./stream-record-schema.ts";
import type { SetPolicy } from "./stream-requests.ts";
import type { StreamStore } from "./stream-store.ts";
import { describeIssue } from "./zod-issue.ts";

/** What {@link setPolicy} needs. */
export interface PolicyPorts {
  readonly directory: Directory;
  readonly log: Log;
  readonly store: Pick<StreamStore, "find">;
  readonly judge?: PolicyJudge | undefined;
  readonly authors: Pick<Authorship, "authorOf">;
  checkLeads(): Promise<void>;
}

/**
 * Replaces the policy of a scope, rules or code; no rules remove it. Code is started before it counts: the policy that
 * was in force stays when that fails.
 *
 * @throws {MeanderError} `policy-invalid`, which says where, `denied`, `token-denied`, `leader-fenced`; for code also
 *   `code-…`, `executor-failed`
 */
export async function setPolicy(ports: PolicyPorts, request: SetPolicy): Promise<null> {
  const { directory, log, store, judge, checkLeads } = ports;
  const { scope, rules, signed, by } = request;
  const checked = checkScope(scope);
  const stream = checked.startsWith("streams/") ? checked.slice("streams/".length) : undefined;
  const held = stream === undefined ? undefined : await store.find(stream);
  if (!maySetPolicy(by, checked, held?.record)) throw notAllowed(by, checked);
  const isCode = typeof rules === "object" && rules !== null && "code" in rules;
  const policy = isCode ? await readCode(ports, checked, { rules, signed, by }) : readRules(rules);
  await checkLeads();
  const key = `policy/${checked}`;
  if (Array.isArray(policy) && policy.length === 0) await directory.delete(key);
  else await directory.put(key, policy as Json);
  if (Array.isArray(policy)) judge?.forget(checked);
  log.info("A policy was replaced.", { scope: checked, policy, ...signature(by) });
  return null;
}

function readRules(rules: unknown): Json {
  const parsed = newPolicyRulesSchema.safeParse(rules);
  if (parsed.success) return parsed.data as unknown as Json;
  const { path, what, expected = "a list of rules" } = describeIssue(parsed.error, rules);
  const where = path.startsWith("[") ? `rules${path}` : "rules";
  throw new MeanderError("policy-invalid", what, { where, expected });
}

async function readCode(
  { judge, authors }: PolicyPorts,
  scope: string,
  { rules, signed, by: { token, administers } }: Pick<SetPolicy, "rules" | "signed" | "by">,
): Promise<Json> {
  const { data: policy, error } = codePolicySchema.safeParse(rules);
  if (policy === undefined || judge === undefined)
    throw new MeanderError("policy-invalid", error?.issues[0]?.message ?? "code is not run here", {
      where: `policy ${scope}`,
      expected: judge === undefined ? "a list of rules" : "a list of rules, or uploaded code",
    });
  if (token !== undefined && !administers && !token.can.includes("code"))
    throw outOfScope(token, "code", `policy ${scope}`);
  const author = await authors.authorOf(signed, { kind: "policy", code: policy.code, scope });
  await judge.check(scope, policy);
  const { author: _claimed, ...unsigned } = policy;
  return (author === undefined ? unsigned : { ...unsigned, author }) as unknown as Json;
}

function notAllowed({ text }: Asker, scope: string): MeanderError {
  return new MeanderError("denied", `${text} may not set the policy of ${scope}`, {
    where: `policy ${scope}`,
    expected: scope.startsWith("streams/")
      ? "the stream's owner, or a token that allows policy on it or administer"
      : "a token that allows policy there, or administer",
  });
}

function checkScope(scope: unknown): string {
  if (scope === "session") return scope;
  const [kind, name, ...more] = typeof scope === "string" ? scope.split("/") : [];
  const schema = kind === "sites" ? siteNameSchema : streamNameSchema;
  const known = kind === "sites" || kind === "streams";
  if (known && more.length === 0 && schema.safeParse(name).success) return `${kind}/${name}`;
  const shown = JSON.stringify(scope) ?? "nothing";
  throw new MeanderError("policy-invalid", `got ${shown.slice(0, 100)}`, {
    where: "scope",
    expected: "session, sites/NAME or streams/NAME",
  });
}
