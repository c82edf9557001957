import type { PolicyRequest } from "../agent/define/index.ts";
import { LIMITS } from "../base/index.ts";
import type { Directory } from "../directory/index.ts";
import { codePolicySchema, type PolicyJudge } from "./code-policy.ts";
import { denied, enforce, type PolicyQuestion } from "./policy.ts";
import { policyRulesSchema } from "./stream-record-schema.ts";

/** What judges at the leader. */
export interface JudgementPorts {
  readonly directory: Pick<Directory, "get" | "getBlob">;
  /** What judges by policies that are code; undefined: such policies deny. */
  readonly judge?: PolicyJudge | undefined;
}

/** What only the leader knows of a request. */
export interface QuestionMore {
  /** Of the stream that it is about. */
  readonly owner?: string | undefined;
  /** Bytes of the briefcase that comes with the code. */
  readonly briefcaseBytes?: number | undefined;
  /** Whose policies are asked, in order; default: {@link scopesOf}. */
  readonly scopes?: readonly string[] | undefined;
}

/** What the policies have said of a request that none denies. */
export interface Judgement {
  /** Whether one lets who asks do it, whoever owns the stream. */
  readonly isEntitled: boolean;
  /** How long that holds, where it is a right that is kept, ms: the shortest that code has said. */
  readonly forMs: number;
}

/** The scopes whose policies judge a request, in order. The first that denies decides. */
export function scopesOf({ action, stream, site }: PolicyQuestion): readonly string[] {
  // Who may set the policy of a scope is not to be hindered by that of another but the session's.
  if (action === "policy") return ["session"];
  const scopes = ["session", `sites/${site}`];
  return stream === undefined ? scopes : [...scopes, `streams/${stream}`];
}

/**
 * Has the policies of all scopes judge a request: rules, or code. A policy that cannot be read denies.
 *
 * @throws {MeanderError} `denied`
 */
export async function passPolicies(
  { directory, judge }: JudgementPorts,
  question: PolicyQuestion,
  { owner, briefcaseBytes, scopes = scopesOf(question) }: QuestionMore = {},
): Promise<Judgement> {
  let isEntitled = false;
  let forMs: number = LIMITS.grantMs;
  let request: PolicyRequest | undefined;
  for (const scope of scopes) {
    const entry = await directory.get(`policy/${scope}`);
    if (entry === undefined) continue;
    if (Array.isArray(entry.value)) {
      const rules = policyRulesSchema.safeParse(entry.value).data;
      if (rules === undefined) throw denied(question, scope, "its rules are not valid");
      isEntitled = enforce(rules, question, scope) || isEntitled;
      continue;
    }
    const policy = codePolicySchema.safeParse(entry.value).data;
    if (policy === undefined) throw denied(question, scope, "its rules are not valid");
    // The code is measured for policies that can ask for its size.
    request ??= { ...question, owner, ...(await sizeOf(directory, question, briefcaseBytes)) };
    const verdict = await judge?.judge(scope, policy, request);
    if (verdict?.effect !== "allow")
      throw denied(question, scope, verdict?.reason ?? "its code does not allow it", policy.code);
    forMs = Math.min(forMs, verdict.forMs ?? LIMITS.grantMs);
  }
  return { isEntitled, forMs };
}

/**
 * Tells the policies that are code what has happened, and what no policy can prevent. Settles at once; what they answer
 * says nothing.
 */
export async function tellPolicies(
  { directory, judge }: JudgementPorts,
  event: Omit<PolicyRequest, "action"> & { readonly action: "leave" | "client-detach" },
): Promise<void> {
  for (const scope of ["session", `sites/${event.site}`]) {
    const entry = await directory.get(`policy/${scope}`);
    const policy = codePolicySchema.safeParse(entry?.value).data;
    if (policy !== undefined) void judge?.judge(scope, policy, event);
  }
}

async function sizeOf(
  directory: Pick<Directory, "getBlob">,
  { hash }: PolicyQuestion,
  briefcaseBytes = 0,
): Promise<{ readonly size?: number }> {
  if (hash === undefined) return {};
  const code = await directory.getBlob(hash);
  return code === undefined ? {} : { size: code.byteLength + briefcaseBytes };
}
