import { MeanderError } from "../base/index.ts";

/** What {@link Gates} use of their stream. */
export interface GatesPorts {
  /** The stream's name. */
  readonly name: string;
  /** A task waits: the message that runs ends first, and those of its batch that have not begun wait. */
  requested(): void;
  /** A task has ended. */
  passed(): void;
}

/**
 * Tasks that run between two messages, one at a time: changes of the agents, and events (docs/spec/streams.md [M3],
 * [M4]).
 */
export class Gates {
  readonly #ports: GatesPorts;
  readonly #waiting: (() => void)[] = [];
  #isBusy = false;
  #isClosed = false;

  constructor(ports: GatesPorts) {
    this.#ports = ports;
  }

  /** Whether a task runs. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /**
   * Runs `task` between two messages. Rejects with what it rejects with, or with `stream-gone` when the stream has left
   * before.
   */
  pass<T>(task: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const run = (): void => {
        if (this.#isClosed) {
          reject(
            new MeanderError("stream-gone", "the stream is no longer at this site", {
              where: `stream ${this.#ports.name}`,
            }),
          );
          return;
        }
        this.#isBusy = true;
        task()
          .then(resolve, reject)
          .finally(() => {
            this.#isBusy = false;
            this.#ports.passed();
          });
      };
      if (this.#isClosed) return run();
      this.#waiting.push(run);
      this.#ports.requested();
    });
  }

  /** Begins the next task. False: none waits. */
  begin(): boolean {
    const run = this.#waiting.shift();
    run?.();
    return run !== undefined;
  }

  /** Rejects what waits. */
  close(): void {
    this.#isClosed = true;
    for (const run of this.#waiting.splice(0)) run();
  }
}
