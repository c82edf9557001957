import assert from "node:assert/strict";
import { test } from "node:test";
import { type Commit, CommitQueue } from "./commit-queue.ts";
import { decodeChanges } from "./redo-change.ts";

const FULL = new Error("the disk is full");

test("commits of one turn share a flush, and those that come while it lasts share the next", async () => {
  const world = new World();
  for (const id of ["a", "b", "c"]) world.push(id);
  await world.flushes(1);
  for (const id of ["d", "e"]) world.push(id);
  assert.deepEqual(world.told, []);
  world.end();
  await world.flushes(2);
  assert.deepEqual(world.told, ["kept a", "kept b", "kept c"]);
  world.end();
  await world.queue.settled();
  assert.deepEqual(world.told.slice(3), ["kept d", "kept e"]);
  assert.deepEqual(world.appended, [
    ["a", "b", "c"],
    ["d", "e"],
  ]);
  assert.equal(world.queue.idle, true);
});

test("a commit that has only read waits for those before it, and needs no flush", async () => {
  const world = new World();
  world.push("a");
  await world.flushes(1);
  world.push(undefined);
  world.end();
  await world.queue.settled();
  assert.deepEqual(world.told, ["kept a", "kept read"]);
  assert.equal(world.appended.length, 1);
});

test("what does not fit the log goes to the tables with all that waits", async () => {
  const world = new World();
  world.room = false;
  world.push("a");
  world.push("b");
  await world.queue.settled();
  assert.deepEqual(world.told, ["stored", "kept a", "kept b"]);
  assert.deepEqual(world.appended, []);
});

test("when the log fails the tables take its place", async () => {
  const world = new World();
  world.push("a");
  await world.flushes(1);
  world.push("b");
  world.end(FULL);
  await world.queue.settled();
  assert.deepEqual(world.told, ["log failed", "stored", "kept a", "kept b"]);
});

test("when both fail, all that is not kept is rolled back, newest first, before any of it is reported", async () => {
  const world = new World();
  world.storeFails = true;
  world.push("a");
  world.push("b");
  await world.flushes(1);
  world.push("c");
  world.end(FULL);
  await world.queue.settled();
  assert.deepEqual(world.told, [
    "log failed",
    ...["undo c", "undo b", "undo a"],
    ...["failed a", "failed b", "failed c"],
  ]);
  world.storeFails = false;
  world.push("d");
  await world.flushes(2);
  world.end();
  await world.queue.settled();
  assert.equal(world.told.at(-1), "kept d");
});

test("a commit made while others settle comes after them", async () => {
  const world = new World();
  world.push("a", () => world.push("c"));
  world.push("b");
  await world.flushes(1);
  world.end();
  await world.flushes(2);
  assert.deepEqual(world.told, ["kept a", "kept b"]);
  world.end();
  await world.queue.settled();
  assert.deepEqual(world.told, ["kept a", "kept b", "kept c"]);
});

/** A queue over a log whose flushes end when the test decides. */
class World {
  readonly told: string[] = [];
  /** What each flush had. */
  readonly appended: string[][] = [];
  room = true;
  storeFails = false;
  end: (error?: Error) => void = () => assert.fail("no flush is under way");
  readonly queue = new CommitQueue({
    log: {
      fits: () => this.room,
      append: (payload) => this.#append(payload),
    },
    store: () => {
      if (this.storeFails) throw FULL;
      this.told.push("stored");
    },
    onLogFailed: () => this.told.push("log failed"),
  });
  #appending: (() => void) | undefined;

  /** Adds a commit that removes a key; undefined: a read-only one. */
  push(key: string | undefined, onKept: () => void = () => {}): void {
    const name = key ?? "read";
    const commit: Commit = {
      changes: key === undefined ? [] : [{ type: "remove", revision: 1, key }],
      undo: () => this.told.push(`undo ${name}`),
      kept: () => {
        this.told.push(`kept ${name}`);
        onKept();
      },
      failed: () => this.told.push(`failed ${name}`),
    };
    this.queue.push(commit);
  }

  /** Settles when that many flushes were begun. */
  async flushes(count: number): Promise<void> {
    while (this.appended.length < count) {
      await new Promise<void>((resolve) => {
        this.#appending = resolve;
      });
    }
  }

  #append(payload: Uint8Array): Promise<void> {
    const changes = decodeChanges(payload) ?? assert.fail("no changes");
    this.appended.push(changes.map((change) => ("key" in change ? change.key : change.id)));
    this.#appending?.();
    return new Promise((resolve, reject) => {
      this.end = (error) => (error === undefined ? resolve() : reject(error));
    });
  }
}
