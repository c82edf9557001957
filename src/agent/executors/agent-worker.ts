import { Worker } from "node:worker_threads";
import { assert, type Clock, LIMITS, type Log } from "../../base/index.ts";
import type { Fault } from "../../stream/index.ts";
import type { AgentHost, AgentInstance, AgentProgram } from "../executor.ts";
import { answerMemory, type Letter, unsentAnswers } from "./answer-box.ts";
import { Watchdog } from "./watchdog.ts";
import { WorkerInstance } from "./worker-instance.ts";
import { type FromWorker, packMessage, type ToWorker, unpackMessages } from "./worker-messages.ts";
import { type WorkerMemory, WorkerSignals } from "./worker-signals.ts";

/** Heap that a worker has filled before its first agent, MiB. */
const OWN_HEAP_MB = 16;
const YOUNG_HEAP_MB = 8;

/** What a worker depends on. */
export interface AgentWorkerOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Whose agents it runs. */
  readonly owner: string;
  readonly memoryMb: number;
  /** It takes no more agents: it is closed, or about to end; called once. */
  readonly onLeave: () => void;
  /** Its last agent was closed. */
  readonly onIdle: () => void;
}

/** Why a worker ends. */
interface Cause {
  /** Slot of the agent whose code ran. */
  readonly slot: number | undefined;
  /** For that agent. */
  readonly code: "handler-deadline" | "executor-failed";
  readonly what: string;
  readonly beats: number;
}

/** One worker thread with the agents in it. Messages given in one turn of the event loop leave together. */
export class AgentWorker {
  readonly #options: AgentWorkerOptions;
  readonly #signals = new WorkerSignals();
  readonly #answers = answerMemory();
  /** Number of the last letter. */
  #received = 0;
  #cause: Cause | undefined;
  readonly #worker: Worker;
  readonly #watchdog: Watchdog;
  /** By slot. */
  readonly #instances = new Map<number, WorkerInstance>();
  readonly #freeSlots: number[] = [];
  #slots = 0;
  #outgoing: ToWorker[] = [];
  #hasLeft = false;
  #isOver = false;

  constructor(options: AgentWorkerOptions) {
    this.#options = options;
    const { clock, memoryMb, owner } = options;
    this.#worker = new Worker(new URL("./worker-main.js", import.meta.url), {
      name: `agents of ${owner}`,
      workerData: { signals: this.#signals.memory, answers: this.#answers } satisfies WorkerMemory,
      env: {},
      execArgv: permissionArguments(),
      stdout: true,
      stderr: true,
      resourceLimits: {
        maxOldGenerationSizeMb: memoryMb + OWN_HEAP_MB,
        maxYoungGenerationSizeMb: YOUNG_HEAP_MB,
      },
    });
    // What Node itself prints in there, warnings, is of no use to anybody.
    this.#worker.stdout.resume();
    this.#worker.stderr.resume();
    this.#worker.on("message", ({ number, bytes }: Letter) => {
      this.#received = number;
      this.#receive(unpackMessages(bytes));
    });
    this.#worker.on("error", (error) => this.#blame("executor-failed", this.#reasonOf(error)));
    this.#worker.on("exit", (code) => {
      this.#blame("executor-failed", `its thread ended with code ${code}`);
      this.#end();
    });
    this.#watchdog = new Watchdog({
      clock,
      watched: this.#signals,
      isBusy: () => this.#all().some(({ isBusy }) => isBusy),
      shortestMs: () => Math.min(...this.#all().map(({ program }) => program.handlerMs)),
      longestMs: (slot) => this.#instances.get(slot)?.program.handlerMs ?? 0,
      onStuck: (slot) => {
        const ms = this.#instances.get(slot)?.program.handlerMs;
        this.#blame("handler-deadline", `it did not return within ${ms} ms`);
        void this.#worker.terminate();
      },
    });
  }

  get isFull(): boolean {
    return this.#freeSlots.length === 0 && this.#slots === LIMITS.workerAgentsMax;
  }

  get isIdle(): boolean {
    return this.#instances.size === 0;
  }

  /** As `Executor.start`. */
  async start(program: AgentProgram, host: AgentHost): Promise<AgentInstance> {
    const slot = this.#freeSlots.pop() ?? this.#slots++;
    assert(slot < LIMITS.workerAgentsMax, "a full worker gets no more agents");
    const link = { signals: this.#signals, send: this.#send };
    const instance = new WorkerInstance(slot, program, host, link);
    this.#instances.set(slot, instance);
    try {
      await instance.start(host.now() - this.#options.clock.wall());
    } catch (error) {
      instance.close();
      throw error;
    }
    return instance;
  }

  /** Ends it and its agents, without further reports. */
  async close(): Promise<void> {
    for (const instance of this.#all()) instance.close();
    this.#over();
    await this.#worker.terminate();
  }

  #all(): WorkerInstance[] {
    return [...this.#instances.values()];
  }

  readonly #send = (message: ToWorker): void => {
    if (this.#isOver) return;
    this.#outgoing.push(message);
    if (this.#outgoing.length > 1) return;
    queueMicrotask(() => {
      if (!this.#isOver) this.#post();
    });
  };

  #post(): void {
    const packed = this.#outgoing.map((message) => new Uint8Array(packMessage(message)));
    this.#outgoing = [];
    const bytes = new Uint8Array(packed.reduce((sum, { byteLength }) => sum + byteLength, 0));
    let at = 0;
    for (const each of packed) {
      bytes.set(each, at);
      at += each.byteLength;
    }
    this.#worker.postMessage(bytes, [bytes.buffer]);
    this.#watchdog.wake();
  }

  #receive(messages: readonly FromWorker[]): void {
    for (const [index, message] of messages.entries()) {
      // What a result leads to may be the end of this worker.
      if (this.#isOver) return;
      const slot = message[1];
      if (message[0] === "closed") {
        this.#instances.delete(slot);
        this.#freeSlots.push(slot);
        if (this.isIdle) this.#options.onIdle();
      } else {
        this.#instances.get(slot)?.receive(message, messages[index + 1]);
      }
    }
  }

  /** It will end. The first reason is the reason. */
  #blame(code: Cause["code"], what: string): void {
    this.#watchdog.stop();
    this.#leave();
    const { running, beats } = this.#signals;
    this.#cause ??= { slot: running, code, what, beats };
  }

  #reasonOf(error: Error & { readonly code?: string }): string {
    if (error.code !== "ERR_WORKER_OUT_OF_MEMORY") return `its worker failed: ${error.message}`;
    return `it used up its memory of ${this.#options.memoryMb} MiB (limits.memoryMb)`;
  }

  /** The worker has ended. What was done before counts; then all agents are informed why, the one at fault first. */
  #end(): void {
    if (this.#isOver || this.#cause === undefined) return;
    this.#receive(unsentAnswers(this.#answers, this.#received));
    const { slot, what, beats } = this.#cause;
    // Late, but not endless: what began after it is not to blame.
    const code = beats === this.#signals.beats ? this.#cause.code : "executor-failed";
    const all = this.#all();
    this.#over();
    const guilty = slot === undefined ? undefined : this.#instances.get(slot);
    const others = all.filter((instance) => instance !== guilty);
    const { owner, log } = this.#options;
    log.warn("Ended a worker and the agents in it; they start again from their briefcases.", {
      owner,
      agent: guilty?.title,
      reason: what,
      others: others.map(({ title }) => title),
      othersInterrupted: others.filter(({ isBusy }) => isBusy).length,
    });
    if (guilty !== undefined) guilty.fail(faultOf(guilty, code, what));
    const shared =
      guilty === undefined ? what : `its worker was ended because of ${guilty.title}: ${what}`;
    // When it is not known which one ran, all that have begun may be to blame.
    for (const each of others) {
      const fault = faultOf(each, "executor-failed", shared);
      if (guilty === undefined) each.fail(fault);
      else each.interruptFor(fault);
    }
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

function faultOf({ program }: WorkerInstance, code: string, message: string): Fault {
  return { code, message, agent: program.agent };
}

/** No files but those to read code from, no processes, no threads: what confined code would need if it ever got out. */
function permissionArguments(): string[] {
  for (const flag of ["--permission", "--experimental-permission"]) {
    if (process.allowedNodeEnvironmentFlags.has(flag)) return [flag, "--allow-fs-read=*"];
  }
  return [];
}
