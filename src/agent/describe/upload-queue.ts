import { LIMITS, MeanderError } from "../../base/index.ts";

/** What an owner waits for. */
interface Waiting {
  readonly owner: string;
  readonly start: () => void;
}

/**
 * Runs so many tasks at once, one of each owner; those that wait are started in the order of their owners' turns, so
 * that one with many does not delay another with one.
 */
export class UploadQueue {
  /** Owners whose tasks run. */
  readonly #running = new Set<string>();
  /** By owner, in the order of their turns. */
  readonly #waiting = new Map<string, Waiting[]>();

  /** @throws {MeanderError} `uploads-too-many`, and what the task throws */
  async run<T>(owner: string, task: () => Promise<T>): Promise<T> {
    await this.#turn(owner);
    try {
      return await task();
    } finally {
      this.#running.delete(owner);
      this.#proceed();
    }
  }

  #turn(owner: string): Promise<void> {
    const waiting = this.#waiting.get(owner) ?? [];
    if (waiting.length >= LIMITS.uploadsWaitingMax) {
      throw new MeanderError("uploads-too-many", "its earlier uploads have not been read yet", {
        where: `uploads of ${owner}`,
        expected: `at most ${LIMITS.uploadsWaitingMax} that wait`,
        next: "wait for them",
      });
    }
    return new Promise((resolve) => {
      waiting.push({ owner, start: resolve });
      this.#waiting.set(owner, waiting);
      this.#proceed();
    });
  }

  #proceed(): void {
    for (const [owner, waiting] of this.#waiting) {
      if (this.#running.size >= LIMITS.uploadsReadMax) return;
      if (this.#running.has(owner)) continue;
      const first = waiting.shift();
      // Behind the others, until its next turn.
      this.#waiting.delete(owner);
      if (waiting.length > 0) this.#waiting.set(owner, waiting);
      if (first === undefined) continue;
      this.#running.add(owner);
      first.start();
    }
  }
}
