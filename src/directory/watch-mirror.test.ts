import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Entry } from "./directory.ts";
import { type KeyChange, WatchMirror } from "./watch-mirror.ts";

type Step =
  | { readonly type: "put" | "delete"; readonly key: string }
  | { readonly type: "cut" | "restart" | "page" };

const key = fc.constantFrom("a", "b", "c", "d");
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constantFrom("put" as const, "delete" as const), key }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constantFrom("cut" as const, "restart" as const) }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("page" as const) }) },
);

test("[D17] after a synchronisation the listener knows the directory, whatever happened before and meanwhile", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const world = new World();
      for (const each of steps) {
        world.do(each);
        assert.equal(world.heardTwice, false, "a revision is reported once");
      }
      while (!world.synced) world.do({ type: "page" });
      assert.deepEqual(
        [...world.listener].sort(),
        [...world.entries.values()].map(({ key, revision }) => [key, revision]).sort(),
      );
    }),
  );
});

test("[D17] a page that is older than a live change does not undo it", () => {
  const mirror = new WatchMirror();
  mirror.begin(true);
  assert.equal(
    mirror.change({ type: "put", entry: { key: "a", value: 2, revision: 5 } }).length,
    1,
  );
  assert.equal(mirror.change({ type: "deleted", key: "b", revision: 6 }).length, 0);
  const stale = [
    { key: "a", value: 1, revision: 3 },
    { key: "b", value: 1, revision: 4 },
  ];
  assert.deepEqual(mirror.page(stale), []);
  assert.deepEqual(mirror.end(6), []);
});

/**
 * A directory of four keys that sends a page for one key at a time, read one step before it arrives; and a listener.
 */
class World {
  readonly entries = new Map<string, Entry>();
  /** What the listener holds: the revision of each key. */
  readonly listener = new Map<string, number>();
  heardTwice = false;
  synced = false;
  readonly #mirror = new WatchMirror();
  #revision = 0;
  #pages: { entries: Entry[]; revision: number }[] = [];
  #unread = ["a", "b", "c", "d"];
  #restarted = true;

  constructor() {
    this.#begin();
  }

  do(step: Step): void {
    if (step.type === "put") this.#put(step.key);
    else if (step.type === "delete") this.#delete(step.key);
    else if (step.type === "page") this.#page();
    else {
      if (step.type === "restart") {
        this.entries.clear();
        this.#revision = 0;
        this.#restarted = true;
      }
      this.#begin();
    }
  }

  #begin(): void {
    this.synced = false;
    this.#pages = [];
    this.#unread = ["a", "b", "c", "d"];
    this.#mirror.begin(this.#restarted);
    if (this.#restarted) this.#told.clear();
    this.#restarted = false;
  }

  #put(name: string): void {
    const entry = { key: name, value: null, revision: ++this.#revision };
    this.entries.set(name, entry);
    this.#tell(this.#mirror.change({ type: "put", entry }));
  }

  #delete(name: string): void {
    if (!this.entries.delete(name)) return;
    this.#tell(this.#mirror.change({ type: "deleted", key: name, revision: ++this.#revision }));
  }

  /** The page read in the last step arrives, and the next one is read. */
  #page(): void {
    if (this.synced) return;
    const arrived = this.#pages.shift();
    if (arrived !== undefined) this.#tell(this.#mirror.page(arrived.entries));
    const next = this.#unread.shift();
    if (next !== undefined) {
      const entry = this.entries.get(next);
      this.#pages.push({ entries: entry === undefined ? [] : [entry], revision: this.#revision });
    } else if (this.#pages.length === 0) {
      this.#tell(this.#mirror.end(this.#revision));
      this.synced = true;
    }
  }

  readonly #told = new Set<number>();

  #tell(changes: readonly KeyChange[]): void {
    for (const change of changes) {
      if (change.type === "deleted") this.listener.delete(change.key);
      else {
        this.heardTwice ||= this.#told.has(change.entry.revision);
        this.#told.add(change.entry.revision);
        this.listener.set(change.entry.key, change.entry.revision);
      }
    }
  }
}
