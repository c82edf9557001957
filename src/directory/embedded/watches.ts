import { ChangeQueue } from "../change-queue.ts";
import type { Change, Entry } from "../directory.ts";
import type { KeyChange } from "../watch-mirror.ts";

interface Watch {
  readonly prefix: string;
  readonly queue: ChangeQueue;
  /** The listener has received everything up to this revision when the watch starts. */
  readonly since: number;
}

/** [D6] The watches of a directory in this process: all receive changes in one order. */
export class Watches {
  readonly #watches = new Set<Watch>();
  readonly #untold: KeyChange[] = [];
  #telling = false;

  /** Watches there are. */
  get count(): number {
    return this.#watches.size;
  }

  /**
   * Adds a watch and reports the existing entries to it.
   *
   * @param there the entries under `prefix` at `revision`
   * @returns ends the watch
   */
  add(
    prefix: string,
    listener: (change: Change) => void,
    { there, revision }: { readonly there: readonly Entry[]; readonly revision: number },
  ): () => void {
    const watch = { prefix, queue: new ChangeQueue(listener), since: revision };
    this.#watches.add(watch);
    watch.queue.push([
      ...there.map((entry): Change => ({ type: "put", entry })),
      { type: "synced" },
    ]);
    return () => {
      watch.queue.close();
      this.#watches.delete(watch);
    };
  }

  /** Reports changes, in the order of their revisions. */
  tell(changes: readonly KeyChange[]): void {
    this.#untold.push(...changes);
    // A listener that writes re-enters here; the other watches receive what it saw first, then what it wrote.
    if (this.#telling) return;
    this.#telling = true;
    for (let change = this.#untold.shift(); change; change = this.#untold.shift()) {
      for (const { prefix, queue, since } of [...this.#watches]) {
        if (revisionOf(change) > since && keyOf(change).startsWith(prefix)) queue.push([change]);
      }
    }
    this.#telling = false;
  }

  /** Ends all. */
  clear(): void {
    for (const { queue } of this.#watches) queue.close();
    this.#watches.clear();
  }
}

function keyOf(change: KeyChange): string {
  return change.type === "put" ? change.entry.key : change.key;
}

function revisionOf(change: KeyChange): number {
  return change.type === "put" ? change.entry.revision : change.revision;
}
