import type { Invocation, InvocationResult } from "../executor.ts";

/** Calls that were asked for together. */
interface Job {
  readonly batch: readonly Invocation[];
  readonly done: (index: number, result: InvocationResult) => void;
  readonly isInterrupted: () => boolean;
  /** Index of the call that runs or is next. */
  next: number;
  isStopped: boolean;
}

/** The calls of one agent, in order; the first runs, or is next. */
export class InvocationQueue {
  readonly #jobs: Job[] = [];

  /** @param isInterrupted asked before each call */
  push(
    batch: readonly Invocation[],
    done: (index: number, result: InvocationResult) => void,
    isInterrupted: () => boolean,
  ): void {
    if (batch.length === 0) return;
    this.#jobs.push({ batch, done, isInterrupted, next: 0, isStopped: false });
  }

  /** The first; undefined when the queue is empty. */
  get first(): Invocation | undefined {
    const job = this.#jobs[0];
    return job?.batch[job.next];
  }

  /** Whether the first must not start. */
  get isStopped(): boolean {
    const job = this.#jobs[0];
    return job !== undefined && (job.isStopped || job.isInterrupted());
  }

  /** None of the queued calls may start. */
  stop(): void {
    for (const job of this.#jobs) job.isStopped = true;
  }

  /** The first has ended: removes it, and reports it. After a failure the others are stopped. */
  tell(result: InvocationResult): void {
    const job = this.#jobs[0];
    if (job === undefined) return;
    const index = job.next++;
    if (job.next === job.batch.length) this.#jobs.shift();
    if (result.type === "failed") this.stop();
    job.done(index, result);
  }

  clear(): void {
    this.#jobs.length = 0;
  }
}
