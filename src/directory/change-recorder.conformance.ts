import type { Change } from "./directory.ts";

/** Records the changes of a watch, and lets a test wait for them. */
export class ChangeRecorder {
  readonly changes: Change[] = [];
  #waiting: (() => void)[] = [];

  readonly listener = (change: Change): void => {
    this.changes.push(change);
    for (const check of this.#waiting.splice(0)) check();
  };

  /** The changes in short: `key=value`, `-key`, `synced`. */
  get short(): string[] {
    return this.changes.map((change) => {
      if (change.type === "synced") return "synced";
      return change.type === "put"
        ? `${change.entry.key}=${JSON.stringify(change.entry.value)}`
        : `-${change.key}`;
    });
  }

  /** Settles when `count` changes have been recorded. */
  async count(count: number): Promise<void> {
    while (this.changes.length < count) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}
