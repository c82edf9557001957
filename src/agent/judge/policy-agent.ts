import {
  type Clock,
  LIMITS,
  type Log,
  MeanderError,
  messageOf,
  type Random,
} from "../../base/index.ts";
import type { Fault } from "../../stream/index.ts";
import { packValue } from "../../wire/index.ts";
import type { AgentHost, AgentInstance, Executor, InvocationResult } from "../executor.ts";
import type { AgentLimits } from "../model.ts";
import { type PolicyAnswer, readVerdict } from "./verdict.ts";

/** What policies run on. */
export interface PolicyPlace {
  /** Each policy asks it for a process of its own. */
  readonly executor: Executor;
  /** The name of this site. */
  readonly site: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** A policy that is code: an agent whose `judge` handler decides. */
export interface PolicyProgram {
  /** What it judges: `session`, `sites/NAME`, `streams/NAME`. */
  readonly scope: string;
  /** Hash of the prepared code: the policy's name in verdicts and records. */
  readonly sha256: string;
  /** The prepared code. */
  readonly expression: string;
  /** Of its definition; its handler has no longer than {@link LIMITS.policyMsMax}, whatever that says. */
  readonly limits: AgentLimits;
  /** Packed; what the policy counts in. It lasts as long as the policy does here. */
  readonly briefcase: Uint8Array;
}

/** A request that waits for its verdict. */
interface Waiting {
  readonly argument: Uint8Array;
  /** Settles it, once. */
  settle(verdict: PolicyAnswer): void;
  isSettled: boolean;
  /** Another request has ended the policy while this one waited. */
  wasInterrupted: boolean;
}

const AGENT = "policy";

/**
 * A policy that runs: judges one request after the other, outside of any mailbox, in an executor of its own.
 *
 * It denies whatever the policy gives no valid verdict about: when its handler throws, does something else than judge,
 * or takes over {@link LIMITS.policyMsMax}; when the policy ends and cannot be started again; when too many requests
 * wait. A policy that ends its executor again and again is started no more for a while, so that it costs nobody else
 * anything.
 */
export class PolicyAgent {
  readonly program: PolicyProgram;
  readonly #place: PolicyPlace;
  readonly #waiting: Waiting[] = [];
  #running: readonly Waiting[] = [];
  #instance: AgentInstance | undefined;
  #briefcase: Uint8Array;
  #isStarting = false;
  #isClosed = false;
  #isRetired = false;
  /** When it ended its executor or could not be started, by the clock; the newest. */
  #deaths: number[] = [];

  private constructor(place: PolicyPlace, program: PolicyProgram) {
    this.#place = place;
    this.program = program;
    this.#briefcase = program.briefcase;
  }

  /**
   * @throws {MeanderError} `policy-invalid` when it has no `judge` handler, `code-failed`, `code-invalid`,
   *   `executor-failed`
   */
  static async start(place: PolicyPlace, program: PolicyProgram): Promise<PolicyAgent> {
    const policy = new PolicyAgent(place, program);
    policy.#take(await policy.#start());
    return policy;
  }

  /** How many requests have no verdict yet. */
  get waiting(): number {
    return this.#waiting.length + this.#running.length;
  }

  /** The verdict about a request, which is plain data. Never throws, and takes no longer than a policy may. */
  judge(request: unknown): Promise<PolicyAnswer> {
    const { clock } = this.#place;
    if (this.#isClosed || this.#isRetired) return Promise.resolve(denial("the policy was closed"));
    if (this.waiting >= LIMITS.policyWaitingMax)
      return Promise.resolve(denial(`${LIMITS.policyWaitingMax} requests wait for the policy`));
    const argument = packValue(request);
    return new Promise((resolve) => {
      const cancel = clock.after("verdict of a policy", LIMITS.policyMsMax, () =>
        waiting.settle(denial(`the policy gave no verdict within ${LIMITS.policyMsMax} ms`)),
      );
      const waiting: Waiting = {
        argument,
        isSettled: false,
        wasInterrupted: false,
        settle: (verdict) => {
          if (waiting.isSettled) return;
          waiting.isSettled = true;
          cancel();
          resolve(verdict);
        },
      };
      this.#waiting.push(waiting);
      this.#proceed();
    });
  }

  /** Ends it once no request waits; further ones are denied. */
  retire(): void {
    this.#isRetired = true;
    if (this.waiting === 0) this.close();
  }

  /** Ends it; requests that wait are denied. */
  close(): void {
    this.#isClosed = true;
    this.#instance?.close();
    this.#instance = undefined;
    for (const each of [...this.#running, ...this.#waiting.splice(0)])
      each.settle(denial("the policy was closed"));
    this.#running = [];
  }

  /** Gives all that waits to the instance, at once. */
  #proceed(): void {
    if (this.#isClosed || this.#running.length > 0) return;
    const batch = this.#waiting.splice(0).filter(({ isSettled }) => !isSettled);
    if (batch.length === 0) {
      if (this.#isRetired) this.close();
      return;
    }
    const instance = this.#instance;
    if (instance === undefined) {
      this.#waiting.push(...batch);
      this.#revive();
      return;
    }
    this.#running = batch;
    let open = batch.length;
    const invocations = batch.map(({ argument }) => ({
      handler: "judge" as const,
      argument,
      message: undefined,
    }));
    instance.run(invocations, (index, result) => {
      const each = batch[index] as Waiting;
      if (result.type === "interrupted" && !each.isSettled) this.#interrupted(each);
      else each.settle(this.#verdictOf(result));
      if (--open > 0) return;
      this.#running = [];
      // What ended with this call is known later in this turn.
      queueMicrotask(() => this.#proceed());
    });
  }

  /** Another request was to blame; it is judged again, once. */
  #interrupted(waiting: Waiting): void {
    if (waiting.wasInterrupted) {
      waiting.settle(denial("the policy ended while the request waited"));
      return;
    }
    waiting.wasInterrupted = true;
    this.#waiting.push(waiting);
  }

  #verdictOf(result: InvocationResult): PolicyAnswer {
    switch (result.type) {
      case "interrupted":
        return denial("the policy ended while the request waited");
      case "failed":
        if (result.fault.endedExecutor === true) this.#deaths.push(this.#place.clock.now());
        return denial(`the policy failed: ${result.fault.message}`);
      case "done": {
        const { briefcase, effects, exits } = result;
        if (briefcase !== undefined) this.#briefcase = briefcase;
        const { appends, timers, relocate, reply } = effects;
        if (appends.length + timers.length > 0 || relocate !== undefined || exits)
          return denial("the policy did something else than judge");
        return readVerdict(reply);
      }
    }
  }

  /** Starts it again, unless it has ended too often. */
  #revive(): void {
    if (this.#isStarting) return;
    const { clock, log } = this.#place;
    const { scope, sha256 } = this.program;
    const since = clock.now() - LIMITS.policyDeathsMs;
    this.#deaths = this.#deaths.filter((at) => at > since);
    if (this.#deaths.length >= LIMITS.policyDeathsMax) {
      for (const each of this.#waiting.splice(0))
        each.settle(denial(`the policy has ended its process ${this.#deaths.length} times`));
      return;
    }
    this.#isStarting = true;
    this.#start().then(
      (instance) => {
        this.#isStarting = false;
        if (this.#isClosed) return instance.close();
        this.#take(instance);
        this.#proceed();
      },
      (error: unknown) => {
        this.#isStarting = false;
        this.#deaths.push(clock.now());
        log.warn("A policy could not be started again.", {
          ...{ scope, policy: sha256, error: messageOf(error) },
        });
        for (const each of this.#waiting.splice(0))
          each.settle(denial(`the policy cannot be started: ${messageOf(error)}`));
      },
    );
  }

  async #start(): Promise<AgentInstance> {
    const { executor, site } = this.#place;
    const { scope, expression, limits } = this.program;
    const instance = await executor.start(
      {
        ...{ stream: scope, streamId: 0, agent: AGENT, owner: `policy ${scope}` },
        ...{ code: expression, replaced: {}, briefcase: this.#briefcase, site },
        ...limits,
        handlerMs: Math.min(limits.handlerMs, LIMITS.policyMsMax),
        isolation: executor.kind === "inline" ? "inline" : "thread",
      },
      this.#host(),
    );
    if (instance.handlers.has("judge")) return instance;
    instance.close();
    throw new MeanderError("policy-invalid", "its definition has no judge handler", {
      where: `policy ${scope}`,
      expected: "export default { on: { judge: (ctx, request) => … } }",
    });
  }

  #take(instance: AgentInstance): void {
    this.#instance = instance;
    void instance.ended.then((fault) => this.#ended(instance, fault));
  }

  #ended(instance: AgentInstance, fault: Fault): void {
    if (this.#instance !== instance) return;
    const { log } = this.#place;
    const { scope, sha256 } = this.program;
    this.#instance = undefined;
    log.warn("The process of a policy has ended.", { scope, policy: sha256, error: fault.message });
    this.#proceed();
  }

  #host(): AgentHost {
    const { clock, log, random } = this.#place;
    const { scope } = this.program;
    const refusal = new MeanderError("denied", "a policy may only judge", {
      where: `policy ${scope}`,
    });
    return {
      call: () => Promise.reject(refusal),
      log: (line) => log.info("A policy says something.", { scope, line }),
      now: () => clock.wall(),
      random: () => random.float(),
    };
  }
}

function denial(reason: string): PolicyAnswer {
  return { effect: "deny", reason, isFault: true };
}
