import type { PolicyRequest, Verdict } from "../agent/index.ts";
import { PolicyAgent, type PolicyPlace, type PolicyProgram } from "../agent/judge/index.ts";
import { LIMITS, MeanderError, messageOf } from "../base/index.ts";
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

/** A policy that was started to be checked, and judges nothing yet. */
interface Begun {
  readonly key: string;
  /** It is in force. */
  take(): PolicyAgent;
  /** It is not going to be. */
  end(): void;
}

/** One that was checked is kept for so long, ms: it comes into force within that. */
const BEGUN_MS = 5_000;

/** The policies of a session that are code, at its leader: each scope's in an executor of its own. */
export class PolicyAgents implements PolicyJudge {
  readonly #ports: PolicyAgentsPorts;
  /** By scope; the one that judged longest ago first. */
  readonly #seats = new Map<string, Seat>();
  /** By scope; each for {@link BEGUN_MS}. */
  readonly #begun = new Map<string, Begun>();

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
    const agent = await this.#start(scope, policy);
    this.#begun.get(scope)?.end();
    // It is about to be in force, and then judges at once.
    const cancel = this.#ports.clock.after("policy that was checked", BEGUN_MS, () => end());
    const end = (): void => {
      cancel();
      if (this.#begun.get(scope) === begun) this.#begun.delete(scope);
      agent.close();
    };
    const take = (): PolicyAgent => {
      cancel();
      this.#begun.delete(scope);
      return agent;
    };
    const begun: Begun = { key: keyOf(policy), take, end };
    this.#begun.set(scope, begun);
  }

  startTrial(scope: string, policy: CodePolicy): Promise<TrialJudge> {
    return this.#start(scope, policy);
  }

  forget(scope: string): void {
    this.#begun.get(scope)?.end();
    const seat = this.#seats.get(scope);
    this.#seats.delete(scope);
    if (seat !== undefined) closeWhenIdle(seat);
  }

  /** Ends all of them. */
  close(): void {
    for (const seat of this.#seats.values()) seat.policy.then((policy) => policy.close(), ignore);
    this.#seats.clear();
    for (const begun of [...this.#begun.values()]) begun.end();
  }

  #seatOf(scope: string, policy: CodePolicy): Seat {
    const key = keyOf(policy);
    const known = this.#seats.get(scope);
    this.#seats.delete(scope);
    if (known?.key === key) {
      this.#seats.set(scope, known);
      return known;
    }
    // Requests that came before are judged by the policy that was in force then.
    if (known !== undefined) closeWhenIdle(known);
    const begun = this.#begun.get(scope);
    const isBegun = begun?.key === key;
    const seat = {
      key,
      policy: isBegun ? Promise.resolve(begun.take()) : this.#start(scope, policy),
    };
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

function keyOf({ code, limits, briefcase }: CodePolicy): string {
  return JSON.stringify([code, limits, briefcase]);
}

/** No verdict that is waited for is lost; they come in bounded time. */
function closeWhenIdle({ policy }: Seat): void {
  policy.then((agent) => agent.retire(), ignore);
}

function ignore(): void {}

const STARTING = { effect: "deny", reason: "the leading site is starting" } as const;

/** Judges by policies that may not have begun to run: until then they deny. */
export function judgeOnce(running: () => PolicyJudge | undefined): PolicyJudge {
  const judging = (scope: string): PolicyJudge => {
    const judge = running();
    if (judge !== undefined) return judge;
    throw new MeanderError("executor-failed", STARTING.reason, { where: `policy ${scope}` });
  };
  return {
    judge: async (scope, policy, request) =>
      (await running()?.judge(scope, policy, request)) ?? STARTING,
    check: async (scope, policy) => judging(scope).check(scope, policy),
    startTrial: async (scope, policy) => judging(scope).startTrial(scope, policy),
    forget: (scope) => running()?.forget(scope),
  };
}
