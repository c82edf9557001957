import type {
  AgentHost,
  AgentInstance,
  AgentProgram,
  Executor,
  Invocation,
  InvocationDone,
} from "../../agent/index.ts";
import type { Clock } from "../../base/index.ts";
import { PassingExecutor, PassingInstance } from "./passing-executor.ts";

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
export class MortalExecutor extends PassingExecutor {
  readonly #options: MortalExecutorOptions;

  constructor(inner: Executor, options: MortalExecutorOptions) {
    super(inner);
    this.#options = options;
  }

  async start(program: AgentProgram, host: AgentHost): Promise<AgentInstance> {
    return new MortalInstance(await this.startInner(program, host), program, this.#options);
  }
}

class MortalInstance extends PassingInstance {
  readonly #program: AgentProgram;
  readonly #options: MortalExecutorOptions;
  #isInterrupted = false;
  #isClosed = false;

  constructor(inner: AgentInstance, program: AgentProgram, options: MortalExecutorOptions) {
    super(inner);
    this.#program = program;
    this.#options = options;
  }

  override run(batch: readonly Invocation[], done: InvocationDone): void {
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
      super.run(batch, done);
      return;
    }
    if (at === 0) {
      this.#end(poison, moment);
      return;
    }
    const end = (): void => this.#end(poison, moment as Moment);
    let isStopped = false;
    super.run(batch.slice(0, at), (index, result) => {
      isStopped ||= result.type !== "done";
      done(index, result);
      if (index < at - 1) return;
      if (!isStopped && !this.#isInterrupted) end();
      else for (let each = at; each < batch.length; each++) done(each, { type: "interrupted" });
    });
  }

  override interrupt(): void {
    this.#isInterrupted = true;
    super.interrupt();
  }

  override close(): void {
    this.#isClosed = true;
    super.close();
  }

  #end(poison: Invocation, moment: Moment): void {
    const { clock, die } = this.#options;
    const end = (): void => {
      if (!this.#isClosed) die(this, poison, this.#program);
    };
    if (moment === "after") super.run([poison], end);
    else clock.after("poison", moment === "before" ? 0 : DURING_MS, end);
  }
}
