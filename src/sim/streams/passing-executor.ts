import type {
  AgentHost,
  AgentInstance,
  AgentProgram,
  Executor,
  HandlerName,
  Invocation,
  InvocationDone,
} from "../../agent/index.ts";
import type { Fault } from "../../stream/index.ts";

/** An executor in front of another one, to which it passes everything on: those that do more begin with it. */
export abstract class PassingExecutor implements Executor {
  readonly kind: Executor["kind"];
  readonly #inner: Executor;

  constructor(inner: Executor) {
    this.#inner = inner;
    this.kind = inner.kind;
  }

  abstract start(program: AgentProgram, host: AgentHost): Promise<AgentInstance>;

  /** Starts the agent in the executor behind this one. */
  protected startInner(program: AgentProgram, host: AgentHost): Promise<AgentInstance> {
    return this.#inner.start(program, host);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]();
  }
}

/** An agent in front of the one that runs, to which it passes everything on. */
export class PassingInstance implements AgentInstance {
  readonly #inner: AgentInstance;

  constructor(inner: AgentInstance) {
    this.#inner = inner;
  }

  get handlers(): ReadonlySet<HandlerName> {
    return this.#inner.handlers;
  }

  get ended(): Promise<Fault> {
    return this.#inner.ended;
  }

  run(batch: readonly Invocation[], done: InvocationDone): void {
    this.#inner.run(batch, done);
  }

  interrupt(): void {
    this.#inner.interrupt();
  }

  restore(briefcase: Uint8Array): void {
    this.#inner.restore(briefcase);
  }

  setHandler(event: HandlerName, expression: string | null | undefined): Promise<void> {
    return this.#inner.setHandler(event, expression);
  }

  close(): void {
    this.#inner.close();
  }
}
