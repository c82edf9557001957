import type { Clock, Log } from "../../base/index.ts";
import type { Fault } from "../../stream/index.ts";
import type {
  AgentHost,
  AgentInstance,
  AgentProgram,
  Executor,
  Invocation,
  InvocationResult,
} from "../executor.ts";
import type { HandlerName } from "../model.ts";
import { AgentRunner } from "./agent-runner.ts";
import { hardenContexts } from "./handler-context.ts";

/** What an inline executor depends on. */
export interface InlineExecutorOptions {
  /** Deadlines of handlers that wait are in this time, which may be virtual. */
  readonly clock: Clock;
  readonly log: Log;
}

/** Makes an executor at once. */
export type MakeInlineExecutor = (options: InlineExecutorOptions) => InlineExecutor;

/**
 * Runs agents in this thread, each in its own compartment: in simulation, and for code that its site's owner wrote.
 *
 * Everything happens in calls of the interface and in promise jobs, so with the same clock and hosts it is
 * deterministic. No memory limit holds, and a handler that never returns blocks the thread: its deadline applies only
 * while it awaits.
 *
 * An agent's unhandled rejections reach the process like any other; the process asks {@link claimRejection} first.
 */
export class InlineExecutor implements Executor {
  readonly kind = "inline";
  readonly #options: InlineExecutorOptions;
  readonly #instances = new Set<InlineInstance>();

  private constructor(options: InlineExecutorOptions) {
    this.#options = options;
  }

  /** Locks this thread down, for good, if it is not yet. */
  static async open(options: InlineExecutorOptions): Promise<InlineExecutor> {
    return (await InlineExecutor.opener())(options);
  }

  /** As {@link open}, for callers that open several without waiting for each. */
  static async opener(): Promise<MakeInlineExecutor> {
    const { lockDown } = await import("../../code/lockdown.ts");
    lockDown();
    hardenContexts();
    return (options) => new InlineExecutor(options);
  }

  /** @throws {MeanderError} `code-failed`, `code-invalid`, `value-malformed` */
  async start(program: AgentProgram, host: AgentHost): Promise<AgentInstance> {
    const runner = new AgentRunner(program, host, { clock: this.#options.clock });
    const instance = new InlineInstance(runner, () => this.#instances.delete(instance));
    this.#instances.add(instance);
    return instance;
  }

  /**
   * Whether an unhandled rejection is one of an agent here; for the process's `unhandledRejection`. If so, it fails
   * that agent's running handler, or is logged. A reason that is not an Error is attributed to an agent as long as
   * there are agents: our own code never throws one.
   */
  claimRejection(reason: unknown): boolean {
    for (const { runner } of this.#instances) {
      if (!runner.isOwn(reason)) continue;
      runner.failStray(reason);
      return true;
    }
    if (reason instanceof Error || this.#instances.size === 0) return false;
    const waiting = [...this.#instances].filter(({ runner }) => runner.isWaiting);
    if (waiting.length === 1) waiting[0]?.runner.failStray(reason);
    else
      this.#options.log.warn(
        "A promise of an agent was rejected with a value that is not an Error.",
      );
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const instance of [...this.#instances]) instance.close();
  }
}

class InlineInstance implements AgentInstance {
  /** A thread that runs agents inline ends none of them. */
  readonly ended = new Promise<Fault>(() => {});
  readonly runner: AgentRunner;
  readonly #onClose: () => void;

  constructor(runner: AgentRunner, onClose: () => void) {
    this.runner = runner;
    this.#onClose = onClose;
  }

  get handlers(): ReadonlySet<HandlerName> {
    return this.runner.handlers;
  }

  run(batch: readonly Invocation[], done: (index: number, result: InvocationResult) => void): void {
    this.runner.run(batch, done);
  }

  interrupt(): void {
    this.runner.interrupt();
  }

  restore(briefcase: Uint8Array): void {
    this.runner.restore(briefcase);
  }

  async setHandler(event: HandlerName, expression: string | null | undefined): Promise<void> {
    this.runner.setHandler(event, expression);
  }

  close(): void {
    this.runner.close();
    this.#onClose();
  }
}
