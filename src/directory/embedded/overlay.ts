import type { Json } from "../directory.ts";
import type { StoredEntry } from "./directory-store.ts";
import type { LmdbTables, Row, TableChanges } from "./lmdb-tables.ts";
import type { RedoChange } from "./redo-change.ts";

/** What has changed since the tables were last written, in memory, and reads that see both. */
export class Overlay {
  readonly #tables: LmdbTables;
  /** Undefined: removed. */
  readonly #rows = new Map<string, Row | undefined>();
  /** Their ttlMs; undefined: removed. */
  readonly #leases = new Map<string, number | undefined>();
  #revision: number;
  #keyCount: number;

  constructor(tables: LmdbTables) {
    this.#tables = tables;
    this.#revision = tables.revision;
    this.#keyCount = tables.keyCount;
  }

  get revision(): number {
    return this.#revision;
  }

  get keyCount(): number {
    return this.#keyCount;
  }

  /** Keys changed since the tables were last written. */
  get keys(): number {
    return this.#rows.size;
  }

  /** For the tables; they have them when {@link clear} is called. */
  get changes(): TableChanges {
    const { revision, keyCount } = this;
    return { rows: this.#rows, leases: this.#leases, revision, keyCount };
  }

  /** The tables have everything. */
  clear(): void {
    this.#rows.clear();
    this.#leases.clear();
  }

  /** Makes a change. What takes it back, if all that came after it was taken back. */
  apply(change: RedoChange): () => void {
    switch (change.type) {
      case "put":
        return this.#setRow(change.key, change.revision, change);
      case "remove":
        return this.#setRow(change.key, change.revision, undefined);
      case "put-lease":
        return setUndoably(this.#leases, change.id, change.ttlMs);
      case "remove-lease":
        return setUndoably(this.#leases, change.id, undefined);
    }
  }

  entry(key: string): StoredEntry | undefined {
    if (!this.#rows.has(key)) return this.#tables.entry(key);
    const row = this.#rows.get(key);
    return row === undefined ? undefined : entryOf(key, row);
  }

  *entries(prefix: string, after = ""): Generator<{ entry: StoredEntry; bytes: number }> {
    const keys = [...this.#rows.keys()]
      .filter((key) => key.startsWith(prefix) && key > after)
      .sort();
    let index = 0;
    for (const kept of this.#tables.entries(prefix, after)) {
      for (; (keys[index] ?? kept.entry.key) < kept.entry.key; index++)
        yield* this.#at(keys[index]);
      if (keys[index] !== kept.entry.key) yield kept;
    }
    for (; index < keys.length; index++) yield* this.#at(keys[index]);
  }

  leases(): { id: string; ttlMs: number }[] {
    const kept = this.#tables.leases().filter(({ id }) => !this.#leases.has(id));
    const changed = [...this.#leases].flatMap(([id, ttlMs]) =>
      ttlMs === undefined ? [] : [{ id, ttlMs }],
    );
    return [...kept, ...changed];
  }

  hasLease(id: string): boolean {
    if (!this.#leases.has(id)) return this.#tables.hasLease(id);
    return this.#leases.get(id) !== undefined;
  }

  keysOf(lease: string): string[] {
    const kept = this.#tables.keysOf(lease).filter((key) => !this.#rows.has(key));
    const changed = [...this.#rows].flatMap(([key, row]) => (row?.lease === lease ? [key] : []));
    return [...kept, ...changed].sort();
  }

  #setRow(key: string, revision: number, row: Row | undefined): () => void {
    const [oldRevision, oldCount] = [this.#revision, this.#keyCount];
    const was = this.#rows.has(key) ? this.#rows.get(key) !== undefined : this.#tables.has(key);
    this.#revision = revision;
    this.#keyCount += Number(row !== undefined) - Number(was);
    const undo = setUndoably(this.#rows, key, row);
    return () => {
      undo();
      this.#revision = oldRevision;
      this.#keyCount = oldCount;
    };
  }

  *#at(key: string | undefined): Generator<{ entry: StoredEntry; bytes: number }> {
    const row = key === undefined ? undefined : this.#rows.get(key);
    if (key !== undefined && row !== undefined) {
      yield { entry: entryOf(key, row), bytes: row.text.length };
    }
  }
}

function entryOf(key: string, { revision, lease, text }: Row): StoredEntry {
  return { key, value: JSON.parse(text) as Json, revision, lease };
}

function setUndoably<V>(map: Map<string, V | undefined>, key: string, value: V | undefined) {
  const had = map.has(key);
  const old = map.get(key);
  map.set(key, value);
  return (): void => {
    if (had) map.set(key, old);
    else map.delete(key);
  };
}
