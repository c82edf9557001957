import { type Clock, LIMITS, MeanderError } from "../../base/index.ts";
import { type CodeSource, type PreparedCode, preparedOf } from "../../code/index.ts";
import { Watchdog } from "../executors/watchdog.ts";
import {
  type ConfinedProcess,
  type ProcessLeavings,
  type ProcessPool,
  wordsOf,
} from "../processes/index.ts";
import type { DefinitionDescription } from "./description.ts";
import { packUpload, refusalOf, type UploadAnswer, unpackAnswers } from "./upload-messages.ts";
import { UploadQueue } from "./upload-queue.ts";
import type { ReadAgent, UploadReader } from "./upload-reader.ts";

/** What reading in processes depends on. */
export interface ProcessReaderOptions {
  readonly pool: ProcessPool;
  readonly clock: Clock;
  /** Time to prepare code, and to evaluate it, ms each. Default: `LIMITS.describeMsMax` */
  readonly deadlineMs?: number | undefined;
}

/**
 * Reads uploads, each in a process of its own that nothing ran in before and nothing runs in afterwards: an endless
 * loop ends at a deadline, memory at its bound, and what an upload leaves there no other one finds.
 *
 * Uploads of one owner are read one after the other, and those of several take turns.
 */
export class ProcessReader implements UploadReader {
  readonly #options: ProcessReaderOptions;
  readonly #queue = new UploadQueue();

  constructor(options: ProcessReaderOptions) {
    this.#options = options;
  }

  agent(source: CodeSource, owner: string): Promise<ReadAgent> {
    return this.#queue.run(owner, async () => {
      const { expression, definition } = await this.#read("agent", source);
      if (definition === undefined) throw unavailable("it answered without a definition");
      return { code: await preparedOf(expression, source.source), definition };
    });
  }

  handler(source: CodeSource, owner: string): Promise<PreparedCode> {
    return this.#queue.run(owner, async () => {
      const { expression } = await this.#read("handler", source);
      return await preparedOf(expression, source.source);
    });
  }

  async #read(kind: "agent" | "handler", source: CodeSource): Promise<Reading> {
    const process = this.#options.pool.take();
    const reading = new UploadReading(process, source, kind, this.#options);
    try {
      return await reading.result;
    } finally {
      reading.stop();
      process.kill("its upload has been read");
    }
  }
}

/** What came of an upload. */
interface Reading {
  readonly expression: string;
  /** Of an agent. */
  readonly definition: DefinitionDescription | undefined;
}

/** One upload in one process. */
class UploadReading {
  readonly result: Promise<Reading>;
  readonly #process: ConfinedProcess;
  readonly #source: CodeSource;
  readonly #kind: "agent" | "handler";
  readonly #watchdog: Watchdog;
  #expression: string | undefined;
  #hasStarted = false;
  #resolve: (reading: Reading) => void = () => {};
  #reject: (error: MeanderError) => void = () => {};

  constructor(
    process: ConfinedProcess,
    source: CodeSource,
    kind: "agent" | "handler",
    { clock, deadlineMs = LIMITS.describeMsMax }: ProcessReaderOptions,
  ) {
    this.#process = process;
    this.#source = source;
    this.#kind = kind;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#watchdog = new Watchdog({
      clock,
      look: () => this.#look(),
      isBusy: () => true,
      shortestMs: () => deadlineMs,
      longestMs: () => deadlineMs,
      onStuck: () => this.#end(`it did not end within ${deadlineMs} ms`),
      silentMs: () => (this.#hasStarted ? deadlineMs : LIMITS.processStartMs),
      onSilent: () => this.#end("its process did not begin"),
    });
    process.receive((answers) => this.#receive(answers));
    void process.ended.then((leavings) => this.#ended(leavings));
    process.post([packUpload(["read", kind, source.source, source.file ?? null])]);
    this.#watchdog.wake();
  }

  stop(): void {
    this.#watchdog.stop();
  }

  #look(): { readonly running: number | undefined; readonly beats: number } {
    const { isOverfull, memoryMb } = this.#process;
    if (isOverfull) this.#end(`it used up ${memoryMb} MiB`);
    const last = this.#process.look();
    if (last !== undefined) this.#hasStarted = true;
    return { running: last?.running, beats: last?.beats ?? 0 };
  }

  #receive(bytes: Uint8Array): void {
    const answers = unpackAnswers(bytes);
    if (answers === undefined) this.#end("its process sent what is no answer");
    for (const answer of answers ?? []) this.#take(answer);
  }

  #take(answer: UploadAnswer): void {
    switch (answer[0]) {
      case "prepared":
        // The first one: what comes after code was evaluated may be of its making.
        this.#expression ??= answer[1];
        if (this.#kind === "handler")
          this.#resolve({ expression: this.#expression, definition: undefined });
        break;
      case "described":
        if (this.#expression === undefined) this.#end("its process answered out of turn");
        else this.#resolve({ expression: this.#expression, definition: answer[1] });
        break;
      case "refused":
        this.#reject(refusalOf(answer[1], this.#source));
        break;
      default:
        answer satisfies never;
    }
  }

  #end(why: string): void {
    this.#watchdog.stop();
    this.#process.kill(why);
  }

  #ended({ end, last, answers }: ProcessLeavings): void {
    this.#watchdog.stop();
    // What was answered in the last moment counts.
    for (const answer of unpackAnswers(answers) ?? []) this.#take(answer);
    const { memoryMb } = this.#process;
    const isFull = end.outOfMemory !== "no";
    const what = isFull ? `it used up ${memoryMb} MiB` : wordsOf(end, memoryMb);
    // It had begun nothing: nothing of the upload is to blame.
    this.#reject(last === undefined ? unavailable(what) : this.#failure(what));
  }

  #failure(what: string): MeanderError {
    const { file = "the upload" } = this.#source;
    if (this.#expression === undefined) {
      return new MeanderError("code-failed", what, { where: file, next: "make it smaller" });
    }
    return new MeanderError("code-failed", what, {
      where: "the top level of the agent's module",
      next: "leave work to the handlers; `init` is the first",
    });
  }
}

function unavailable(what: string): MeanderError {
  return new MeanderError("executor-failed", what, { where: "reading an upload" });
}
