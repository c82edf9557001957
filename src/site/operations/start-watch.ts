import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { type Cancel, type Clock, LIMITS, type Log, messageOf } from "../../base/index.ts";

const noteSchema = z.object({
  /** Runs in a row, before this one, that died soon after their start. */
  quickDeaths: z.int().min(0),
  /** Whether the streams of this one may be why it dies: it runs some, and has not lived for long enough. */
  isSuspect: z.boolean(),
});

type Note = z.infer<typeof noteSchema>;

/** What a {@link StartWatch} works with. */
export interface StartWatchOptions {
  /** Of its note, which is there while the site runs, and after it has died. */
  readonly path: string;
  readonly clock: Pick<Clock, "after">;
  readonly log: Log;
}

/**
 * Notices that a site which runs streams dies again and again soon after its start: whatever they run may be why. A note
 * in the site's folder is written at the start and removed by an orderly end, so that it outlives every other end.
 */
export class StartWatch {
  readonly #options: StartWatchOptions;
  #cancel: Cancel = () => {};
  #note: Note = { quickDeaths: 0, isSuspect: false };
  #isYoung = false;

  constructor(options: StartWatchOptions) {
    this.#options = options;
  }

  /** The site starts. @returns how many of its last runs, in a row, died within `quickDeathMs` of their start */
  begin(): number {
    const before = this.#read();
    const quickDeaths = before?.isSuspect === true ? before.quickDeaths + 1 : 0;
    // What was halted before stays so, however often the site is killed until a person has looked.
    this.#write({ quickDeaths, isSuspect: quickDeaths >= LIMITS.quickDeathsMax });
    this.#isYoung = true;
    const { clock } = this.#options;
    this.#cancel = clock.after("start watch", LIMITS.quickDeathMs, () => {
      this.#isYoung = false;
      this.#write({ quickDeaths: 0, isSuspect: false });
    });
    return quickDeaths;
  }

  /** The site is about to run a stream. */
  runsStream(): void {
    if (this.#isYoung && !this.#note.isSuspect) this.#write({ ...this.#note, isSuspect: true });
  }

  /** The site ends in order. */
  end(): void {
    this.#cancel();
    this.#isYoung = false;
    rmSync(this.#options.path, { force: true });
  }

  /** Undefined: there was no last run, it ended in order, or the note cannot be read. */
  #read(): Note | undefined {
    try {
      return noteSchema.safeParse(JSON.parse(readFileSync(this.#options.path, "utf8"))).data;
    } catch {
      return undefined;
    }
  }

  #write(note: Note): void {
    this.#note = note;
    const { path, log } = this.#options;
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      writeFileSync(path, JSON.stringify(note), { mode: 0o600 });
    } catch (error) {
      log.warn("It is not noted that the site runs: should it die soon, that goes unnoticed.", {
        file: path,
        error: messageOf(error),
      });
    }
  }
}
