import { Worker } from "node:worker_threads";
import { type Clock, LIMITS, MeanderError } from "../../base/index.ts";
import type { DefinitionDescription, DescribeDefinition } from "./description.ts";

/** What the thread says. */
export type FromDescriber =
  | { readonly type: "ready" }
  | { readonly type: "described"; readonly description: DefinitionDescription }
  | {
      readonly type: "refused";
      readonly code: string;
      readonly what: string;
      readonly where: string | undefined;
      readonly expected: string | undefined;
    };

/** What describing definitions depends on. */
export interface DescribingWorkerOptions {
  readonly clock: Clock;
  /** Time for one definition, ms. Default: `LIMITS.describeMsMax` */
  readonly deadlineMs?: number | undefined;
}

/**
 * Describes definitions in a separate thread, where an endless loop ends at a deadline and a heap at its limit. The
 * thread is started by the first call, kept for the next, replaced when it dies, and does not keep the process alive.
 */
export class DescribingWorker implements AsyncDisposable {
  readonly #options: DescribingWorkerOptions;
  #thread: DescriberThread | undefined;
  /** Settles when the ones asked for before are done. */
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(options: DescribingWorkerOptions) {
    this.#options = options;
  }

  /** One at a time, in the order of the calls. @throws {MeanderError} `executor-failed` besides */
  readonly describe: DescribeDefinition = (expression) => {
    const description = this.#last.then(() => this.#describe(expression));
    this.#last = description.catch(() => {});
    return description;
  };

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#thread?.end();
  }

  async #describe(expression: string): Promise<DefinitionDescription> {
    const used = this.#thread;
    if (used !== undefined && used.lost === undefined) {
      const answer = await this.#ask(used, expression);
      if (answer.type !== "lost") return descriptionIn(answer);
      // Perhaps the fault of what an earlier one left there.
    }
    if (this.#isClosed) throw unavailable("the site closes");
    const thread = new DescriberThread();
    this.#thread = thread;
    await thread.ready;
    if (thread.lost !== undefined) throw unavailable(thread.lost);
    const answer = await this.#ask(thread, expression);
    if (this.#isClosed && answer.type === "lost") throw unavailable(answer.what);
    return descriptionIn(answer);
  }

  async #ask(thread: DescriberThread, expression: string): Promise<Answer> {
    const { clock, deadlineMs = LIMITS.describeMsMax } = this.#options;
    const cancel = clock.after("describe a definition", deadlineMs, () => {
      void thread.end(`it did not end within ${deadlineMs} ms`);
    });
    const answer = await thread.ask(expression);
    cancel();
    return answer;
  }
}

function unavailable(what: string): MeanderError {
  return new MeanderError("executor-failed", what, { where: "reading a definition" });
}

type Answer =
  | Exclude<FromDescriber, { type: "ready" }>
  | { readonly type: "lost"; readonly what: string };

function descriptionIn(answer: Answer): DefinitionDescription {
  switch (answer.type) {
    case "described":
      return answer.description;
    case "refused": {
      const { code, what, where, expected } = answer;
      throw new MeanderError(code, what, {
        ...(where === undefined ? {} : { where }),
        ...(expected === undefined ? {} : { expected }),
      });
    }
    case "lost":
      throw new MeanderError("code-failed", answer.what, {
        where: "the top level of the agent's module",
        next: "leave work to the handlers; `init` is the first",
      });
  }
}

/** One thread; one question at a time. */
class DescriberThread {
  readonly #worker: Worker;
  /** Settles when it accepts questions, or has ended. */
  readonly ready: Promise<void>;
  #answered: (answer: Answer) => void = () => {};
  #lost: string | undefined;

  constructor() {
    const worker = new Worker(new URL("./describe-worker.js", import.meta.url), {
      name: "definitions",
      env: {},
      execArgv: permissionArguments(),
      stdout: true,
      stderr: true,
      resourceLimits: {
        maxOldGenerationSizeMb: LIMITS.describeMemoryMb,
        maxYoungGenerationSizeMb: 16,
      },
    });
    worker.stdout.resume();
    worker.stderr.resume();
    this.#worker = worker;
    this.ready = new Promise((resolve) => {
      worker.on("message", (message: FromDescriber) => {
        if (message.type === "ready") resolve();
        else this.#answered(message);
      });
      const lost = (what: string): void => {
        this.#lose(what);
        resolve();
      };
      worker.on("error", (error: Error & { readonly code?: string }) => {
        const isFull = error.code === "ERR_WORKER_OUT_OF_MEMORY";
        lost(
          isFull
            ? `it used up ${LIMITS.describeMemoryMb} MiB`
            : `its thread failed: ${error.message}`,
        );
      });
      worker.on("exit", (code) => lost(`its thread ended with code ${code}`));
    });
  }

  /** Why it has ended; undefined while it runs. */
  get lost(): string | undefined {
    return this.#lost;
  }

  ask(expression: string): Promise<Answer> {
    if (this.#lost !== undefined) return Promise.resolve({ type: "lost", what: this.#lost });
    this.#worker.ref();
    return new Promise((resolve) => {
      this.#answered = (answer) => {
        this.#worker.unref();
        resolve(answer);
      };
      this.#worker.postMessage(expression);
    });
  }

  async end(why = "the site closes"): Promise<void> {
    this.#lose(why);
    await this.#worker.terminate();
  }

  #lose(what: string): void {
    if (this.#lost !== undefined) return;
    this.#lost = what;
    this.#answered({ type: "lost", what });
  }
}

/** No files but those to read code from, no processes, no threads: what confined code would need if it ever got out. */
function permissionArguments(): string[] {
  for (const flag of ["--permission", "--experimental-permission"]) {
    if (process.allowedNodeEnvironmentFlags.has(flag)) return [flag, "--allow-fs-read=*"];
  }
  return [];
}
