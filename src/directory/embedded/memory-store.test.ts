import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SeededRandom, SILENT, VirtualClock } from "../../base/index.ts";
import { ChangeRecorder } from "../change-recorder.conformance.ts";
import { leaderDirectoryConformance } from "../leader-directory.conformance.ts";
import { EmbeddedDirectory, MemoryStore } from "./index.ts";
import { restartConformance } from "./restart.conformance.ts";

leaderDirectoryConformance("memory", async (seed) => {
  const clock = new VirtualClock();
  const directory = await open(new MemoryStore(), clock, seed);
  return {
    directory,
    clock,
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
});

restartConformance("memory", () => {
  const store = new MemoryStore();
  return { open: (clock) => open(store, clock), [Symbol.dispose]() {} };
});

test("memory: a directory that is opened again ends the one before, as a kill of its process would", async () => {
  const store = new MemoryStore();
  const clock = new VirtualClock();
  const first = await open(store, clock);
  const lease = await first.grantLease(1_000);
  await first.put("s/a", 1, { lease });
  const told = new ChangeRecorder();
  const statuses: string[] = [];
  await first.watch("", told.listener);
  first.onStatus(({ type }) => statuses.push(type));
  clock.advance(900);
  await using second = await open(store, clock);
  assert.equal(second.id, first.id);
  clock.advance(999);
  assert.deepEqual((await second.get("s/a"))?.value, 1);
  clock.advance(1);
  assert.deepEqual(await second.list(""), []);
  await assert.rejects(first.put("late", 1), { code: "directory-closed" });
  await first[Symbol.asyncDispose]();
  assert.equal(await second.put("b", 1), 3);
  assert.deepEqual(told.short, ["s/a=1", "synced"]);
  assert.deepEqual(statuses, ["connected"]);
});

test("memory: while nothing is open over a killed store its leases wait", async () => {
  const store = new MemoryStore();
  const clock = new VirtualClock();
  const first = await open(store, clock);
  await first.put("s/a", 1, { lease: await first.grantLease(1_000) });
  store.kill();
  store.kill();
  await assert.rejects(first.get("s/a"), { code: "directory-closed" });
  assert.deepEqual(clock.pending, []);
  clock.advance(100_000);
  await using second = await open(store, clock);
  assert.equal((await second.list("s/")).length, 1);
});

test("memory: all that a directory promises settles within one turn of the event loop", async () => {
  let turned = false;
  setImmediate(() => {
    turned = true;
  });
  const directory = await open(new MemoryStore());
  directory.setRequestHandler(async (subject) => subject);
  const lease = await directory.grantLease(1_000);
  await directory.put("a", 1, { lease });
  await directory.compareAndSet("b", 0, 1);
  await directory.watch("", () => {});
  await directory.page("", "");
  await directory.getBlob(await directory.putBlob(Uint8Array.of(1)));
  await directory.request("join", null);
  await directory.renewLease(lease);
  await directory.revokeLease(lease);
  await directory.delete("b");
  await directory[Symbol.asyncDispose]();
  assert.equal(turned, false);
});

test("memory: a transaction that throws leaves nothing behind", async () => {
  const store = new MemoryStore();
  await store.transaction(() => {
    store.put("kept", "1", "lease");
    store.put("changed", "1", undefined);
    store.putLease("lease", 1_000);
    store.putBlob("x", Uint8Array.of(1));
  });
  const state = (): unknown => [
    [...store.entries("")],
    store.leases(),
    store.keysOf("lease"),
    [store.revision, store.keyCount, store.blobBytes],
    [store.blob("x"), store.blob("y")],
  ];
  const before = state();
  const failure = new Error("the action failed");
  await assert.rejects(
    store.transaction(() => {
      store.remove("kept");
      store.put("new", "1", "other");
      store.put("new", "2", "lease");
      store.put("changed", "2", "lease");
      store.removeLease("lease");
      store.putLease("other", 5);
      store.putBlob("y", Uint8Array.of(1, 2));
      assert.deepEqual(store.keysOf("lease"), ["changed", "new"]);
      throw failure;
    }),
    failure,
  );
  assert.deepEqual(state(), before);
});

test("memory: pages go through all keys in order, whatever they are", async () => {
  const key = fc.stringMatching(/^[A-Za-z0-9._~-]{1,4}(\/[a-c]{1,3})?$/);
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(key), key, key, async (keys, prefix, after) => {
      await using directory = await open(new MemoryStore());
      for (const each of keys) await directory.put(each, each);
      const expected = keys.filter((each) => each.startsWith(prefix) && each > after).sort();
      const { entries } = await directory.page(prefix, after);
      assert.deepEqual(
        entries.map((entry) => entry.key),
        expected,
      );
      assert.deepEqual(
        (await directory.list("")).map((entry) => entry.key),
        [...keys].sort(),
      );
    }),
  );
});

function open(
  store: MemoryStore,
  clock: VirtualClock = new VirtualClock(),
  seed = 1,
): Promise<EmbeddedDirectory> {
  return EmbeddedDirectory.open({ store, clock, random: new SeededRandom(seed), log: SILENT });
}
