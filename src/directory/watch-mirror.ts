import type { Change, Entry } from "./directory.ts";

/** A change of one key. */
export type KeyChange = Exclude<Change, { type: "synced" }>;

/**
 * What the listener of a watch has received, so that after a reconnect only the differences are reported.
 *
 * A synchronisation is: {@link begin}, then pages of the existing keys, mixed with live changes, then {@link end}. The
 * pages may be older than live changes that came before them; revisions decide.
 */
export class WatchMirror {
  /** Reported keys, and their revisions. */
  readonly #told = new Map<string, number>();
  /** While a synchronisation is under way: keys seen since it began, and keys deleted since, with the revision. */
  #sync: { readonly seen: Set<string>; readonly gone: Map<string, number> } | undefined;

  /** Starts a synchronisation. `fresh`: the store is a different one, and its revisions start again. */
  begin(fresh: boolean): void {
    this.#sync = { seen: new Set(), gone: new Map() };
    if (fresh) for (const key of this.#told.keys()) this.#told.set(key, 0);
  }

  /** Handles a live change; returns what to report. */
  change(change: KeyChange): KeyChange[] {
    if (change.type === "put") return this.#put(change.entry);
    this.#sync?.gone.set(change.key, change.revision);
    this.#sync?.seen.delete(change.key);
    return this.#told.delete(change.key) ? [change] : [];
  }

  /** Handles existing keys; returns what to report. */
  page(entries: readonly Entry[]): KeyChange[] {
    return entries
      .filter(({ key, revision }) => (this.#sync?.gone.get(key) ?? 0) < revision)
      .flatMap((entry) => this.#put(entry));
  }

  /** Ends a synchronisation at `revision`; returns what to report of keys that no longer exist. */
  end(revision: number): KeyChange[] {
    const seen = this.#sync?.seen;
    this.#sync = undefined;
    const missing = [...this.#told.keys()].filter((key) => seen?.has(key) === false);
    for (const key of missing) this.#told.delete(key);
    return missing.map((key) => ({ type: "deleted", key, revision }));
  }

  #put(entry: Entry): KeyChange[] {
    this.#sync?.seen.add(entry.key);
    if ((this.#told.get(entry.key) ?? 0) >= entry.revision) return [];
    this.#told.set(entry.key, entry.revision);
    return [{ type: "put", entry }];
  }
}
