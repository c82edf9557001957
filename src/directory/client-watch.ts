import { z } from "zod";
import { MeanderError } from "../base/index.ts";
import type { Calls } from "./calls.ts";
import { ChangeQueue } from "./change-queue.ts";
import type { Change } from "./directory.ts";
import { entrySchema } from "./messages.ts";
import { type KeyChange, WatchMirror } from "./watch-mirror.ts";

/** A page of a list, as it comes. */
export const pageSchema = z.object({
  entries: z.array(entrySchema),
  more: z.boolean(),
  revision: z.int().min(0),
});

/** A watch of a directory client; it outlives connections. */
export class ClientWatch {
  readonly id: number;
  readonly #prefix: string;
  readonly #calls: Calls;
  readonly #mirror = new WatchMirror();
  readonly #queue: ChangeQueue;
  /** The synchronisation that counts; those of ended connections are late. */
  #sync: object | undefined;
  #directory: string | undefined;

  constructor(id: number, prefix: string, calls: Calls, listener: (change: Change) => void) {
    this.id = id;
    this.#prefix = prefix;
    this.#calls = calls;
    this.#queue = new ChangeQueue(listener);
  }

  /**
   * Asks for changes and brings the listener up to date, over the connection there is now.
   *
   * @param directory names the directory there
   * @returns true when it is up to date; false when the connection ended, or another synchronisation took over
   * @throws {MeanderError} what the directory refused it with
   */
  async synchronise(directory: string): Promise<boolean> {
    const sync = {};
    this.#sync = sync;
    this.#mirror.begin(directory !== this.#directory);
    this.#directory = directory;
    await this.#calls.make(
      { type: "watch", watch: this.id, prefix: this.#prefix },
      "fail",
      z.null(),
    );
    let after = "";
    for (;;) {
      if (this.#sync !== sync) return false;
      const page = await this.#calls.make(
        { type: "list", prefix: this.#prefix, after },
        "fail",
        pageSchema,
      );
      if (this.#sync !== sync) return false;
      this.#queue.push(this.#mirror.page(page.entries));
      if (!page.more) return this.#synced(page.revision);
      const next = page.entries.at(-1)?.key ?? after;
      // A list without progress would be requested forever.
      if (next <= after)
        throw new MeanderError("directory-answer-invalid", "a list does not go on", {
          where: "directory",
        });
      after = next;
    }
  }

  /** Takes a live change. */
  change(change: KeyChange): void {
    this.#queue.push(this.#mirror.change(change));
  }

  /** The connection is gone: a synchronisation under way no longer counts. */
  disconnected(): void {
    this.#sync = undefined;
  }

  /** Calls the listener no more. */
  close(): void {
    this.#sync = undefined;
    this.#queue.close();
  }

  #synced(revision: number): true {
    this.#queue.push([...this.#mirror.end(revision), { type: "synced" }]);
    return true;
  }
}
