import type { z } from "zod";
import type { Log } from "../base/index.ts";
import type { Change, Json } from "../directory/index.ts";
import { describeIssue } from "./zod-issue.ts";

/** What a {@link RecordList} needs. */
export interface RecordListOptions<T> {
  readonly schema: z.ZodType<T>;
  readonly log: Log;
  /** The list was synchronised, or has changed since. */
  onList(list: readonly T[]): void;
}

/** The records under a prefix of the directory, maintained by a watch. Invalid records are left out. */
export class RecordList<T extends { readonly name: string }> {
  readonly #options: RecordListOptions<T>;
  readonly #byKey = new Map<string, T>();
  #synced = false;

  constructor(options: RecordListOptions<T>) {
    this.#options = options;
  }

  /** The records, by name. */
  get all(): readonly T[] {
    return [...this.#byKey.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  find(name: string): T | undefined {
    for (const record of this.#byKey.values()) if (record.name === name) return record;
    return undefined;
  }

  /** Applies a change of the watch. */
  take(change: Change): void {
    if (change.type === "put") this.#put(change.entry.key, change.entry.value);
    else if (change.type === "deleted") this.#byKey.delete(change.key);
    else this.#synced = true;
    if (this.#synced) this.#options.onList(this.all);
  }

  #put(key: string, value: Json): void {
    const parsed = this.#options.schema.safeParse(value);
    if (parsed.success) {
      this.#byKey.set(key, parsed.data);
      return;
    }
    this.#byKey.delete(key);
    const { path, what, expected } = describeIssue(parsed.error, value);
    this.#options.log.warn("A record of the directory was not valid.", {
      key,
      path,
      what,
      expected,
    });
  }
}
