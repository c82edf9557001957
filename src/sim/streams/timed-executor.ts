import type {
  AgentHost,
  AgentInstance,
  AgentProgram,
  Executor,
  HandlerName,
  Invocation,
  InvocationDone,
} from "../../agent/index.ts";
import { type Clock, delay } from "../../base/index.ts";
import { PassingExecutor, PassingInstance } from "./passing-executor.ts";

/** An executor whose handlers take virtual time: each is begun when that time is over, one after the other. */
export class TimedExecutor extends PassingExecutor {
  readonly #clock: Clock;
  readonly #timeOf: (handler: HandlerName | "load") => number;

  /** @param timeOf of a handler, ms */
  constructor(inner: Executor, clock: Clock, timeOf: (handler: HandlerName | "load") => number) {
    super(inner);
    this.#clock = clock;
    this.#timeOf = timeOf;
  }

  async start(program: AgentProgram, host: AgentHost): Promise<AgentInstance> {
    const loadMs = this.#timeOf("load");
    if (loadMs > 0) await delay(this.#clock, "load", loadMs);
    return new TimedInstance(await this.startInner(program, host), this.#clock, this.#timeOf);
  }
}

class TimedInstance extends PassingInstance {
  readonly #clock: Clock;
  readonly #timeOf: (handler: HandlerName) => number;
  #interrupted = false;
  #isClosed = false;

  constructor(inner: AgentInstance, clock: Clock, timeOf: (handler: HandlerName) => number) {
    super(inner);
    this.#clock = clock;
    this.#timeOf = timeOf;
  }

  override run(batch: readonly Invocation[], done: InvocationDone): void {
    if (batch.every(({ handler }) => this.#timeOf(handler) === 0)) {
      super.run(batch, done);
      return;
    }
    this.#interrupted = false;
    this.#next(batch, 0, done);
  }

  override interrupt(): void {
    this.#interrupted = true;
    super.interrupt();
  }

  override close(): void {
    this.#isClosed = true;
    super.close();
  }

  #next(batch: readonly Invocation[], index: number, done: InvocationDone): void {
    const invocation = batch[index];
    if (invocation === undefined || this.#isClosed) return;
    this.#clock.after("handler", this.#timeOf(invocation.handler), () => {
      if (this.#isClosed) return;
      super.run([invocation], (_index, result) => {
        done(index, result);
        const stops = result.type !== "done" || this.#interrupted;
        if (!stops) return this.#next(batch, index + 1, done);
        for (let rest = index + 1; rest < batch.length; rest++) done(rest, { type: "interrupted" });
      });
    });
  }
}
