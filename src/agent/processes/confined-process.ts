import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, existsSync, openSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { setPriority, tmpdir } from "node:os";
import { join, parse } from "node:path";
import { fileURLToPath } from "node:url";
import { LIMITS } from "../../base/index.ts";
import { confinedCommand } from "./command.ts";
import type { ProcessGroup } from "./control-groups.ts";
import { frameLetter, LetterReader } from "./letters.ts";
import { lastWordsIn, outOfMemoryBy, type ProcessEnd } from "./process-end.ts";
import { ownMemoryMb } from "./process-memory.ts";
import { readableFor } from "./readable.ts";
import { answersIn, type RecordHead, RunFileReader, readHead } from "./run-file.ts";
import { FROM_SITE, RUN_FILE, TO_SITE } from "./site-link.ts";

/** Data that a process has before its first code of others, and room for what the engine does with theirs, MiB. */
const OWN_DATA_MB = 128;
/** Heap of its own, MiB. */
const OWN_HEAP_MB = 24;
/** What the site watches exceeds what the system refuses by this, MiB: the site is there where the system is not. */
const OWN_MEMORY_MB = 104;
/** Standard error that is kept, characters. More is not read. */
const ERROR_CHARACTERS_MAX = 32 * 1024;
/** Behind the site's own threads, where both want a processor. */
const NICENESS = 5;
/** A file system in memory, where there is one. */
const MEMORY_FOLDER = "/dev/shm";

/** What a confined process depends on. */
export interface ConfinedProcessOptions {
  /** Its script, which uses a `SiteLink`. */
  readonly script: URL;
  /** Memory for what it does, beyond what an empty one has, MiB. */
  readonly memoryMb: number;
  /** Its control group, where there are any; removed when it has ended. */
  readonly group?: ProcessGroup | undefined;
}

/** What a process that has ended leaves. */
export interface ProcessLeavings {
  readonly end: ProcessEnd;
  /** What ran at the end, as it said itself; undefined: nothing. */
  readonly last: RecordHead | undefined;
  /** Answers that it had not sent. */
  readonly answers: Buffer;
}

/**
 * A process of Node that can do nothing but compute and exchange letters with this one: no environment, no files but
 * those of its own code, no other processes, bounded memory, and less priority. It ends with this process, and when it
 * is killed, whatever it does.
 */
export class ConfinedProcess {
  readonly memoryMb: number;
  /** Settles when it has ended and all that it sent has been received. */
  readonly ended: Promise<ProcessLeavings>;
  readonly #child: ChildProcess;
  readonly #runFile: RunFileReader;
  readonly #descriptor: number;
  readonly #toProcess: Socket | undefined;
  readonly #group: ProcessGroup | undefined;
  #onLetter: (answers: Buffer) => void = (answers) => void this.#early.push(answers);
  #early: Buffer[] = [];
  #received = 0;
  #standardError = "";
  #killedFor: string | undefined;
  #memoryMb: number | undefined;
  #hasEnded = false;

  constructor({ script, memoryMb, group }: ConfinedProcessOptions) {
    this.memoryMb = memoryMb;
    this.#group = group;
    const path = fileURLToPath(script);
    const { file, args } = confinedCommand(path, {
      readable: readableFor(path),
      heapMb: memoryMb + OWN_HEAP_MB,
      dataMb: memoryMb + OWN_DATA_MB,
    });
    const name = runFileName();
    this.#descriptor = openSync(name, "wx+", 0o600);
    this.#runFile = new RunFileReader(this.#descriptor);
    try {
      this.#runFile.reserve();
    } catch (cause) {
      closeSync(this.#descriptor);
      rmSync(name, { force: true });
      throw cause;
    }
    const stdio: ("ignore" | "pipe" | number)[] = ["ignore", "ignore", "pipe"];
    stdio[FROM_SITE] = "pipe";
    stdio[TO_SITE] = "pipe";
    stdio[RUN_FILE] = this.#descriptor;
    try {
      const options = { stdio, env: environment(), cwd: parse(path).root, windowsHide: true };
      // In a group of its own: what ends this process by a key or with its terminal is for this one to answer.
      const isDetached = process.platform !== "win32";
      this.#child = spawn(file, args, { ...options, detached: isDetached });
    } catch (cause) {
      closeSync(this.#descriptor);
      throw cause;
    } finally {
      // Both have it open, and no other process finds it.
      rmSync(name, { force: true });
    }
    const streams = this.#child.stdio as unknown as readonly (Socket | undefined)[];
    this.#toProcess = streams[FROM_SITE];
    this.#toProcess?.on("error", () => {});
    this.ended = this.#watch(streams);
    this.#lowerPriority();
    if (this.#child.pid !== undefined) group?.admit(this.#child.pid);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Called with the answers of letters, packed in a row; at once with those that came before. */
  receive(onLetter: (answers: Buffer) => void): void {
    this.#onLetter = onLetter;
    for (const answers of this.#early.splice(0)) onLetter(answers);
  }

  /** Sends a letter; it may have been killed meanwhile. */
  post(parts: readonly Uint8Array[]): void {
    if (!this.#hasEnded && this.#killedFor === undefined)
      this.#toProcess?.write(frameLetter(parts));
  }

  /** What runs, and a number that changes whenever something begins. */
  look(): RecordHead | undefined {
    return this.#hasEnded ? undefined : this.#runFile.look();
  }

  /** As `RunFileReader.interrupt`. */
  interrupt(slot: number, batch: number): void {
    if (!this.#hasEnded) this.#runFile.interrupt(slot, batch);
  }

  /** Memory of its own now, MiB; undefined where the system does not tell. */
  measure(): number | undefined {
    const { pid } = this.#child;
    if (pid === undefined || this.#hasEnded) return undefined;
    this.#memoryMb = ownMemoryMb(pid) ?? this.#memoryMb;
    return this.#memoryMb;
  }

  /** Whether it has more memory than it may, as far as the system tells. */
  get isOverfull(): boolean {
    return (this.measure() ?? 0) > this.memoryMb + OWN_MEMORY_MB;
  }

  /** Ends it at once. The first reason is the reason. */
  kill(why: string): void {
    if (this.#hasEnded) return;
    this.#killedFor ??= why;
    // Its end is waited for.
    this.keepAlive(true);
    this.#child.kill("SIGKILL");
  }

  /** Whether it keeps this process from ending. */
  keepAlive(isKept: boolean): void {
    const streams = this.#child.stdio as unknown as readonly (Socket | null | undefined)[];
    for (const each of [this.#child, ...streams]) {
      if (each === null || each === undefined || typeof each === "number") continue;
      if (isKept) each.ref();
      else each.unref();
    }
  }

  #watch(streams: readonly (Socket | undefined)[]): Promise<ProcessLeavings> {
    const reader = new LetterReader(LIMITS.processLetterBytesMax);
    streams[TO_SITE]?.on("data", (chunk: Buffer) => {
      const letters = reader.take(chunk);
      if (letters === undefined) this.kill("it sent what is no letter");
      this.#take(letters ?? []);
    });
    for (const stream of [streams[TO_SITE], this.#child.stderr]) stream?.on("error", () => {});
    this.#child.stderr?.setEncoding("latin1").on("data", (text: string) => {
      const room = ERROR_CHARACTERS_MAX - this.#standardError.length;
      this.#standardError += text.slice(0, Math.max(0, room));
    });
    return new Promise((resolve) => {
      const leave = (code?: number, signal?: string): void => {
        if (!this.#hasEnded) resolve(this.#leave(code, signal));
      };
      this.#child.once("error", (error) => {
        this.#killedFor ??= `it cannot be started: ${error.message}`;
        if (this.#child.pid === undefined) leave();
      });
      this.#child.once("close", (code, signal) => leave(code ?? undefined, signal ?? undefined));
    });
  }

  /** What came together is passed on together. */
  #take(letters: readonly Buffer[]): void {
    const parts: Buffer[] = [];
    for (const letter of letters) {
      const head = readHead(letter, 0);
      const answers = answersIn(letter);
      if (head === undefined || answers === undefined) {
        this.kill("it sent what is no letter");
        break;
      }
      this.#received = head.letter;
      parts.push(answers);
    }
    const [first] = parts;
    if (first !== undefined) this.#onLetter(parts.length === 1 ? first : Buffer.concat(parts));
  }

  #leave(code: number | undefined, signal: string | undefined): ProcessLeavings {
    this.#hasEnded = true;
    const left = this.#runFile.left(this.#received);
    closeSync(this.#descriptor);
    const lastWords = lastWordsIn(this.#standardError);
    const isOutOfMemory = this.#group?.isOutOfMemory === true;
    void this.#group?.close();
    const outOfMemory = isOutOfMemory ? "yes" : outOfMemoryBy(signal, lastWords);
    const end: ProcessEnd = {
      code,
      signal,
      killedFor: this.#killedFor,
      outOfMemory: this.#killedFor === undefined ? outOfMemory : "no",
      lastWords,
      memoryMb: this.#memoryMb,
    };
    return { end, ...left };
  }

  #lowerPriority(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      setPriority(pid, NICENESS);
    } catch {
      // It has ended already, or the system does not allow it.
    }
  }
}

/** What its script may find in the environment: nothing, but where the system needs something to start it. */
function environment(): NodeJS.ProcessEnv {
  if (process.platform !== "win32") return {};
  const root = process.env["SystemRoot"];
  return root === undefined ? {} : { SystemRoot: root };
}

function runFileName(): string {
  const folder = existsSync(MEMORY_FOLDER) ? MEMORY_FOLDER : tmpdir();
  return join(folder, `meander-${randomBytes(12).toString("hex")}.run`);
}
