import { type Cancel, type Clock, LIMITS, type Log, MeanderError } from "../../base/index.ts";
import type { LogLevel, LogLevelView } from "../../client/contract/index.ts";
import type { LogGate } from "../observe/log-gate.ts";

/** What {@link LogLevels} changes. */
export interface LogLevelsOptions {
  readonly gate: LogGate;
  /** The plane has a gate of its own. */
  readonly plane: { setLogLevel(level: LogLevel): Promise<void> };
  readonly clock: Clock;
  readonly log: Log;
}

/** The level of a running site's log, in both its threads; temporarily or until it is changed again. */
export class LogLevels {
  readonly #options: LogLevelsOptions;
  #reverting: { readonly to: LogLevel; readonly at: number; readonly cancel: Cancel } | undefined;

  constructor(options: LogLevelsOptions) {
    this.#options = options;
  }

  get view(): LogLevelView {
    const { gate } = this.#options;
    return {
      level: gate.level,
      revertsTo: this.#reverting?.to ?? null,
      revertsAt: this.#reverting?.at ?? null,
    };
  }

  /**
   * Changes the level. A second change before the first has reverted reverts to where the first began.
   *
   * @param forMs undefined: until it is changed again
   * @throws {MeanderError} `request-invalid`
   */
  async set(level: LogLevel, forMs?: number): Promise<LogLevelView> {
    if (forMs !== undefined && !(forMs > 0 && forMs <= LIMITS.logLevelMsMax)) {
      throw new MeanderError("request-invalid", `got ${forMs} ms`, {
        where: "forMs",
        expected: `a time up to ${LIMITS.logLevelMsMax} ms`,
      });
    }
    const { gate, clock, log } = this.#options;
    const before = this.#reverting?.to ?? gate.level;
    this.close();
    if (forMs !== undefined) {
      const cancel = clock.after("log level", forMs, () => {
        this.#reverting = undefined;
        void this.#apply(before);
      });
      this.#reverting = { to: before, at: clock.wall() + forMs, cancel };
    }
    await this.#apply(level);
    log.info("The log level was changed.", { to: level, forMs });
    return this.view;
  }

  /** Cancels reverting. */
  close(): void {
    this.#reverting?.cancel();
    this.#reverting = undefined;
  }

  async #apply(level: LogLevel): Promise<void> {
    const { gate, plane, log } = this.#options;
    gate.level = level;
    await plane.setLogLevel(level).catch((error: unknown) => {
      // A plane that has ended logs nothing.
      log.debug("The plane keeps its level.", { error: String(error) });
    });
  }
}
