import { MeanderError, messageOf } from "../../base/index.ts";
import { ConfinedProcess } from "./confined-process.ts";
import type { ControlGroups } from "./control-groups.ts";

/** What a pool of processes depends on. */
export interface ProcessPoolOptions {
  /** What each of them runs. */
  readonly script: URL;
  /** Of the one that is kept ready, MiB. */
  readonly memoryMb: number;
  /** Closed with the pool. Default: none. */
  readonly groups?: ControlGroups | undefined;
}

/** Starts confined processes, and keeps one ready from the first on, which has run nothing yet. */
export class ProcessPool implements AsyncDisposable {
  readonly #options: ProcessPoolOptions;
  /** Those that are not taken, or have not ended. */
  readonly #alive = new Set<ConfinedProcess>();
  #ready: ConfinedProcess | undefined;
  #isClosed = false;

  constructor(options: ProcessPoolOptions) {
    this.#options = options;
  }

  /** The process that is ready; undefined: there is none. */
  get ready(): ConfinedProcess | undefined {
    return this.#ready;
  }

  /** A process for the caller alone, who ends it. @throws {MeanderError} `executor-failed` */
  take(memoryMb: number = this.#options.memoryMb): ConfinedProcess {
    if (this.#isClosed) throw new MeanderError("executor-failed", "the site closes");
    const ready = memoryMb === this.#options.memoryMb ? this.#ready : undefined;
    if (ready !== undefined) this.#ready = undefined;
    const taken = ready ?? this.#start(memoryMb);
    taken.keepAlive(true);
    this.#keepOneReady();
    return taken;
  }

  /** Ends all of them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const all = [...this.#alive];
    for (const each of all) each.kill("the site closes");
    await Promise.all(all.map(({ ended }) => ended));
    await this.#options.groups?.close();
  }

  /** What bounds its processes besides, for people: `memory, cpu, pids (version 2)`, or why nothing does. */
  get groups(): string {
    return this.#options.groups?.words ?? "none: not asked for";
  }

  #keepOneReady(): void {
    if (this.#ready !== undefined) return;
    try {
      const started = this.#start(this.#options.memoryMb);
      started.keepAlive(false);
      this.#ready = started;
      // One that ends by itself is not started again before one is asked for.
      void started.ended.then(() => {
        if (this.#ready === started) this.#ready = undefined;
      });
    } catch {
      // The next that is asked for tells why.
    }
  }

  #start(memoryMb: number): ConfinedProcess {
    try {
      const { script, groups } = this.#options;
      const group = groups?.groupFor(memoryMb);
      const started = new ConfinedProcess({ script, memoryMb, group });
      this.#alive.add(started);
      void started.ended.then(() => this.#alive.delete(started));
      return started;
    } catch (cause) {
      throw new MeanderError("executor-failed", `no process can be started: ${messageOf(cause)}`, {
        cause,
      });
    }
  }
}
