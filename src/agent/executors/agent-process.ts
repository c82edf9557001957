import { assert, type Clock, LIMITS, type Log } from "../../base/index.ts";
import type { Fault } from "../../stream/index.ts";
import type { AgentHost, AgentInstance, AgentProgram } from "../executor.ts";
import { type ConfinedProcess, type ProcessLeavings, wordsOf } from "../processes/index.ts";
import { ProcessInstance } from "./process-instance.ts";
import {
  type FromProcess,
  packMessage,
  type ToProcess,
  unpackFromProcess,
} from "./process-messages.ts";
import { Watchdog } from "./watchdog.ts";

/** What a process of agents depends on. */
export interface AgentProcessOptions {
  readonly process: ConfinedProcess;
  readonly clock: Clock;
  readonly log: Log;
  /** Whose agents it runs. */
  readonly owner: string;
  /** It takes no more agents: it is closed, or about to end; called once. */
  readonly onLeave: () => void;
  /** Its last agent was closed. */
  readonly onIdle: () => void;
}

/** Why it is killed. */
interface Cause {
  /** `deadline`: one of its agents ran too long. `fault`: something in it did. `outside`: none of them is to blame. */
  readonly kind: "deadline" | "fault" | "outside";
  readonly why: string;
  /** What ran then. */
  readonly beats: number;
}

/** One process with the agents in it. Messages given in one turn of the event loop leave together. */
export class AgentProcess {
  readonly #options: AgentProcessOptions;
  readonly #process: ConfinedProcess;
  readonly #watchdog: Watchdog;
  /** By slot. */
  readonly #instances = new Map<number, ProcessInstance>();
  readonly #freeSlots: number[] = [];
  #cause: Cause | undefined;
  #slots = 0;
  #outgoing: ToProcess[] = [];
  #usedAtMs: number;
  #hasStarted = false;
  #hasLeft = false;
  #isOver = false;

  constructor(options: AgentProcessOptions) {
    this.#options = options;
    const { clock, process } = options;
    this.#process = process;
    this.#usedAtMs = clock.now();
    process.receive((answers) => this.#receive(answers));
    void process.ended.then((leavings) => this.#end(leavings));
    this.#watchdog = new Watchdog({
      clock,
      look: () => this.#look(),
      isBusy: () => this.isBusy,
      shortestMs: () => Math.min(...this.#all().map(({ program }) => program.handlerMs)),
      longestMs: (slot) => this.#instances.get(slot)?.program.handlerMs ?? 0,
      onStuck: (slot) => {
        const ms = this.#instances.get(slot)?.program.handlerMs;
        this.#kill("deadline", `it did not return within ${ms} ms (limits.handlerMs)`);
      },
      silentMs: () => this.#silentMs,
      onSilent: () => this.#kill("outside", "its process did not begin what it was given"),
    });
  }

  get isFull(): boolean {
    return this.#freeSlots.length === 0 && this.#slots === LIMITS.processAgentsMax;
  }

  /** Whether it has no agents. */
  get isEmpty(): boolean {
    return this.#instances.size === 0;
  }

  /** Whether one of its agents has something to do, or waits. */
  get isBusy(): boolean {
    for (const instance of this.#instances.values()) if (instance.isBusy) return true;
    return false;
  }

  /** When it was given something last, by the clock's `now`. */
  get usedAtMs(): number {
    return this.#usedAtMs;
  }

  get memoryMb(): number {
    return this.#process.memoryMb;
  }

  /** Memory of its own now, MiB; undefined where the system does not tell. */
  measure(): number | undefined {
    return this.#process.measure();
  }

  /** As `Executor.start`. */
  async start(program: AgentProgram, host: AgentHost): Promise<AgentInstance> {
    const slot = this.#freeSlots.pop() ?? this.#slots++;
    assert(slot < LIMITS.processAgentsMax, "a full process gets no more agents");
    const interrupt = (which: number, batch: number): void => this.#process.interrupt(which, batch);
    const instance = new ProcessInstance(slot, program, host, { interrupt, send: this.#send });
    this.#instances.set(slot, instance);
    try {
      await instance.start(host.now() - this.#options.clock.wall());
    } catch (error) {
      instance.close();
      throw error;
    }
    return instance;
  }

  /** Ends it though its agents may be used again: they start elsewhere, from their briefcases. */
  evict(why: string): void {
    this.#kill("outside", why);
  }

  /** Ends it and its agents, without further reports. */
  async close(): Promise<void> {
    for (const instance of this.#all()) instance.close();
    this.#over();
    this.#process.kill("it is not needed any more");
    await this.#process.ended;
  }

  #all(): ProcessInstance[] {
    return [...this.#instances.values()];
  }

  /** How long nothing may happen. */
  get #silentMs(): number | undefined {
    if (!this.#hasStarted) return LIMITS.processStartMs;
    let ms: number | undefined;
    for (const { isBusy, isWaiting, program } of this.#instances.values()) {
      if (isBusy && !isWaiting) return LIMITS.processSilenceMs;
      // It ends by itself at its deadline, unless the process has been stopped.
      if (isWaiting) ms = Math.max(ms ?? 0, program.handlerMs + LIMITS.processSilenceMs);
    }
    return ms;
  }

  #look(): { readonly running: number | undefined; readonly beats: number } {
    if (this.#process.isOverfull) this.#kill("fault", this.#overfull);
    const last = this.#process.look();
    if (last !== undefined) this.#hasStarted = true;
    return { running: last?.running, beats: last?.beats ?? 0 };
  }

  readonly #send = (message: ToProcess): void => {
    if (this.#isOver) return;
    this.#outgoing.push(message);
    if (this.#outgoing.length > 1) return;
    queueMicrotask(() => {
      if (!this.#isOver) this.#post();
    });
  };

  #post(): void {
    // A copy of each: the packer uses its memory again.
    const parts = this.#outgoing.map((message) => new Uint8Array(packMessage(message)));
    this.#outgoing = [];
    this.#process.post(parts);
    this.#usedAtMs = this.#options.clock.now();
    this.#watchdog.wake();
  }

  #receive(answers: Uint8Array): void {
    const messages = unpackFromProcess(answers);
    if (messages === undefined) this.#kill("fault", "its process sent what is no message");
    else this.#tell(messages);
  }

  #tell(messages: readonly FromProcess[]): void {
    for (const [index, message] of messages.entries()) {
      // What a result leads to may be the end of this process.
      if (this.#isOver) return;
      const slot = message[1];
      const instance = this.#instances.get(slot);
      if (message[0] !== "closed") instance?.receive(message, messages[index + 1]);
      else if (instance?.isClosed === true) {
        this.#instances.delete(slot);
        this.#freeSlots.push(slot);
        if (this.isEmpty) this.#options.onIdle();
      }
    }
  }

  /** The first reason is the reason. */
  #kill(kind: Cause["kind"], why: string): void {
    if (this.#cause !== undefined || this.#isOver) return;
    this.#cause = { kind, why, beats: this.#process.look()?.beats ?? 0 };
    this.#watchdog.stop();
    this.#leave();
    this.#process.kill(why);
  }

  get #overfull(): string {
    const { memoryMb } = this.#process;
    return `its process was ended: out of memory, bound ${memoryMb} MiB (limits.memoryMb)`;
  }

  /** It has ended. What was done before counts; then all agents are informed why, the one at fault first. */
  #end({ end, last, answers }: ProcessLeavings): void {
    if (this.#isOver) return;
    this.#watchdog.stop();
    this.#leave();
    this.#tell(unpackFromProcess(answers) ?? []);
    if (this.#isOver) return;
    const why = wordsOf(end, this.memoryMb);
    const cause = this.#cause ?? { kind: "fault", why, beats: last?.beats };
    const all = this.#all();
    const ran = last?.running === undefined ? undefined : this.#instances.get(last.running);
    const guilty = guiltyOf(cause, ran, last?.beats);
    // When nothing ran, what waits may have used up what there was.
    const suspects =
      cause.kind === "fault" && ran === undefined ? all.filter(({ isWaiting }) => isWaiting) : [];
    this.#over();
    const blamed = guilty === undefined ? suspects : [guilty];
    const others = all.filter((instance) => !blamed.includes(instance));
    this.#report(cause.why, guilty, others, end.memoryMb);
    const code = cause.kind === "deadline" ? "handler-deadline" : "executor-failed";
    for (const each of blamed) each.fail(faultOf(each, code, cause.why));
    const shared =
      guilty === undefined
        ? cause.why
        : `its process was ended because of ${guilty.title}: ${cause.why}`;
    for (const each of others) each.interruptFor(faultOf(each, "executor-failed", shared));
  }

  #report(
    reason: string,
    guilty: ProcessInstance | undefined,
    others: readonly ProcessInstance[],
    memoryMb: number | undefined,
  ): void {
    const { owner, log } = this.#options;
    const line = this.#cause?.kind === "outside" ? log.info : log.warn;
    line("Ended a process and the agents in it; they start again from their briefcases.", {
      owner,
      agent: guilty?.title,
      reason,
      ...(memoryMb === undefined ? {} : { memoryMb: Math.round(memoryMb) }),
      others: others.map(({ title }) => title),
      othersInterrupted: others.filter(({ isBusy }) => isBusy).length,
    });
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#watchdog.stop();
    this.#leave();
  }

  #leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#options.onLeave();
  }
}

/** Late, but not endless: when it has ended after all, what began after it is not to blame. */
function guiltyOf(
  cause: { readonly kind: Cause["kind"]; readonly beats: number | undefined },
  ran: ProcessInstance | undefined,
  beats: number | undefined,
): ProcessInstance | undefined {
  if (cause.kind === "outside") return undefined;
  return cause.kind === "fault" || cause.beats === beats ? ran : undefined;
}

function faultOf({ program }: ProcessInstance, code: string, message: string): Fault {
  return { code, message, agent: program.agent };
}
