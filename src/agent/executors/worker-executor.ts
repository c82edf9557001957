import { type Cancel, type Clock, LIMITS, type Log, MeanderError } from "../../base/index.ts";
import type { AgentHost, AgentInstance, AgentProgram, Executor } from "../executor.ts";
import { AgentWorker } from "./agent-worker.ts";

/** What a worker executor depends on. */
export interface WorkerExecutorOptions {
  /** Real time: threads know no other. */
  readonly clock: Clock;
  readonly log: Log;
}

/** A worker, and when it ends because it has no agents. */
interface Kept {
  readonly worker: AgentWorker;
  cancelEnd: Cancel | undefined;
}

/**
 * Runs agents in worker threads: one thread for the agents of one owner with the same memory limit, one for each agent
 * that asks for it.
 *
 * A thread has no environment, no writable files, no standard streams; it is locked down, and each agent has its own
 * compartment. A handler that exceeds its deadline, or fills the heap, ends its thread: all agents in it end, each with
 * its reason, and their users start them again. Memory outside of the heap (ArrayBuffers) is not limited.
 */
export class WorkerExecutor implements Executor {
  readonly kind = "process";
  readonly #options: WorkerExecutorOptions;
  /** By what they are shared by. */
  readonly #workers = new Map<string, Kept[]>();
  #count = 0;
  #threads = 0;
  #isClosed = false;

  constructor(options: WorkerExecutorOptions) {
    this.#options = options;
  }

  /** @throws {MeanderError} `code-failed`, `code-invalid`, `value-malformed`, `executor-failed` */
  async start(program: AgentProgram, host: AgentHost): Promise<AgentInstance> {
    if (this.#isClosed) throw new MeanderError("executor-failed", "the executor is closed");
    const { owner, memoryMb } = program;
    const thread = program.isolation === "thread";
    const key = `${memoryMb} ${thread ? `thread ${++this.#threads}` : `owner ${owner}`}`;
    const kept =
      this.#workers.get(key)?.find(({ worker }) => !worker.isFull) ?? this.#open(key, program);
    kept.cancelEnd?.();
    kept.cancelEnd = undefined;
    return await kept.worker.start(program, host);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const all = [...this.#workers.values()].flat();
    for (const { cancelEnd } of all) cancelEnd?.();
    await Promise.all(all.map(({ worker }) => worker.close()));
  }

  /** @throws {MeanderError} `executor-failed` */
  #open(key: string, { owner, memoryMb, isolation }: AgentProgram): Kept {
    if (this.#count === LIMITS.agentWorkersMax) {
      throw new MeanderError("executor-failed", "there are too many workers of agents", {
        where: `agents of ${owner}`,
        expected: `at most ${LIMITS.agentWorkersMax}`,
      });
    }
    const { clock, log } = this.#options;
    const idleMs = isolation === "thread" ? 0 : LIMITS.workerIdleMs;
    const kept: Kept = {
      worker: new AgentWorker({
        clock,
        log,
        owner,
        memoryMb,
        onLeave: () => {
          kept.cancelEnd?.();
          this.#forget(key, kept);
        },
        onIdle: () => {
          kept.cancelEnd?.();
          kept.cancelEnd = clock.after("idle worker", idleMs, () => void kept.worker.close());
        },
      }),
      cancelEnd: undefined,
    };
    const shared = this.#workers.get(key);
    if (shared === undefined) this.#workers.set(key, [kept]);
    else shared.push(kept);
    this.#count++;
    return kept;
  }

  #forget(key: string, kept: Kept): void {
    const rest = this.#workers.get(key)?.filter((each) => each !== kept) ?? [];
    if (rest.length === 0) this.#workers.delete(key);
    else this.#workers.set(key, rest);
    this.#count--;
  }
}
