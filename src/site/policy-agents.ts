import type { PolicyRequest, Verdict } from "../agent/index.ts";
import { PolicyAgent, type PolicyPlace, type PolicyProgram } from "../agent/index.ts";
import { LIMITS, messageOf } from "../base/index.ts";
import type { CodeStore } from "../code/index.ts";
import type { CodePolicy, PolicyJudge, TrialJudge } from "../session/index.ts";
import { decodeBase64 } from "../wire/index.ts";

/** What {@link PolicyAgents} use. */
export interface PolicyAgentsPorts extends PolicyPlace {
  readonly code: Pick<CodeStore, "get">;
}

/** What judges a scope. */
interface Seat {
  /** Says which policy it is. */
  readonly key: string;
  readonly policy: Promise<PolicyAgent>;
}

/** The policies of a session that are code, at its leader: each scope's in an executor of its own. */
export class PolicyAgents implements PolicyJudge {
  readonly #ports: PolicyAgentsPorts;
  /** By scope; the one that judged longest ago first. */
  readonly #seats = new Map<string, Seat>();

  constructor(ports: PolicyAgentsPorts) {
    this.#ports = ports;
  }

  async judge(scope: string, policy: CodePolicy, request: PolicyRequest): Promise<Verdict> {
    const seat = this.#seatOf(scope, policy);
    try {
      return await (await seat.policy).judge(request);
    } catch (error) {
      // The next request tries again.
      if (this.#seats.get(scope) === seat) this.#seats.delete(scope);
      return { effect: "deny", reason: `the policy cannot be started: ${messageOf(error)}` };
    }
  }

  async check(scope: string, policy: CodePolicy): Promise<void> {
    (await this.#start(scope, policy)).close();
  }

  startTrial(scope: string, policy: CodePolicy): Promise<TrialJudge> {
    return this.#start(scope, policy);
  }

  forget(scope: string): void {
    const seat = this.#seats.get(scope);
    this.#seats.delete(scope);
    if (seat !== undefined) closeWhenIdle(seat);
  }

  /** Ends all of them. */
  close(): void {
    for (const seat of this.#seats.values()) seat.policy.then((policy) => policy.close(), ignore);
    this.#seats.clear();
  }

  #seatOf(scope: string, policy: CodePolicy): Seat {
    const key = JSON.stringify([policy.code, policy.limits, policy.briefcase]);
    const known = this.#seats.get(scope);
    this.#seats.delete(scope);
    if (known?.key === key) {
      this.#seats.set(scope, known);
      return known;
    }
    // Requests that came before are judged by the policy that was in force then.
    if (known !== undefined) closeWhenIdle(known);
    const seat = { key, policy: this.#start(scope, policy) };
    seat.policy.catch(ignore);
    this.#seats.set(scope, seat);
    const [oldest] = this.#seats.keys();
    if (this.#seats.size > LIMITS.codePoliciesMax && oldest !== undefined) this.forget(oldest);
    return seat;
  }

  async #start(scope: string, policy: CodePolicy): Promise<PolicyAgent> {
    const { expression, sha256 } = await this.#ports.code.get(policy.code);
    const program: PolicyProgram = {
      ...{ scope, sha256, expression, limits: policy.limits },
      briefcase: decodeBase64(policy.briefcase) ?? new Uint8Array(0),
    };
    return await PolicyAgent.start(this.#ports, program);
  }
}

/** No verdict that is waited for is lost; they come in bounded time. */
function closeWhenIdle({ policy }: Seat): void {
  policy.then((agent) => agent.retire(), ignore);
}

function ignore(): void {}
