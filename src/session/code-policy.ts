import { z } from "zod";
import {
  type AgentLimits,
  agentLimitsSchema,
  type PolicyRequest,
  type Verdict,
} from "../agent/define/index.ts";
import { LIMITS } from "../base/index.ts";
import { authorSchema } from "../trust/index.ts";

/** A policy that is code, as the directory has it under `policy/SCOPE` in place of a list of rules. */
export interface CodePolicy {
  /** Hash of the prepared code, which the directory keeps as a blob. */
  readonly code: string;
  /** What it was uploaded as, for people. */
  readonly file?: string | undefined;
  readonly limits: AgentLimits;
  /** [A70] Who signed its code. */
  readonly author?: string | undefined;
  /** What it starts with; packed, base64. */
  readonly briefcase: string;
}

/** Reads a {@link CodePolicy}. */
export const codePolicySchema: z.ZodType<CodePolicy> = z.strictObject({
  code: z.string().regex(/^[0-9a-f]{64}$/, "expected a sha-256 in 64 hex digits"),
  file: z.string().max(200).optional(),
  limits: agentLimitsSchema,
  author: authorSchema.optional(),
  briefcase: z.base64().max(Math.ceil((LIMITS.policyBriefcaseBytesMax * 4) / 3) + 4),
});

/** What a policy that is code has said of a request, or that it said nothing. */
export interface PolicyAnswer extends Verdict {
  /** It gave no verdict: it threw, took too long, or has ended. */
  readonly isFault?: true | undefined;
}

/** A policy that is code, and judges without being in force. */
export interface TrialJudge {
  /** Never throws. */
  judge(request: PolicyRequest): Promise<PolicyAnswer>;
  close(): void;
}

/** Has policies that are code judge. */
export interface PolicyJudge {
  /**
   * The verdict of a scope's policy; the one that judged the scope before is replaced when it differs. Never throws: a
   * policy that cannot be started denies.
   */
  judge(scope: string, policy: CodePolicy, request: PolicyRequest): Promise<Verdict>;
  /**
   * Starts a policy, and ends it again.
   *
   * @throws {MeanderError} why it cannot judge: `policy-invalid`, `code-…`, `executor-failed`
   */
  check(scope: string, policy: CodePolicy): Promise<void>;
  /**
   * Starts a policy in an executor of its own, for judging requests of before. The caller closes it.
   *
   * @throws {MeanderError} as {@link check}
   */
  startTrial(scope: string, policy: CodePolicy): Promise<TrialJudge>;
  /** Ends what judges a scope: it has no such policy any more. */
  forget(scope: string): void;
}
