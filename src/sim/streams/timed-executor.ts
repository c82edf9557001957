import type {
  AgentHost,
  AgentInstance,
  AgentProgram,
  Executor,
  HandlerName,
  Invocation,
  InvocationResult,
} from "../../agent/index.ts";
import type { Clock } from "../../base/index.ts";
import type { Fault } from "../../stream/index.ts";

/** An executor whose handlers take virtual time: each is begun when that time is over, one after the other. */
export class TimedExecutor implements Executor {
  readonly kind: Executor["kind"];
  readonly #inner: Executor;
  readonly #clock: Clock;
  readonly #timeOf: (handler: HandlerName | "load") => number;

  /** @param timeOf of a handler, ms */
  constructor(inner: Executor, clock: Clock, timeOf: (handler: HandlerName | "load") => number) {
    this.#inner = inner;
    this.kind = inner.kind;
    this.#clock = clock;
    this.#timeOf = timeOf;
  }

  async start(program: AgentProgram, host: AgentHost): Promise<AgentInstance> {
    const loadMs = this.#timeOf("load");
    if (loadMs > 0)
      await new Promise<void>((resolve) => void this.#clock.after("load", loadMs, resolve));
    return new TimedInstance(await this.#inner.start(program, host), this.#clock, this.#timeOf);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]();
  }
}

class TimedInstance implements AgentInstance {
  readonly #inner: AgentInstance;
  readonly #clock: Clock;
  readonly #timeOf: (handler: HandlerName) => number;
  #interrupted = false;
  #isClosed = false;

  constructor(inner: AgentInstance, clock: Clock, timeOf: (handler: HandlerName) => number) {
    this.#inner = inner;
    this.#clock = clock;
    this.#timeOf = timeOf;
  }

  get handlers(): ReadonlySet<HandlerName> {
    return this.#inner.handlers;
  }

  get ended(): Promise<Fault> {
    return this.#inner.ended;
  }

  run(batch: readonly Invocation[], done: (index: number, result: InvocationResult) => void): void {
    if (batch.every(({ handler }) => this.#timeOf(handler) === 0)) {
      this.#inner.run(batch, done);
      return;
    }
    this.#interrupted = false;
    this.#next(batch, 0, done);
  }

  interrupt(): void {
    this.#interrupted = true;
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

  #next(
    batch: readonly Invocation[],
    index: number,
    done: (index: number, result: InvocationResult) => void,
  ): void {
    const invocation = batch[index];
    if (invocation === undefined || this.#isClosed) return;
    this.#clock.after("handler", this.#timeOf(invocation.handler), () => {
      if (this.#isClosed) return;
      this.#inner.run([invocation], (_index, result) => {
        done(index, result);
        const stops = result.type !== "done" || this.#interrupted;
        if (!stops) return this.#next(batch, index + 1, done);
        for (let rest = index + 1; rest < batch.length; rest++) done(rest, { type: "interrupted" });
      });
    });
  }
}
