import type { Clock, Log } from "../../base/index.ts";

/** More errors than this while the site leaves, and it ends at once: something goes round and round. */
const FAULTS_MAX = 10;

/** What a {@link Farewell} works with. */
export interface FarewellOptions {
  readonly clock: Pick<Clock, "after">;
  readonly log: Log;
  /** Longest time between the error and the end, ms. */
  readonly withinMs: number;
  /** Has neighbours and viewers continue elsewhere; settles when they do. Undefined: there is no site yet. */
  leave(): Promise<unknown> | undefined;
  /** Ends the process. */
  exit(code: number): void;
}

/**
 * Ends a process in which an error was not handled: nothing that it holds can be trusted, but its plane, in a thread of
 * its own, still forwards. So neighbours and viewers are told to continue elsewhere, make before break, and the process
 * ends when they do, at the deadline, or at once where there is no plane that could tell them.
 */
export class Farewell {
  readonly #options: FarewellOptions;
  #faults = 0;
  #hasEnded = false;

  constructor(options: FarewellOptions) {
    this.#options = options;
  }

  /** An error was not handled. Never throws. @param what a sentence for the log */
  fault(what: string, thrown: unknown): void {
    this.#faults++;
    this.#tell(what, thrown);
    if (this.#faults > FAULTS_MAX) this.#end();
    // Those that follow while it leaves change nothing: the deadline stays.
    if (this.#faults > 1) return;
    try {
      const left = this.#options.leave();
      if (left === undefined) {
        this.#end();
        return;
      }
      this.#options.clock.after("farewell", this.#options.withinMs, () => this.#end());
      const end = (): void => this.#end();
      left.then(end, end);
    } catch (error) {
      this.#tell("The site cannot leave.", error);
      this.#end();
    }
  }

  /** A signal came. @returns true when that ended the process, which was leaving */
  interrupt(): boolean {
    if (this.#faults === 0) return false;
    this.#end();
    return true;
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#options.exit(1);
  }

  #tell(what: string, thrown: unknown): void {
    try {
      const error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
      this.#options.log.error(what, { error });
    } catch {
      // An error that cannot be told, or a log that cannot be written, must not keep the site from leaving.
    }
  }
}
