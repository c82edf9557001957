import { assert, MeanderError } from "../../base/index.ts";
import type { Fault } from "../../stream/index.ts";
import type {
  AgentHost,
  AgentInstance,
  AgentProgram,
  Invocation,
  InvocationDone,
  InvocationResult,
} from "../executor.ts";
import type { HandlerName } from "../model.ts";
import { packBatch } from "./packed-batch.ts";
import {
  type FromProcess,
  packError,
  type ToProcess,
  unpackError,
  unpackResult,
} from "./process-messages.ts";

/** Batches are numbered up to here, then, when none is pending, from 1 again. */
const BATCH_MAX = 2 ** 30;

const INTERRUPTED: InvocationResult = { type: "interrupted" };

/** What an instance needs of the process it is in. */
export interface ProcessLink {
  /** Calls of these batches, up to this one, must not begin. */
  readonly interrupt: (slot: number, batch: number) => void;
  /** Leaves with the others of this turn. */
  readonly send: (message: ToProcess) => void;
}

/** Calls that were asked for together. */
interface Batch {
  readonly size: number;
  readonly done: InvocationDone;
  /** Index of the next result. */
  next: number;
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** One agent in a process, as seen by its site. */
export class ProcessInstance implements AgentInstance {
  readonly slot: number;
  readonly program: AgentProgram;
  readonly ended: Promise<Fault>;
  readonly #host: AgentHost;
  readonly #link: ProcessLink;
  readonly #handlers = new Set<HandlerName>();
  readonly #batches: Batch[] = [];
  /** Start or replacement of a handler under way: the process answers them in order. */
  readonly #preparing: Waiting[] = [];
  #lastBatch = 0;
  #end: (fault: Fault) => void = () => {};
  #fault: Fault | undefined;
  #isWaiting = false;
  #isClosed = false;

  /** Sends its start; {@link started} reports the outcome. */
  constructor(slot: number, program: AgentProgram, host: AgentHost, link: ProcessLink) {
    this.slot = slot;
    this.program = program;
    this.#host = host;
    this.#link = link;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    link.interrupt(slot, 0);
  }

  get handlers(): ReadonlySet<HandlerName> {
    return this.#handlers;
  }

  /** `stream/agent` */
  get title(): string {
    return `${this.program.stream}/${this.program.agent}`;
  }

  /** Whether an answer of the process is due, now or when what it waits for has come. */
  get isBusy(): boolean {
    return this.#batches.length > 0 || this.#preparing.length > 0;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether its call waits for a promise. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** @param skewMs how far the clock of the host is ahead of the machine's */
  start(skewMs: number): Promise<void> {
    const seed = Math.floor(this.#host.random() * 2 ** 32);
    return this.#prepare(["start", this.slot, this.program, seed, skewMs]);
  }

  run(batch: readonly Invocation[], done: InvocationDone): void {
    if (this.#isClosed || batch.length === 0) return;
    const pending: Batch = { size: batch.length, done, next: 0 };
    this.#batches.push(pending);
    if (this.#fault !== undefined) {
      this.#endPending({ type: "failed", fault: this.#fault });
      return;
    }
    if (this.#lastBatch >= BATCH_MAX && this.#batches.length === 1) {
      this.#link.interrupt(this.slot, 0);
      this.#lastBatch = 0;
    }
    this.#lastBatch++;
    this.#link.send(["run", this.slot, this.#lastBatch, packBatch(batch)]);
  }

  interrupt(): void {
    if (this.#batches.length > 0) this.#link.interrupt(this.slot, this.#lastBatch);
  }

  restore(briefcase: Uint8Array): void {
    assert(this.#batches.length === 0, "a briefcase is put in place between calls");
    if (this.#fault === undefined) this.#link.send(["restore", this.slot, briefcase]);
  }

  async setHandler(event: HandlerName, expression: string | null | undefined): Promise<void> {
    assert(this.#batches.length === 0, "a handler is replaced between calls");
    if (this.#fault !== undefined) throw errorOf(this.#fault);
    await this.#prepare(["set-handler", this.slot, event, expression]);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#batches.length = 0;
    this.#isWaiting = false;
    const closed = new MeanderError("executor-failed", "the agent was closed meanwhile");
    for (const waiting of this.#preparing.splice(0)) waiting.reject(closed);
    if (this.#fault === undefined) this.#link.send(["close", this.slot]);
  }

  /** The process reported something about this agent. `next`: its next report, if that came at the same time. */
  receive(message: FromProcess, next?: FromProcess): void {
    if (this.#isClosed) return;
    switch (message[0]) {
      case "done":
        this.#tell(unpackResult(message[2], this.program.agent), this.#isResult(next));
        break;
      case "failed":
        this.#tell({ type: "failed", fault: this.#ownFault(message[2]) });
        break;
      case "interrupted":
        this.#tell(INTERRUPTED);
        break;
      case "call":
        this.#call(message[2], message[3], message[4]);
        break;
      case "line":
        this.#host.log(message[2]);
        break;
      case "started":
      case "handler-set":
        this.#handlers.clear();
        for (const event of message[2]) this.#handlers.add(event);
        this.#preparing.shift()?.resolve();
        break;
      case "start-failed":
      case "handler-refused":
        this.#preparing.shift()?.reject(unpackError(message[2]));
        break;
      case "waits":
        this.#isWaiting = true;
        break;
      case "closed":
        break;
      default:
        message satisfies never;
    }
  }

  /** The process has ended, perhaps because of the call that ran: that fails, those after it are interrupted. */
  fail(fault: Fault): void {
    this.#over(fault, { type: "failed", fault: { ...fault, endedExecutor: true } });
  }

  /** The process has ended for another reason: all calls are interrupted. */
  interruptFor(fault: Fault): void {
    this.#over(fault, INTERRUPTED);
  }

  #over(fault: Fault, first: InvocationResult): void {
    if (this.#isClosed || this.#fault !== undefined) return;
    this.#fault = fault;
    for (const waiting of this.#preparing.splice(0)) waiting.reject(errorOf(fault));
    this.#endPending(first);
    this.#end(fault);
  }

  /** All pending calls, of which the first ends so. */
  #endPending(first: InvocationResult): void {
    let result = first;
    while (this.#batches.length > 0) {
      this.#tell(result);
      result = INTERRUPTED;
    }
  }

  /** A mark of ours is not the process's to set. */
  #ownFault({ code, message }: Fault): Fault {
    return { code, message, agent: this.program.agent };
  }

  #isResult(next: FromProcess | undefined): boolean {
    if (next === undefined || next[1] !== this.slot) return false;
    return next[0] === "done" || next[0] === "failed" || next[0] === "interrupted";
  }

  #tell(result: InvocationResult, more = false): void {
    const batch = this.#batches[0];
    if (batch === undefined) return;
    this.#isWaiting = false;
    const index = batch.next++;
    if (batch.next === batch.size) this.#batches.shift();
    batch.done(index, result, more && batch.next < batch.size);
  }

  #prepare(message: ToProcess): Promise<void> {
    this.#link.send(message);
    return new Promise((resolve, reject) => void this.#preparing.push({ resolve, reject }));
  }

  #call(call: number, verb: string, argument: Uint8Array): void {
    const answer = (message: ToProcess): void => {
      if (!this.#isClosed && this.#fault === undefined) this.#link.send(message);
    };
    this.#host.call(verb, argument).then(
      (bytes) => answer(["answered", this.slot, call, bytes]),
      (thrown: unknown) => answer(["refused", this.slot, call, packError(thrown)]),
    );
  }
}

function errorOf({ code, message, agent }: Fault): MeanderError {
  return new MeanderError(code, message, { where: agent });
}
