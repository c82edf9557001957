import { type Cancel, type Clock, LIMITS, MeanderError } from "../../base/index.ts";
import type { Fault } from "../../stream/index.ts";
import type { AttachedAgent } from "./attached-agent.ts";

interface Attempt {
  readonly done: (isRevived: boolean) => void;
  cancelPause: Cancel | undefined;
}

/** Starts agents that have ended, however many attempts it takes: the message that waits for them is not at fault. */
export class Revival {
  readonly #clock: Clock;
  readonly #onFault: (fault: Fault) => void;
  #attempt: Attempt | undefined;

  constructor(clock: Clock, onFault: (fault: Fault) => void) {
    this.#clock = clock;
    this.#onFault = onFault;
  }

  get isRunning(): boolean {
    return this.#attempt !== undefined;
  }

  /**
   * One at a time. `done` is called once, later: whether all of them can run now.
   *
   * @param pauseMs before anything else
   */
  begin(
    agents: readonly AttachedAgent[],
    done: (isRevived: boolean) => void,
    pauseMs: number,
  ): void {
    this.#attempt = { done, cancelPause: undefined };
    void this.#revive(this.#attempt, agents, pauseMs);
  }

  /** Ends it now as not revived. */
  cancel(): void {
    const attempt = this.#attempt;
    this.abandon();
    attempt?.done(false);
  }

  /** Ends it without a report. */
  abandon(): void {
    this.#attempt?.cancelPause?.();
    this.#attempt = undefined;
  }

  async #revive(
    attempt: Attempt,
    agents: readonly AttachedAgent[],
    firstMs: number,
  ): Promise<void> {
    let pauseMs: number = LIMITS.agentStartPauseMs;
    if (firstMs > 0) await this.#pause(attempt, firstMs);
    if (this.#attempt !== attempt) return;
    for (;;) {
      for (const fault of await reviveAll(agents)) this.#onFault(fault);
      if (this.#attempt !== attempt) return;
      if (agents.every(({ isReady }) => isReady)) break;
      await this.#pause(attempt, pauseMs);
      pauseMs = Math.min(pauseMs * 2, LIMITS.retryPauseMsMax);
    }
    this.#attempt = undefined;
    attempt.done(true);
  }

  #pause(attempt: Attempt, ms: number): Promise<void> {
    return new Promise((resolve) => {
      attempt.cancelPause = this.#clock.after("agent start", ms, resolve);
    });
  }
}

/** Starts each that has ended, once. Why some cannot, in their order. */
export async function reviveAll(agents: readonly AttachedAgent[]): Promise<Fault[]> {
  const faults = await Promise.all(
    agents.map(async (agent): Promise<Fault | undefined> => {
      try {
        if (!agent.isReady) await agent.revive();
        return undefined;
      } catch (thrown) {
        if (!(thrown instanceof MeanderError)) throw thrown;
        return { code: thrown.code, message: thrown.message, agent: agent.name };
      }
    }),
  );
  return faults.filter((fault) => fault !== undefined);
}
