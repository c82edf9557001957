import { MeanderError } from "../../base/index.ts";
import type { LeaderDirectory } from "../../directory/index.ts";

/** Calls of a directory that write. */
const WRITES: ReadonlySet<string | symbol> = new Set([
  ...["put", "compareAndSet", "delete", "putBlob", "grantLease", "revokeLease"],
]);
/** What they fail with when the store is full, or its disk refuses; all else is the caller's fault. */
const REFUSALS = ["directory-write-failed", "directory-full"];

/** Notices that a leader's directory refuses to write. */
export class WriteWatch {
  #reason: string | undefined;

  /** Why the site is degraded; empty: the last write succeeded. */
  get reasons(): readonly string[] {
    return this.#reason === undefined ? [] : [`the directory refuses writes: ${this.#reason}`];
  }

  /** The same directory; what its writes answer is noticed. */
  watched<T extends LeaderDirectory>(directory: T): T {
    return new Proxy(directory, {
      get: (target, key) => {
        const member: unknown = Reflect.get(target, key, target);
        if (typeof member !== "function") return member;
        return (...args: unknown[]) => {
          const result: unknown = Reflect.apply(member, target, args);
          return WRITES.has(key) && result instanceof Promise ? this.#noted(result) : result;
        };
      },
      set: (target, key, value) => Reflect.set(target, key, value, target),
    });
  }

  async #noted(write: Promise<unknown>): Promise<unknown> {
    try {
      const result = await write;
      this.#reason = undefined;
      return result;
    } catch (error) {
      if (error instanceof MeanderError && REFUSALS.includes(error.code)) this.#reason = error.what;
      throw error;
    }
  }
}
