import { type Cancel, type Clock, MeanderError } from "../../base/index.ts";
import type { Fault } from "../../stream/index.ts";
import { packValue, unpackValue } from "../../wire/index.ts";
import type { AgentHost, AgentProgram, Invocation, InvocationResult } from "../executor.ts";
import { HANDLER_NAMES, type Handler, type HandlerName } from "../model.ts";
import { AgentCompartment } from "./agent-compartment.ts";
import { AgentErrors, sourceName } from "./agent-errors.ts";
import { AgentOutput } from "./agent-output.ts";
import { type AgentWorld, Attempt } from "./attempt.ts";
import { HandlerContext } from "./handler-context.ts";
import { InvocationQueue } from "./invocation-queue.ts";
import { readDefinition } from "./read-definition.ts";

/** What an executor adds to a runner. */
export interface RunnerOptions {
  /** Measures how long handlers wait. */
  readonly clock: Clock;
  /** A handler, or other code of the agent, is about to be called. */
  readonly onBegin?: () => void;
}

/** A call that has begun. */
interface Call {
  readonly event: HandlerName;
  readonly attempt: Attempt;
  readonly context: HandlerContext;
}

/** A call that waits for its promise. */
interface Waiting extends Call {
  readonly cancelDeadline: Cancel;
}

const INTERRUPTED: InvocationResult = { type: "interrupted" };

/**
 * One agent in the thread it runs in: what all executors share. The thread must be locked down.
 *
 * The result of a handler that returns no promise is reported before the next one starts, without waiting. Each call is
 * an {@link Attempt}; its effects and its briefcase are discarded unless it succeeds. State outside of the briefcase
 * (`ctx.local`, variables of the module) is not rolled back. A synchronous handler that never returns cannot be stopped
 * from within its thread.
 */
export class AgentRunner {
  readonly #program: AgentProgram;
  readonly #options: RunnerOptions;
  readonly #compartment: AgentCompartment;
  readonly #world: AgentWorld;
  /** `this` of the handlers. */
  readonly #on: object;
  readonly #own: ReadonlyMap<HandlerName, Handler>;
  readonly #handlers: Map<HandlerName, Handler>;
  readonly #events: Set<HandlerName>;
  readonly #queue = new InvocationQueue();
  #committed: Uint8Array;
  #briefcase: Record<string, unknown>;
  #isRunning = false;
  #isClosed = false;
  #waiting: Waiting | undefined;

  /**
   * Evaluates the program; runs no handler.
   *
   * @throws {MeanderError} `code-failed`, `code-invalid`, `value-malformed` for the briefcase
   */
  constructor(program: AgentProgram, host: AgentHost, options: RunnerOptions) {
    const { stream, agent, site } = program;
    const source = sourceName(program);
    const output = new AgentOutput((line) => host.log(line), options.clock);
    const errors = new AgentErrors(agent, source);
    this.#program = program;
    this.#options = options;
    this.#world = { stream, agent, site, host, errors, output, local: {} };
    this.#compartment = new AgentCompartment(source, {
      now: () => host.now(),
      random: () => host.random(),
      output,
    });
    options.onBegin?.();
    const { on, handlers } = readDefinition(this.#evaluate(program.code), `${stream}/${agent}`);
    this.#on = on;
    this.#own = handlers;
    this.#handlers = new Map(handlers);
    this.#events = new Set(handlers.keys());
    for (const event of HANDLER_NAMES) {
      const replaced = program.replaced[event];
      if (replaced !== undefined) this.setHandler(event, replaced);
    }
    this.#committed = program.briefcase;
    this.#briefcase = this.#unpackBriefcase();
  }

  /** The events it has handlers for; lives. */
  get handlers(): ReadonlySet<HandlerName> {
    return this.#events;
  }

  /**
   * As `AgentInstance.run`. Called while others run, the calls queue behind them.
   *
   * @param isInterrupted asked before each call
   */
  run(
    batch: readonly Invocation[],
    done: (index: number, result: InvocationResult) => void,
    isInterrupted: () => boolean = never,
  ): void {
    if (this.#isClosed) return;
    this.#queue.push(batch, done, isInterrupted);
    if (!this.#isRunning) this.#proceed();
  }

  /** As `AgentInstance.interrupt`. */
  interrupt(): void {
    this.#queue.stop();
  }

  /** As `AgentInstance.restore`. @throws {MeanderError} `value-malformed` */
  restore(briefcase: Uint8Array): void {
    this.#committed = briefcase;
    this.#briefcase = this.#unpackBriefcase();
  }

  /** As `AgentInstance.setHandler`; when it throws, the old one stays. */
  setHandler(event: HandlerName, expression: string | null | undefined): void {
    const handler =
      typeof expression === "string" ? this.#handlerOf(event, expression) : this.#own.get(event);
    if (expression === null || handler === undefined) {
      this.#handlers.delete(event);
      this.#events.delete(event);
    } else {
      this.#handlers.set(event, handler);
      this.#events.add(event);
    }
  }

  /** A promise of this agent was rejected and not handled: fails the running handler, if any, else is logged. */
  failStray(reason: unknown): void {
    const text = `a promise was rejected and not handled: ${this.#world.errors.describe(reason)}`;
    if (this.#waiting === undefined) this.#world.output.line(text);
    else this.#abandon(this.#waiting, "handler-failed", text);
  }

  /** Whether a rejection comes from this agent's code. */
  isOwn(reason: unknown): boolean {
    return this.#world.errors.isOwn(reason);
  }

  /** Whether a handler waits for a promise. */
  get isWaiting(): boolean {
    return this.#waiting !== undefined;
  }

  /** Reports nothing more; whatever a pending handler still does has no effect. */
  close(): void {
    this.#isClosed = true;
    this.#queue.clear();
    if (this.#waiting === undefined) return;
    this.#waiting.attempt.end();
    this.#waiting.cancelDeadline();
    this.#waiting = undefined;
  }

  /** Runs calls until none is left, or one waits. */
  #proceed(): void {
    this.#isRunning = true;
    for (;;) {
      const invocation = this.#queue.first;
      if (invocation === undefined) break;
      if (this.#queue.isStopped) this.#queue.tell(INTERRUPTED);
      else if (!this.#call(invocation)) return;
    }
    this.#isRunning = false;
  }

  /** False when the handler waits. */
  #call({ handler: event, argument, message }: Invocation): boolean {
    this.#options.onBegin?.();
    const attempt = new Attempt(this.#world);
    const call: Call = {
      event,
      attempt,
      context: new HandlerContext(attempt, this.#briefcase, message),
    };
    let returned: unknown;
    try {
      const handler = this.#handlers.get(event);
      if (handler !== undefined) {
        returned = Reflect.apply(handler, this.#on, [call.context, unpackValue(argument)]);
      }
      if (isThenable(returned)) {
        this.#wait(call, returned);
        return false;
      }
    } catch (thrown) {
      this.#queue.tell(this.#thrown(call, thrown));
      return true;
    }
    this.#finish(call, returned);
    return true;
  }

  #wait(call: Call, returned: unknown): void {
    const { handlerMs } = this.#program;
    const waiting: Waiting = {
      ...call,
      cancelDeadline: this.#options.clock.after("handler deadline", handlerMs, () =>
        this.#abandon(waiting, "handler-deadline", `it did not end within ${handlerMs} ms`),
      ),
    };
    this.#waiting = waiting;
    // Another promise than theirs: what hangs on theirs is theirs.
    new Promise((resolve) => resolve(returned)).then(
      (value) => this.#resume(waiting, () => this.#finish(call, value)),
      (thrown: unknown) =>
        this.#resume(waiting, () => this.#queue.tell(this.#thrown(call, thrown))),
    );
  }

  #abandon(waiting: Waiting, code: string, what: string): void {
    const message = `${waiting.event} handler: ${what}`;
    const fault = { code, message, agent: this.#program.agent };
    this.#resume(waiting, () => this.#queue.tell(this.#failed(waiting, fault)));
  }

  /** Ends what a handler waited for, once; later endings of it are void. */
  #resume(waiting: Waiting, end: () => void): void {
    if (this.#waiting !== waiting) return;
    this.#waiting = undefined;
    waiting.cancelDeadline();
    end();
    if (!this.#isClosed) this.#proceed();
  }

  /** The handler has returned. */
  #finish(call: Call, returned: unknown): void {
    const result = this.#commit(call, returned);
    this.#queue.tell(result);
    if (result.type === "done") call.attempt.sendRequests();
  }

  #commit({ event, attempt, context }: Call, returned: unknown): InvocationResult {
    attempt.end();
    try {
      const answers = event === "append" || event === "judge";
      const reply = answers && returned !== undefined ? packValue(returned) : undefined;
      const packed = this.#packBriefcase(context.briefcase);
      const briefcase = Buffer.compare(packed, this.#committed) === 0 ? undefined : packed;
      if (briefcase !== undefined) this.#committed = briefcase;
      this.#briefcase = context.briefcase;
      const { appends, timers, relocate, exits } = attempt;
      return { type: "done", briefcase, effects: { appends, timers, relocate, reply }, exits };
    } catch (thrown) {
      return this.#thrown({ event, attempt, context }, thrown);
    }
  }

  #thrown(call: Call, thrown: unknown): InvocationResult {
    call.attempt.end();
    return this.#failed(call, this.#world.errors.faultOf(thrown, call.event));
  }

  #failed({ attempt }: Call, fault: Fault): InvocationResult {
    attempt.end();
    this.#briefcase = this.#unpackBriefcase();
    return { type: "failed", fault };
  }

  #packBriefcase(briefcase: unknown): Uint8Array {
    const packed = packValue(briefcase);
    const { briefcaseBytes } = this.#program;
    if (packed.byteLength <= briefcaseBytes) return packed;
    throw new MeanderError(
      "briefcase-too-large",
      `the briefcase has ${packed.byteLength} bytes; at most ${briefcaseBytes} are taken`,
      { next: "keep less in it, or raise limits.briefcaseBytes of the agent" },
    );
  }

  #unpackBriefcase(): Record<string, unknown> {
    return unpackValue(this.#committed) as Record<string, unknown>;
  }

  #evaluate(expression: string): unknown {
    try {
      return this.#compartment.evaluate(expression);
    } catch (thrown) {
      const { errors, stream, agent } = this.#world;
      throw new MeanderError("code-failed", errors.describe(thrown), {
        where: `${stream}/${agent}`,
      });
    }
  }

  #handlerOf(event: HandlerName, expression: string): Handler {
    this.#options.onBegin?.();
    const value = this.#evaluate(expression);
    if (typeof value === "function") return value as Handler;
    const { stream, agent } = this.#world;
    throw new MeanderError("code-invalid", `the ${event} handler is not a function`, {
      where: `${stream}/${agent}`,
    });
  }
}

function never(): boolean {
  return false;
}

function isThenable(value: unknown): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as { readonly then?: unknown }).then === "function"
  );
}
