import { type Log, MeanderError } from "../base/index.ts";
import type { Directory, Json } from "../directory/index.ts";
import { type Asker, maySetPolicy, signature } from "./asker.ts";
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
  checkLeads(): Promise<void>;
}

/**
 * Replaces the rules of a scope; no rules remove them.
 *
 * @throws {MeanderError} `policy-invalid`, which says where, `denied`, `leader-fenced`
 */
export async function setPolicy(
  { directory, log, store, checkLeads }: PolicyPorts,
  { scope, rules, by }: SetPolicy,
): Promise<null> {
  const checked = checkScope(scope);
  const stream = checked.startsWith("streams/") ? checked.slice("streams/".length) : undefined;
  const held = stream === undefined ? undefined : await store.find(stream);
  if (!maySetPolicy(by, checked, held?.record)) throw notAllowed(by, checked);
  const parsed = newPolicyRulesSchema.safeParse(rules);
  if (!parsed.success) {
    const { path, what, expected = "a list of rules" } = describeIssue(parsed.error, rules);
    const where = path.startsWith("[") ? `rules${path}` : "rules";
    throw new MeanderError("policy-invalid", what, { where, expected });
  }
  await checkLeads();
  const key = `policy/${checked}`;
  if (parsed.data.length === 0) await directory.delete(key);
  else await directory.put(key, parsed.data as unknown as Json);
  log.info("A policy was replaced.", { scope: checked, rules: parsed.data, ...signature(by) });
  return null;
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
