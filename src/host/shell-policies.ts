import type { PolicyChange, PolicyTrial, PolicyUpload, PolicyView } from "../agent/index.ts";
import { LIMITS } from "../base/index.ts";
import { type Asker, type AskerClaim, type CodePolicy, maySetPolicy } from "../session/index.ts";
import { encodeBase64 } from "../wire/index.ts";
import type { SessionAccess } from "./site-session-port.ts";

/** Of the name of a policy's file, what is kept: its end. */
const FILE_CHARACTERS_MAX = 100;

/** Until a trial is answered: the last verdict, the process's start and the way add to its own time, ms. */
const TRIAL_MS = LIMITS.policyTrialMs + LIMITS.attachCallMs;

/** What {@link ShellPolicies} use. */
export interface ShellPoliciesPorts {
  readonly access: Pick<SessionAccess, "table" | "uploads" | "askLeader">;
  /** Who asks, for the leader. */
  readonly claim: AskerClaim;
  /** Who asks, as this site knows it now. */
  asker(): Asker;
}

/** The session's policies, for a shell of this site. */
export class ShellPolicies {
  readonly #ports: ShellPoliciesPorts;

  constructor(ports: ShellPoliciesPorts) {
    this.#ports = ports;
  }

  /** [A33] Those that the shell may read, by scope. */
  get inForce(): Readonly<Record<string, PolicyView>> {
    const { access, asker } = this.#ports;
    const { table } = access;
    const readable = Object.entries(table.policies).filter(([scope]) => {
      const [kind, name = ""] = scope.split("/");
      const record = kind === "streams" ? table.byName(name) : undefined;
      return maySetPolicy(asker(), scope, record);
    });
    return Object.fromEntries(readable);
  }

  async set(scope: string, policy: readonly unknown[] | PolicyUpload): Promise<void> {
    const rules = await this.#prepared(policy);
    const signed = "source" in policy ? policy.signed : undefined;
    const request = { scope, rules, signed, ...this.#ports.claim };
    await this.#ports.access.askLeader("set-policy", request);
  }

  async history(scope: string | undefined): Promise<readonly PolicyChange[]> {
    const request = { scope, ...this.#ports.claim };
    const answer = await this.#ports.access.askLeader("policy-history", request);
    return answer as unknown as readonly PolicyChange[];
  }

  async rollback(scope: string, number: number | undefined): Promise<number> {
    const request = { scope, number, ...this.#ports.claim };
    const answer = await this.#ports.access.askLeader("rollback-policy", request);
    return (answer as { readonly number: number }).number;
  }

  async try(
    scope: string,
    policy: readonly unknown[] | PolicyUpload,
    last: number | undefined,
  ): Promise<PolicyTrial> {
    const rules = await this.#prepared(policy);
    const request = { scope, rules, last, ...this.#ports.claim };
    const answer = await this.#ports.access.askLeader("try-policy", request, TRIAL_MS);
    return answer as unknown as PolicyTrial;
  }

  /** Rules as they are; code is uploaded. */
  async #prepared(
    policy: readonly unknown[] | PolicyUpload,
  ): Promise<readonly unknown[] | CodePolicy> {
    if (!("source" in policy)) return policy;
    const { access, asker } = this.#ports;
    const { source, file, briefcase } = policy;
    const request = { source, file, briefcase, name: undefined };
    const read = await access.uploads.agent(request, asker().codeOwner);
    return {
      code: read.spec.code,
      ...(file === undefined ? {} : { file: file.slice(-FILE_CHARACTERS_MAX) }),
      limits: read.spec.limits,
      briefcase: encodeBase64(read.briefcase),
    };
  }
}
