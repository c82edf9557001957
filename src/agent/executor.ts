import type { Effects, Fault } from "../stream/index.ts";
import type { HandlerName, Isolation } from "./model.ts";

/** What an executor needs to start an agent. */
export interface AgentProgram {
  readonly stream: string;
  readonly streamId: number;
  readonly agent: string;
  readonly owner: string;
  /** The expression ({@link PreparedCode.expression}). */
  readonly code: string;
  /** Expressions of replaced handlers; null: removed. */
  readonly replaced: Readonly<Partial<Record<HandlerName, string | null>>>;
  /** Packed. */
  readonly briefcase: Uint8Array;
  readonly site: string;
  readonly handlerMs: number;
  readonly memoryMb: number;
  readonly briefcaseBytes: number;
  /** As the site's policy decided. `thread`: it shares its process with no other agent. Default: `process`. */
  readonly isolation?: Isolation | undefined;
}

/** One call of a handler. */
export interface Invocation {
  readonly handler: HandlerName;
  /** Second argument of the handler, packed; for `append` the message's payload. */
  readonly argument: Uint8Array;
  /** For `append`. */
  readonly message:
    | { readonly id: string; readonly from: string; readonly attempt: number }
    | undefined;
}

/** How a call ended. */
export type InvocationResult =
  | {
      readonly type: "done";
      /** Packed, when it differs from before. */
      readonly briefcase: Uint8Array | undefined;
      readonly effects: Omit<Effects, "changed" | "handled">;
      /** `ctx.exit` was called. */
      readonly exits: boolean;
    }
  /** The briefcase is as before the call. */
  | { readonly type: "failed"; readonly fault: Fault }
  /** Not begun; or its executor ended because of another call, and nothing of it counts. */
  | { readonly type: "interrupted" };

/** Receives how the calls of a batch ended, see {@link AgentInstance.run}. */
export type InvocationDone = (index: number, result: InvocationResult, more?: boolean) => void;

/**
 * Request of a running agent to its site: control verbs and synchronous appends. `argument` and the answer are packed.
 */
export type HostCall = (verb: string, argument: Uint8Array) => Promise<Uint8Array>;

/** What an instance needs from outside. */
export interface AgentHost {
  /** A call is made after the results of the invocations before the calling one were reported. */
  readonly call: HostCall;
  /** One line of output. */
  log(line: string): void;
  /** Wall clock, ms. */
  now(): number;
  random(): number;
}

/** One agent, started at one site. Its calls never overlap. */
export interface AgentInstance {
  /** The events it has handlers for. */
  readonly handlers: ReadonlySet<HandlerName>;
  /**
   * Runs calls in order, one at a time. Calls `done` once for each, in order, possibly before this returns. After a
   * failure the rest are `interrupted`. `more`: the next result follows before anything else happens.
   */
  run(batch: readonly Invocation[], done: InvocationDone): void;
  /** Calls not begun yet end as `interrupted`. */
  interrupt(): void;
  /** Puts an earlier briefcase in place; between calls only. */
  restore(briefcase: Uint8Array): void;
  /** Replaces a handler; between calls only. Undefined: the definition's own again. @throws {MeanderError} `code-…` */
  setHandler(event: HandlerName, expression: string | null | undefined): Promise<void>;
  /**
   * Settles when it cannot run any more: killed by its deadline or its memory limit, or together with another agent of
   * its process. In the same turn the call that was to blame has failed, marked as `endedExecutor`, and all others were
   * interrupted. Never settles after `close`.
   */
  readonly ended: Promise<Fault>;
  close(): void;
}

/** Runs agents. */
export interface Executor extends AsyncDisposable {
  readonly kind: "inline" | "process";
  /**
   * Evaluates the code; runs no handler.
   *
   * @throws {MeanderError} `code-failed` (its evaluation threw), `code-invalid` (not a definition), `executor-failed`
   */
  start(program: AgentProgram, host: AgentHost): Promise<AgentInstance>;
}
