import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { type Cancel, type Clock, LIMITS, type Log, messageOf } from "../../base/index.ts";

const noteSchema = z.object({
  /** Runs in a row, before this one, that died soon after their start. */
  quickDeaths: z.int().min(0),
  /** Whether this one has lived for long enough. */
  isSettled: z.boolean(),
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
 * Notices that a site dies again and again soon after its start: whatever its streams run may be why. A note in the
 * site's folder is written at the start and removed by an orderly end, so that it outlives every other end.
 */
export class StartWatch {
  readonly #options: StartWatchOptions;
  #cancel: Cancel = () => {};

  constructor(options: StartWatchOptions) {
    this.#options = options;
  }

  /** The site starts. @returns how many of its last runs, in a row, died within `quickDeathMs` of their start */
  begin(): number {
    const before = this.#read();
    const quickDeaths = before === undefined || before.isSettled ? 0 : before.quickDeaths + 1;
    this.#write({ quickDeaths, isSettled: false });
    const { clock } = this.#options;
    this.#cancel = clock.after("start watch", LIMITS.quickDeathMs, () =>
      this.#write({ quickDeaths: 0, isSettled: true }),
    );
    return quickDeaths;
  }

  /** The site ends in order. */
  end(): void {
    this.#cancel();
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
