import { type Cancel, type Clock, LIMITS, type Log, MeanderError } from "../../base/index.ts";
import type { AgentHost, AgentInstance, AgentProgram, Executor } from "../executor.ts";
import type { ProcessPool } from "../processes/index.ts";
import { AgentProcess } from "./agent-process.ts";
import { StartingProcesses } from "./starting-processes.ts";

/** What the agents of a site may use at most, whatever they ask for. */
export interface ExecutorMaxima {
  /** Processes at once. */
  readonly processes: number;
  /** Memory of one process, MiB. */
  readonly memoryMb: number;
  /** Memory of all of them together, as far as it is promised, MiB. */
  readonly totalMemoryMb: number;
  /** Longest run of a handler, ms. */
  readonly handlerMs: number;
}

/** What a process executor depends on. */
export interface ProcessExecutorOptions {
  readonly pool: ProcessPool;
  /** Real time: processes know no other. */
  readonly clock: Clock;
  readonly log: Log;
  /** Default: those of `LIMITS`. */
  readonly maxima?: Partial<ExecutorMaxima> | undefined;
}

/** What it uses now. */
export interface ExecutorUse {
  readonly processes: number;
  /** Memory of their own, MiB; undefined where the system does not tell. */
  readonly memoryMb: number | undefined;
}

/** A process, and when it ends because it has no agents. */
interface Kept {
  readonly process: AgentProcess;
  cancelEnd: Cancel | undefined;
}

/** Pause before it is looked again whether there is room for a process, ms. */
const ROOM_PAUSE_MS = 50;
/** Agents that it remembers to have told of that they get less than they ask for. */
const TOLD_MAX = 1_024;

const DEFAULT_MAXIMA: ExecutorMaxima = {
  processes: LIMITS.agentProcessesMax,
  memoryMb: LIMITS.processMemoryMbMax,
  totalMemoryMb: LIMITS.processesMemoryMbMax,
  handlerMs: LIMITS.processHandlerMsMax,
};

/**
 * Runs agents in processes: one for the agents of one owner with the same memory limit, one for each agent that asks
 * for it.
 *
 * A process has no environment, no files, no descriptors but those that it needs; it is locked down, and each agent has
 * its own compartment. A handler that exceeds its deadline, or the memory of its process, ends the process, and so may
 * the engine: all agents in it end, the call that ran has failed, and their users start them again. When there are as
 * many processes as there may be, the one that was used longest ago makes room for a new one.
 */
export class ProcessExecutor implements Executor {
  readonly kind = "process";
  readonly #options: ProcessExecutorOptions;
  readonly #maxima: ExecutorMaxima;
  /** By what they are shared by. */
  readonly #processes = new Map<string, Kept[]>();
  readonly #starting: StartingProcesses;
  readonly #told = new Set<string>();
  #alone = 0;
  #isClosed = false;

  constructor(options: ProcessExecutorOptions) {
    this.#options = options;
    this.#starting = new StartingProcesses(options.clock);
    this.#maxima = { ...DEFAULT_MAXIMA, ...options.maxima };
  }

  get use(): ExecutorUse {
    const all = this.#all();
    let memoryMb: number | undefined = 0;
    for (const { process } of all) {
      const own = process.measure();
      memoryMb = own === undefined || memoryMb === undefined ? undefined : memoryMb + own;
    }
    return { processes: all.length, memoryMb };
  }

  /** @throws {MeanderError} `code-failed`, `code-invalid`, `value-malformed`, `executor-failed` */
  async start(asked: AgentProgram, host: AgentHost): Promise<AgentInstance> {
    this.#checkOpen();
    const program = this.#within(asked);
    const { owner, memoryMb, isolation } = program;
    const isAlone = isolation === "thread";
    const key = `${memoryMb} ${isAlone ? `alone ${++this.#alone}` : `owner ${owner}`}`;
    const { clock } = this.#options;
    const began = clock.now();
    // Others' agents do not wait behind those that one owner has waiting.
    if (!this.#starting.mayWait(owner)) throw this.#noTurn(owner);
    for (;;) {
      const known = this.#processes.get(key)?.find(({ process }) => !process.isFull);
      const mayStart = this.#starting.mayStart(owner);
      const kept = known ?? (mayStart ? this.#open(key, program) : undefined);
      if (kept !== undefined) {
        kept.cancelEnd?.();
        kept.cancelEnd = undefined;
        const started = kept.process.start(program, host);
        return await (known === undefined ? this.#starting.during(owner, started) : started);
      }
      const waitedMs = clock.now() - began;
      if (mayStart && waitedMs >= LIMITS.processRoomMs) throw this.#noRoom(owner, memoryMb);
      if (waitedMs >= LIMITS.processTurnMs) throw this.#noTurn(owner);
      await this.#starting.waiting(owner, this.#pause());
      this.#checkOpen();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const all = this.#all();
    for (const { cancelEnd } of all) cancelEnd?.();
    await Promise.all(all.map(({ process }) => process.close()));
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new MeanderError("executor-failed", "the executor is closed");
  }

  #all(): Kept[] {
    return [...this.#processes.values()].flat();
  }

  /** What an agent gets of what it asks for: no more than the site allows, which is told once. */
  #within(asked: AgentProgram): AgentProgram {
    const memoryMb = Math.min(asked.memoryMb, this.#maxima.memoryMb);
    const handlerMs = Math.min(asked.handlerMs, this.#maxima.handlerMs);
    if (memoryMb === asked.memoryMb && handlerMs === asked.handlerMs) return asked;
    const title = `${asked.stream}/${asked.agent}`;
    if (!this.#told.has(title) && this.#told.size < TOLD_MAX) {
      this.#told.add(title);
      this.#options.log.warn("An agent asks for more than this site allows, and gets less.", {
        agent: title,
        owner: asked.owner,
        asked: { memoryMb: asked.memoryMb, handlerMs: asked.handlerMs },
        gets: { memoryMb, handlerMs },
      });
    }
    return { ...asked, memoryMb, handlerMs };
  }

  /** Undefined when there is no room yet. @throws {MeanderError} `executor-failed` */
  #open(key: string, { owner, memoryMb, isolation }: AgentProgram): Kept | undefined {
    if (!this.#makeRoom(memoryMb)) return undefined;
    const { clock, log, pool } = this.#options;
    const idleMs = isolation === "thread" ? 0 : LIMITS.processIdleMs;
    const kept: Kept = {
      process: new AgentProcess({
        process: pool.take(memoryMb),
        clock,
        log,
        owner,
        onLeave: () => {
          kept.cancelEnd?.();
          this.#forget(key, kept);
        },
        onIdle: () => {
          kept.cancelEnd?.();
          kept.cancelEnd = clock.after("idle process", idleMs, () => void kept.process.close());
        },
      }),
      cancelEnd: undefined,
    };
    const shared = this.#processes.get(key);
    if (shared === undefined) this.#processes.set(key, [kept]);
    else shared.push(kept);
    return kept;
  }

  #hasRoom(memoryMb: number): boolean {
    const all = this.#all();
    let promised = memoryMb;
    for (const { process } of all) promised += process.memoryMb;
    // One alone may always run.
    if (all.length === 0) return true;
    return all.length < this.#maxima.processes && promised <= this.#maxima.totalMemoryMb;
  }

  /** Ends processes that were not used for a while, longest ago first, until there is room. False: there is none. */
  #makeRoom(memoryMb: number): boolean {
    if (this.#hasRoom(memoryMb)) return true;
    const until = this.#options.clock.now() - LIMITS.processQuietMs;
    const quiet = this.#all()
      .map(({ process }) => process)
      .filter((process) => process.isEmpty || (!process.isBusy && process.usedAtMs <= until))
      .sort((one, other) => one.usedAtMs - other.usedAtMs);
    for (const process of quiet) {
      process.evict("its process was ended to make room for another owner's agents");
      if (this.#hasRoom(memoryMb)) return true;
    }
    return false;
  }

  #noRoom(owner: string, memoryMb: number): MeanderError {
    const { processes, totalMemoryMb } = this.#maxima;
    return new MeanderError("executor-failed", "all processes for agents are in use", {
      where: `agents of ${owner}, ${memoryMb} MiB`,
      expected: `at most ${processes} processes with ${totalMemoryMb} MiB together`,
      next: "it is tried again; or let the site have more (--agent-processes, --agents-memory)",
    });
  }

  #noTurn(owner: string): MeanderError {
    const { processStartsMax, ownerProcessStartsMax, ownerProcessWaitsMax, processTurnMs } = LIMITS;
    return new MeanderError("executor-failed", "its process could not be started in time", {
      where: `agents of ${owner}: others' and its own are being started`,
      expected: `at most ${ownerProcessStartsMax} of one owner and ${processStartsMax} in all that start at once, and ${ownerProcessWaitsMax} of one owner that wait, up to ${processTurnMs} ms`,
      next: "try again; start fewer at once, or let them share a process (isolation: process)",
    });
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#options.clock.after("room for a process", ROOM_PAUSE_MS, resolve);
    });
  }

  #forget(key: string, kept: Kept): void {
    const rest = this.#processes.get(key)?.filter((each) => each !== kept) ?? [];
    if (rest.length === 0) this.#processes.delete(key);
    else this.#processes.set(key, rest);
  }
}
