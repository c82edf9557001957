import type { PolicyRequest, PolicyTrial, TriedVerdict } from "../agent/define/index.ts";
import { LIMITS, MeanderError } from "../base/index.ts";
import type { PolicyAnswer, PolicyJudge } from "./code-policy.ts";
import type { JudgedRequest } from "./judged-requests.ts";
import { measured } from "./judgement.ts";
import { decide, isEntitling, type PolicyQuestion, placeOf, ruleWords } from "./policy.ts";
import { scopeOf } from "./policy-scope.ts";
import type { Policy } from "./policy-store.ts";
import { type PolicyPorts, readPolicy } from "./stream-policies.ts";
import type { TryPolicy } from "./stream-requests.ts";

/** A policy that shall be tried, ready to judge. */
interface Candidate {
  readonly isCode: boolean;
  judge(request: PolicyRequest): Promise<PolicyAnswer & { readonly isEntitled?: boolean }>;
  close(): void;
}

/**
 * [A48] Has policies judge requests of before, to tell what would be different with them. They are never in force: code
 * runs in an executor of its own, which ends with the trial.
 */
export class PolicyTrials {
  #running = 0;

  /**
   * @throws {MeanderError} `control-busy` when others are tried, `policy-invalid`, `denied`, `token-denied`; for code
   *   also `code-…`, `executor-failed`
   */
  async run(ports: PolicyPorts, request: TryPolicy): Promise<PolicyTrial> {
    const { last, by } = request;
    const scope = await scopeOf(ports, request.scope, by);
    if (this.#running >= LIMITS.policyTrialsMax)
      throw new MeanderError("control-busy", `${this.#running} policies are being tried`, {
        where: `policy ${scope}`,
        next: "try again in a moment",
      });
    this.#running++;
    try {
      const policy = readPolicy(ports, scope, request.rules, by);
      const candidate = await candidateOf(scope, policy, ports.judge);
      try {
        return await tryOn(ports, scope, candidate, ports.judged.of(scope, last));
      } finally {
        candidate.close();
      }
    } finally {
      this.#running--;
    }
  }
}

async function candidateOf(
  scope: string,
  policy: Policy,
  judge: PolicyJudge | undefined,
): Promise<Candidate> {
  if ("code" in policy && judge !== undefined) {
    const trial = await judge.startTrial(scope, policy);
    return { isCode: true, judge: (request) => trial.judge(request), close: () => trial.close() };
  }
  const rules = "code" in policy ? [] : policy;
  return {
    isCode: false,
    judge: async (request) => {
      const question = request as PolicyQuestion;
      const { effect, rule } = decide(rules, question);
      const place = ruleWords(scope, placeOf(rules, rule));
      return {
        effect,
        reason: rule?.reason ?? `${place} denies it`,
        isEntitled: isEntitling(rule, scope),
      };
    },
    close: () => {},
  };
}

async function tryOn(
  { policies, clock, directory }: PolicyPorts,
  scope: string,
  candidate: Candidate,
  judged: readonly JudgedRequest[],
): Promise<PolicyTrial> {
  const others = new Map<string, Policy | undefined>();
  const until = clock.now() + LIMITS.policyTrialMs;
  const found = { refused: 0, allowed: 0, failed: 0, slowestMs: 0 };
  const changes: PolicyTrial["changes"][number][] = [];
  let count = 0;
  for (const each of judged) {
    const { request, scopes, briefcaseBytes, outcome } = each;
    if (clock.now() > until) break;
    for (const other of scopes)
      if (other !== scope && !others.has(other)) others.set(other, await policies.inForce(other));
    count++;
    if (isBefore(outcome.scope, scope, scopes)) continue;
    const asked = candidate.isCode ? await measured(directory, request, briefcaseBytes) : request;
    const began = clock.now();
    const answer = await candidate.judge(asked);
    found.slowestMs = Math.max(found.slowestMs, clock.now() - began);
    if (answer.isFault === true) found.failed++;
    const isOurs = outcome.effect === "deny" && outcome.scope === scope;
    const would =
      answer.effect === "deny"
        ? { effect: "deny" as const, rule: `policy ${scope}`, reason: answer.reason }
        : thereafter(each, answer.isEntitled === true, isOurs, (other) => others.get(other));
    if (would.effect === outcome.effect) continue;
    found[would.effect === "deny" ? "refused" : "allowed"]++;
    const { at, by, label, action, stream, site } = request;
    const was = { effect: outcome.effect, rule: outcome.rule, reason: outcome.reason };
    changes.push({ at, by, label, action, stream, site, was, would });
  }
  return {
    ...{ scope, requests: count, left: judged.length - count, ...found },
    since: judged[0]?.request.at,
    changes: changes.slice(-LIMITS.policyTrialShownMax),
  };
}

/** Whether a policy that is asked before this one has denied the request. */
function isBefore(denier: string | undefined, scope: string, scopes: readonly string[]): boolean {
  return denier !== undefined && scopes.indexOf(denier) < scopes.indexOf(scope);
}

/**
 * What would become of a request that the tried policy allows. Where it was denied before the others could be asked,
 * rules that are in force now are asked; code is taken to allow it, because to ask it could change what it counts.
 */
function thereafter(
  { request, scopes, refusal, outcome }: JudgedRequest,
  isEntitled: boolean,
  wasDenied: boolean,
  policyOf: (scope: string) => Policy | undefined,
): TriedVerdict {
  let lets = refusal === undefined || isEntitled;
  for (const scope of scopes) {
    const policy = policyOf(scope);
    if (policy === undefined || "code" in policy) continue;
    const { effect, rule } = decide(policy, request as PolicyQuestion);
    if (wasDenied && effect === "deny")
      return { effect, rule: ruleWords(scope, placeOf(policy, rule)), reason: rule?.reason };
    lets ||= isEntitling(rule, scope);
  }
  // What denied it besides still does.
  if (!wasDenied && outcome.scope !== undefined) return outcome;
  return lets
    ? { effect: "allow" }
    : { effect: "deny", rule: refusal?.where, reason: refusal?.what };
}
