import { LIMITS } from "../base/index.ts";
import type { Entry } from "../directory/index.ts";
import { type CodePolicy, codePolicySchema } from "./code-policy.ts";
import { policyRulesSchema } from "./stream-record-schema.ts";
import type { PolicyRule } from "./stream-records.ts";

/** A policy as the directory has it. `invalid`: it is neither rules nor code. */
export type ReadPolicy =
  | { readonly type: "rules"; readonly rules: readonly PolicyRule[] }
  | { readonly type: "code"; readonly code: CodePolicy }
  | { readonly type: "invalid" };

/** Reads policies; each is read once, however many requests it judges. Bounded: the one read longest ago makes room. */
export class PolicyReader {
  /** By key of the directory, with the revision that was read. */
  readonly #read = new Map<string, { readonly revision: number; readonly policy: ReadPolicy }>();

  of({ key, revision, value }: Entry): ReadPolicy {
    const known = this.#read.get(key);
    if (known?.revision === revision) return known.policy;
    this.#read.delete(key);
    const policy = readPolicy(value);
    this.#read.set(key, { revision, policy });
    const [oldest] = this.#read.keys();
    if (this.#read.size > LIMITS.policiesReadMax && oldest !== undefined) this.#read.delete(oldest);
    return policy;
  }
}

function readPolicy(value: unknown): ReadPolicy {
  if (Array.isArray(value)) {
    const rules = policyRulesSchema.safeParse(value).data;
    return rules === undefined ? { type: "invalid" } : { type: "rules", rules };
  }
  const code = codePolicySchema.safeParse(value).data;
  return code === undefined ? { type: "invalid" } : { type: "code", code };
}
