import type { PolicyRequest } from "../agent/define/index.ts";
import { type Clock, LIMITS, MeanderError } from "../base/index.ts";
import type { Directory } from "../directory/index.ts";
import { codePolicySchema, type PolicyJudge } from "./code-policy.ts";
import type { JudgedRequests } from "./judged-requests.ts";
import { denied, enforce, type PolicyQuestion } from "./policy.ts";
import type { PolicyReader } from "./read-policy.ts";

/** What judges at the leader. */
export interface JudgementPorts {
  readonly clock: Clock;
  /** Where requests are noted, with what became of them. */
  readonly judged: JudgedRequests;
  readonly directory: Pick<Directory, "get" | "getBlob">;
  /** What reads its policies. */
  readonly reader: PolicyReader;
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
  /** What is thrown where no policy lets who asks do it; undefined: it needs none, the stream is its own. */
  readonly refusal?: MeanderError | undefined;
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
 * Has the policies of all scopes judge a request: rules, or code. A policy that cannot be read denies. What becomes of
 * it is remembered, for trials.
 *
 * @throws {MeanderError} `denied`
 */
export async function passPolicies(
  ports: JudgementPorts,
  question: PolicyQuestion,
  more: QuestionMore = {},
): Promise<Judgement> {
  const { scopes = scopesOf(question), refusal, owner, briefcaseBytes } = more;
  const request: PolicyRequest = { ...question, owner, at: ports.clock.wall() };
  const noted = { request, scopes, briefcaseBytes, refusal };
  try {
    const judgement = await askPolicies(ports, question, { ...more, scopes }, request);
    if (refusal !== undefined && !judgement.isEntitled) throw refusal;
    ports.judged.note(noted, undefined);
    return judgement;
  } catch (error) {
    if (error instanceof MeanderError && error.code === "denied") ports.judged.note(noted, error);
    throw error;
  }
}

async function askPolicies(
  { directory, judge, reader }: JudgementPorts,
  question: PolicyQuestion,
  { scopes = [], briefcaseBytes }: QuestionMore,
  asked: PolicyRequest,
): Promise<Judgement> {
  let isEntitled = false;
  let forMs: number = LIMITS.grantMs;
  let request: PolicyRequest | undefined;
  for (const scope of scopes) {
    const entry = await directory.get(`policy/${scope}`);
    if (entry === undefined) continue;
    const read = reader.of(entry);
    if (read.type === "invalid") throw denied(question, scope, "its rules are not valid");
    if (read.type === "rules") {
      isEntitled = enforce(read.rules, question, scope) || isEntitled;
      continue;
    }
    const policy = read.code;
    // The code is measured for policies that can ask for its size.
    request ??= await measured(directory, asked, briefcaseBytes);
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
  { directory, judge, clock }: JudgementPorts,
  event: Omit<PolicyRequest, "action" | "at"> & { readonly action: "leave" | "client-detach" },
): Promise<void> {
  for (const scope of ["session", `sites/${event.site}`]) {
    const entry = await directory.get(`policy/${scope}`);
    const policy = codePolicySchema.safeParse(entry?.value).data;
    if (policy !== undefined) void judge?.judge(scope, policy, { ...event, at: clock.wall() });
  }
}

/** A request with the size of its code. @param briefcaseBytes of the briefcase that comes with it */
export async function measured(
  directory: Pick<Directory, "getBlob">,
  request: PolicyRequest,
  briefcaseBytes = 0,
): Promise<PolicyRequest> {
  const code = request.hash === undefined ? undefined : await directory.getBlob(request.hash);
  return code === undefined ? request : { ...request, size: code.byteLength + briefcaseBytes };
}
