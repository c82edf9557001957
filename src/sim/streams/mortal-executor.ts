import type {
  AgentHost,
  AgentInstance,
  AgentProgram,
  Executor,
  HandlerName,
  Invocation,
  InvocationDone,
} from "../../agent/index.ts";
import type { Clock } from "../../base/index.ts";
import type { Fault } from "../../stream/index.ts";

/** When a call ends what runs it. `after`: it has ended well, and nobody is told. */
export type Moment = "before" | "during" | "after";

/** What a {@link MortalExecutor} is like. */
export interface MortalExecutorOptions {
  readonly clock: Clock;
  /** When a call ends the executor; undefined: it does not. */
  readonly endsAt: (call: Invocation, program: AgentProgram) => Moment | undefined;
  /** Ends it; nothing of it is told any more. */
  readonly die: (instance: AgentInstance, call: Invocation, program: AgentProgram) => void;
}

/** How long a call runs that ends its executor meanwhile, ms. */
const DURING_MS = 3;

/** An executor that some calls end, as they would a process: not one of them is ever told to have ended. */
export class MortalExecutor implements Executor {
  readonly kind: Executor["kind"];
  readonly #inner: Executor;
  readonly #options: MortalExecutorOptions;

  constructor(inner: Executor, options: MortalExecutorOptions) {
    this.#inner = inner;
    this.kind = inner.kind;
    this.#options = options;
  }

  async start(program: AgentProgram, host: AgentHost): Promise<AgentInstance> {
    return new MortalInstance(await this.#inner.start(program, host), program, this.#options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]();
  }
}

class MortalInstance implements AgentInstance {
  readonly #inner: AgentInstance;
  readonly #program: AgentProgram;
  readonly #options: MortalExecutorOptions;
  #isInterrupted = false;
  #isClosed = false;

  constructor(inner: AgentInstance, program: AgentProgram, options: MortalExecutorOptions) {
    this.#inner = inner;
    this.#program = program;
    this.#options = options;
  }

  get handlers(): ReadonlySet<HandlerName> {
    return this.#inner.handlers;
  }

  get ended(): Promise<Fault> {
    return this.#inner.ended;
  }

  run(batch: readonly Invocation[], done: InvocationDone): void {
    const { endsAt } = this.#options;
    this.#isInterrupted = false;
    let at = 0;
    let moment: Moment | undefined;
    for (const call of batch) {
      moment = endsAt(call, this.#program);
      if (moment !== undefined) break;
      at++;
    }
    const poison = batch[at];
    if (poison === undefined || moment === undefined) {
      this.#inner.run(batch, done);
      return;
    }
    if (at === 0) {
      this.#end(poison, moment);
      return;
    }
    const end = (): void => this.#end(poison, moment as Moment);
    let isStopped = false;
    this.#inner.run(batch.slice(0, at), (index, result) => {
      isStopped ||= result.type !== "done";
      done(index, result);
      if (index < at - 1) return;
      if (!isStopped && !this.#isInterrupted) end();
      else for (let each = at; each < batch.length; each++) done(each, { type: "interrupted" });
    });
  }

  interrupt(): void {
    this.#isInterrupted = true;
    this.#inner.interrupt();
  }

  restore(briefcase: Uint8Array): void {
    this.#inner.restore(briefcase);
  }

  setHandler(event: HandlerName, expression: string | null | undefined): Promise<void> {
    return this.#inner.setHandler(event, expression);
  }

  close(): void {
    this.#isClosed = true;
    this.#inner.close();
  }

  #end(poison: Invocation, moment: Moment): void {
    const { clock, die } = this.#options;
    const end = (): void => {
      if (!this.#isClosed) die(this, poison, this.#program);
    };
    if (moment === "after") this.#inner.run([poison], end);
    else clock.after("poison", moment === "before" ? 0 : DURING_MS, end);
  }
}
