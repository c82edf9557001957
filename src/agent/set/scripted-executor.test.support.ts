import { createHash } from "node:crypto";
import { MeanderError, messageOf } from "../../base/index.ts";
import type { PreparedCode } from "../../code/index.ts";
import type { Append, Fault, TimerRequest } from "../../stream/index.ts";
import { packValue, unpackValue } from "../../wire/index.ts";
import type {
  AgentHost,
  AgentInstance,
  AgentProgram,
  Executor,
  Invocation,
  InvocationResult,
} from "../executor.ts";
import type { HandlerName } from "../model.ts";

/** What a scripted handler sees. */
export interface ScriptedCall {
  /** May be changed. */
  readonly briefcase: Record<string, unknown>;
  readonly local: Record<string, unknown>;
  readonly argument: unknown;
  readonly message: Invocation["message"];
  readonly host: AgentHost;
  readonly instance: ScriptedInstance;
}

/** What it did. */
export interface Deeds {
  readonly appends?: readonly Append[];
  readonly timers?: readonly TimerRequest[];
  readonly relocate?: string;
  readonly reply?: unknown;
  readonly exits?: boolean;
}

type ScriptedHandler = (call: ScriptedCall) => Deeds | undefined | Promise<Deeds | undefined>;

/** Handlers of one agent. */
export type Script = { readonly [name in HandlerName]?: ScriptedHandler };

/** The code that stands for a script. */
export function codeOf(script: string): string {
  return createHash("sha256").update(script).digest("hex");
}

/**
 * Runs functions of a test as if they were uploaded. Calls end before `run` returns, unless their handler returns a
 * promise.
 */
export class ScriptedExecutor implements Executor {
  readonly kind: "inline" | "process";
  readonly instances: ScriptedInstance[] = [];
  /** Fails so many of the next starts. */
  failingStarts = 0;
  readonly #scripts: Readonly<Record<string, Script>>;

  constructor(scripts: Readonly<Record<string, Script>>, kind: "inline" | "process" = "inline") {
    this.#scripts = scripts;
    this.kind = kind;
  }

  /** As stored in the directory. */
  readonly code = async (sha256: string): Promise<PreparedCode> => {
    const name = Object.keys(this.#scripts).find((each) => codeOf(each) === sha256);
    if (name === undefined) throw new MeanderError("directory-blob-missing", "no such code");
    return { sha256, expression: name, source: name };
  };

  get last(): ScriptedInstance {
    const last = this.instances.at(-1);
    if (last === undefined) throw new Error("nothing was started");
    return last;
  }

  async start(program: AgentProgram, host: AgentHost): Promise<AgentInstance> {
    if (this.failingStarts > 0) {
      this.failingStarts--;
      throw new MeanderError("executor-failed", "no process to be had");
    }
    const instance = new ScriptedInstance(program, host, this.#scripts);
    this.instances.push(instance);
    return instance;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** One start of a scripted agent. */
export class ScriptedInstance implements AgentInstance {
  readonly program: AgentProgram;
  readonly local: Record<string, unknown> = {};
  isClosed = false;
  readonly ended: Promise<Fault>;
  /** Sizes of the batches it got. */
  readonly batches: number[] = [];
  readonly #scripts: Readonly<Record<string, Script>>;
  readonly #handlers = new Map<HandlerName, ScriptedHandler>();
  readonly #host: AgentHost;
  #briefcase: Uint8Array;
  #end: (fault: Fault) => void = () => {};
  #fault: Fault | undefined;
  #isInterrupted = false;
  #failCurrent: ((fault: Fault) => void) | undefined;
  #interruptCurrent: (() => void) | undefined;

  constructor(program: AgentProgram, host: AgentHost, scripts: Readonly<Record<string, Script>>) {
    this.program = program;
    this.#host = host;
    this.#scripts = scripts;
    this.#briefcase = program.briefcase;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    for (const [event, handler] of Object.entries(scripts[program.code] ?? {}))
      this.#handlers.set(event as HandlerName, handler);
    for (const [event, expression] of Object.entries(program.replaced))
      this.#replace(event as HandlerName, expression);
  }

  get handlers(): ReadonlySet<HandlerName> {
    return new Set(this.#handlers.keys());
  }

  get briefcase(): unknown {
    return unpackValue(this.#briefcase);
  }

  run(batch: readonly Invocation[], done: (index: number, result: InvocationResult) => void): void {
    this.batches.push(batch.length);
    this.#isInterrupted = false;
    this.#runFrom(0, batch, done);
  }

  interrupt(): void {
    this.#isInterrupted = true;
  }

  restore(briefcase: Uint8Array): void {
    this.#briefcase = briefcase;
  }

  async setHandler(event: HandlerName, expression: string | null | undefined): Promise<void> {
    this.#replace(event, expression ?? null);
  }

  close(): void {
    this.isClosed = true;
  }

  /** As if its process ended because of another agent: the running call never happened. */
  endForAnother(code: string): void {
    this.#fault = { code, message: "another one ended it", agent: this.program.agent };
    this.#interruptCurrent?.();
    this.#end(this.#fault);
  }

  /** As if its process was terminated: fails the running call. */
  end(code: string): void {
    const fault = { code, message: "it ended", agent: this.program.agent };
    this.#fault = fault;
    this.#failCurrent?.(fault);
    this.#end(fault);
  }

  #replace(event: HandlerName, expression: string | null): void {
    const handler = expression === null ? undefined : this.#scripts[expression]?.[event];
    if (expression !== null && handler === undefined) {
      throw new MeanderError("code-invalid", "the expression is not a handler");
    }
    if (handler === undefined) this.#handlers.delete(event);
    else this.#handlers.set(event, handler);
  }

  #runFrom(
    index: number,
    batch: readonly Invocation[],
    done: (index: number, result: InvocationResult) => void,
  ): void {
    const call = batch[index];
    if (call === undefined) return;
    const finish = (result: InvocationResult) => {
      this.#failCurrent = undefined;
      this.#interruptCurrent = undefined;
      if (result.type !== "done") this.#isInterrupted = true;
      const isLast = index === batch.length - 1;
      done(index, result);
      // `done` of the last call may have begun another batch.
      if (!isLast) this.#runFrom(index + 1, batch, done);
    };
    if (this.#isInterrupted) finish({ type: "interrupted" });
    else if (this.#fault !== undefined) finish({ type: "failed", fault: this.#fault });
    else this.#call(call, finish);
  }

  #call({ handler: name, argument, message }: Invocation, finish: (r: InvocationResult) => void) {
    const briefcase = unpackValue(this.#briefcase) as Record<string, unknown>;
    const fail = (thrown: unknown) =>
      finish({
        type: "failed",
        fault: { code: "handler-failed", message: messageOf(thrown), agent: this.program.agent },
      });
    const succeed = (deeds: Deeds | undefined) => {
      const packed = packValue(briefcase);
      const isSame = Buffer.compare(packed, this.#briefcase) === 0;
      this.#briefcase = packed;
      const { appends = [], timers = [], relocate, reply, exits = false } = deeds ?? {};
      finish({
        type: "done",
        briefcase: isSame ? undefined : packed,
        effects: {
          appends,
          timers,
          relocate,
          reply: reply === undefined ? undefined : packValue(reply),
        },
        exits,
      });
    };
    let deeds: Deeds | undefined | Promise<Deeds | undefined>;
    try {
      deeds = this.#handlers.get(name)?.({
        briefcase,
        local: this.local,
        argument: unpackValue(argument),
        message,
        host: this.#host,
        instance: this,
      });
    } catch (thrown) {
      return fail(thrown);
    }
    if (!(deeds instanceof Promise)) return succeed(deeds);
    let isOver = false;
    this.#interruptCurrent = () => {
      isOver = true;
      finish({ type: "interrupted" });
    };
    this.#failCurrent = (fault) => {
      isOver = true;
      finish({ type: "failed", fault });
    };
    void deeds.then(
      (value) => void (isOver || succeed(value)),
      (thrown) => void (isOver || fail(thrown)),
    );
  }
}
