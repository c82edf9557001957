import assert from "node:assert/strict";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import fc from "fast-check";
import { LIMITS, SeededRandom, SILENT, VirtualClock } from "../../base/index.ts";
import { ChangeRecorder } from "../change-recorder.conformance.ts";
import type { DirectoryStore } from "./directory-store.ts";
import { EmbeddedDirectory } from "./embedded-directory.ts";
import { Folder, kill, spawnProgram } from "./folder.conformance.ts";
import { LoggedStore } from "./logged-store.ts";
import { MemoryStore } from "./memory-store.ts";
import { encodeChanges } from "./redo-change.ts";
import { decodeFrame, encodeFrame, FRAME_ALIGNMENT } from "./redo-frame.ts";

const SMALL_REDO = 4 * FRAME_ALIGNMENT;

test("logged: whatever is done, it is as in memory, over turns of the log and restarts", async () => {
  const key = fc.constantFrom("a", "a/b", "a/c", "b", "c");
  const lease = fc.constantFrom("one", "two");
  const size = fc.constantFrom(1, 100, 5_000, 20_000);
  const step = fc.oneof(
    fc.tuple(fc.constant("put"), key, fc.option(lease, { nil: undefined }), size),
    fc.tuple(fc.constant("remove"), key),
    fc.tuple(fc.constant("put-lease"), lease),
    fc.tuple(fc.constant("remove-lease"), lease),
    fc.tuple(fc.constantFrom("throw", "reopen")),
  );
  type Step = readonly [string, string?, string?, number?];
  const run = (store: DirectoryStore, [type, name = "", under, bytes = 0]: Step): void => {
    if (type === "put") store.put(name, JSON.stringify("x".repeat(bytes)), under);
    else if (type === "remove" && store.entry(name)) store.remove(name);
    else if (type === "put-lease") store.putLease(name, name.length);
    else if (type === "remove-lease") store.removeLease(name);
    else if (type === "throw") throw new Error("thrown");
  };
  const transactions = fc.array(fc.array(step, { maxLength: 4 }), { maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(transactions, async (all) => {
      using folder = new Folder();
      const model = new MemoryStore();
      model.claim(() => {});
      let store = open(folder);
      for (const steps of all) {
        const both = [model, store].map((each) =>
          each.transaction(() => {
            for (const one of steps) run(each, one as Step);
          }),
        );
        assert.deepEqual(stateOf(store), stateOf(model), "before it is durable");
        const [expected, found] = await Promise.allSettled(both);
        assert.equal(found?.status, expected?.status);
        if (steps.some(([type]) => type === "reopen")) {
          await store.close();
          store = open(folder);
        }
        assert.deepEqual(stateOf(store), stateOf(model));
      }
      await store.close();
    }),
    { numRuns: 40 },
  );
});

test("logged: [D13] kills at any moment, over many turns of the log, lose nothing confirmed and do nothing twice", async () => {
  using folder = new Folder();
  const random = new SeededRandom(7);
  const counts = new Map<string, number>();
  for (let round = 0; round < 12; round++) {
    const child = spawnProgram(`
      const store = new LoggedStore({ path: ${JSON.stringify(folder.path)}, log: SILENT, redoBytes: 65_536 });
      const directory = await EmbeddedDirectory.open({ store, clock: new SystemClock(), random: new SystemRandom(), log: SILENT });
      for (let writer = 0; writer < 8; writer++) void write("n/" + writer);
      async function write(key) {
        for (;;) {
          const { value = { count: 0 }, revision = 0 } = await directory.get(key) ?? {};
          const count = value.count + 1;
          const pad = "x".repeat(Math.random() < 0.05 ? 20_000 : 500);
          await directory.compareAndSet(key, revision, { count, pad });
          process.stdout.write(key + " " + count + "\\n");
        }
      }`);
    let left = 1 + (random.uint32() % 600);
    for await (const line of createInterface({ input: child.stdout ?? assert.fail("no output") })) {
      const [key = "", count] = line.split(" ");
      counts.set(key, Number(count));
      if (--left === 0) child.kill("SIGKILL");
    }
    await kill(child);
    assert.ok(left <= 0, "the process ran until it was killed");
    const store = new LoggedStore({ path: folder.path, log: SILENT });
    await using directory = await openOver(store);
    let sum = 0;
    for (const { key, value } of await directory.list("n/")) {
      const { count } = value as { count: number };
      const confirmed = counts.get(key) ?? 0;
      assert.ok(count === confirmed || count === confirmed + 1, `${key}: ${confirmed}, ${count}`);
      counts.set(key, count);
      sum += count;
    }
    assert.equal(
      sum,
      [...counts.values()].reduce((total, count) => total + count, 0),
    );
    assert.equal(store.revision, sum, "each change has its revision");
  }
});

test("logged: after a kill a torn end is dropped, a damaged middle refused, and a log that was used is not used twice", async () => {
  using folder = new Folder();
  const child = spawnProgram(`
    const path = ${JSON.stringify(folder.path)};
    const directory = await EmbeddedDirectory.open({ path, clock: new SystemClock(), random: new SystemRandom(), log: SILENT });
    for (let index = 0; index < 10; index++) await directory.put("n/" + index, index);
    process.stdout.write("done\\n");
    setInterval(() => {}, 1_000);`);
  await once(createInterface({ input: child.stdout ?? assert.fail("no output") }), "line");
  await kill(child);
  const file = join(folder.path, "directory.redo");
  const whole = readFileSync(file);
  const frames = whole.byteLength / FRAME_ALIGNMENT;
  const last = Array.from({ length: frames }, (_, index) => index * FRAME_ALIGNMENT).findLast(
    (offset) => decodeFrame(whole, offset) !== undefined,
  );
  assert.equal(last, 9 * FRAME_ALIGNMENT);

  const damaged = Uint8Array.from(whole).fill(
    0,
    4 * FRAME_ALIGNMENT + 30,
    4 * FRAME_ALIGNMENT + 31,
  );
  writeFileSync(file, damaged);
  for (let time = 0; time < 2; time++) {
    await assert.rejects(folder.open(), { code: "directory-unreadable", where: file });
  }

  writeFileSync(file, Uint8Array.from(whole).fill(0, last + 20, last + 22));
  const keysOf = async (directory: EmbeddedDirectory): Promise<string[]> =>
    (await directory.list("")).map(({ key }) => key);
  {
    await using directory = await folder.open();
    assert.deepEqual(
      await keysOf(directory),
      Array.from({ length: 9 }, (_, index) => `n/${index}`),
    );
    assert.equal(await directory.put("n/9", "other"), 10);
  }
  writeFileSync(file, whole);
  await using directory = await folder.open();
  assert.equal((await keysOf(directory)).length, 10);
  assert.equal((await directory.get("n/9"))?.value, "other");
  assert.equal(await directory.put("n/10", 10), 11);
});

test("logged: [D15] a frame that a killed process wrote late, when the next one had the directory, is not taken", async () => {
  using folder = new Folder();
  const first = open(folder);
  await first.transaction(() => first.put("a", "1", undefined));
  await first.close();
  const file = join(folder.path, "directory.redo");
  const last = decodeFrame(readFileSync(file), 0)?.sequence ?? assert.fail("no frame");
  const second = open(folder);
  const payload = encodeChanges([{ type: "remove", revision: 2, key: "a" }]);
  const late = encodeFrame({ sequence: last + 1, payload });
  const handle = openSync(file, "r+");
  writeSync(handle, late, 0, late.byteLength, 2 * FRAME_ALIGNMENT);
  closeSync(handle);
  await second.close();
  const third = open(folder);
  assert.equal(third.entry("a")?.value, 1);
  await third.close();
});

test("logged: [D15] what the previous owner wrote until it closed is visible", async () => {
  using folder = new Folder();
  const first = open(folder);
  const second = new LoggedStore({ path: folder.path, log: SILENT, redoBytes: SMALL_REDO });
  await first.transaction(() => first.put("a", "1", undefined));
  assert.throws(() => second.claim(), { code: "directory-in-use" });
  await first.close();
  second.claim();
  assert.equal(await second.transaction(() => second.put("b", "1", undefined)), 2);
  assert.equal(second.keyCount, 2);
  await second.close();
});

test("logged: the log of another directory is refused", async () => {
  using folder = new Folder();
  using other = new Folder();
  const child = spawnProgram(`
    const paths = ${JSON.stringify([folder.path, other.path])};
    for (const path of paths) {
      const directory = await EmbeddedDirectory.open({ path, clock: new SystemClock(), random: new SystemRandom(), log: SILENT });
      const count = path === paths[0] ? 3 : 1;
      for (let index = 0; index < count; index++) {
        await directory.grantLease(1_000);
        await directory.put("n/" + index, index);
      }
    }
    process.stdout.write("done\\n");
    setInterval(() => {}, 1_000);`);
  await once(createInterface({ input: child.stdout ?? assert.fail("no output") }), "line");
  await kill(child);
  {
    await using directory = await other.open();
    await directory.put("more", 1);
  }
  writeFileSync(
    join(other.path, "directory.redo"),
    readFileSync(join(folder.path, "directory.redo")),
  );
  await assert.rejects(other.open(), { code: "directory-unreadable" });
});

test("logged: answers, reads and watches wait for the disk, in the order of calls", async () => {
  using folder = new Folder();
  await using directory = await openOver(new LoggedStore({ path: folder.path, log: SILENT }));
  const told = new ChangeRecorder();
  const order: string[] = [];
  const note = (name: string) => (): void => void order.push(`${name}: ${told.short.join(" ")}`);
  await directory.watch("", told.listener);
  const late = new ChangeRecorder();
  const calls = [
    directory.put("a", 1).then(note("put")),
    directory.get("a").then((entry) => {
      assert.equal(entry?.value, 1);
      note("get")();
    }),
    directory.compareAndSet("a", 0, 2).then((revision) => {
      assert.equal(revision, undefined);
      note("refused")();
    }),
    directory.watch("", late.listener).then(note("watch")),
    directory.delete("a").then(note("delete")),
  ];
  // The disk needs a turn of the event loop; whatever does not wait for it would have been reported by now.
  for (let microtask = 0; microtask < 100; microtask++) await undefined;
  assert.deepEqual([told.short, late.short, order], [["synced"], [], []]);
  await Promise.all(calls);
  assert.deepEqual(
    order.map((line) => line.split(":")[0]),
    ["put", "get", "refused", "watch", "delete"],
  );
  assert.deepEqual(told.short, ["synced", "a=1", "-a"]);
  assert.deepEqual(late.short, ["a=1", "synced", "-a"]);
});

test("logged: the tables are written when many keys have changed, though the log has room", async () => {
  using folder = new Folder();
  const store = new LoggedStore({ path: folder.path, log: SILENT });
  store.claim();
  const sequence = (): number | undefined =>
    decodeFrame(readFileSync(join(folder.path, "directory.redo")), 0)?.sequence;
  const put = (key: string): Promise<number> =>
    store.transaction(() => store.put(key, "1", undefined));
  await put("first");
  const first = sequence();
  const keys = Array.from({ length: LIMITS.directoryRedoKeysMax }, (_, index) => `k/${index}`);
  await Promise.all(keys.map(put));
  assert.equal(sequence(), first);
  await put("more");
  await put("again");
  assert.ok((sequence() ?? 0) > (first ?? 0), "the log was restarted");
  assert.equal(store.keyCount, LIMITS.directoryRedoKeysMax + 3);
  await store.close();
});

test("logged: the log keeps its size, and a change larger than it is durable, too", async () => {
  using folder = new Folder();
  let store = open(folder);
  const text = JSON.stringify("x".repeat(3 * SMALL_REDO));
  await store.transaction(() => store.put("large", text, undefined));
  for (let count = 0; count < 50; count++) {
    await store.transaction(() => store.put("small", String(count), undefined));
  }
  assert.equal(statSync(join(folder.path, "directory.redo")).size, SMALL_REDO);
  await store.close();
  store = open(folder);
  assert.equal(store.entry("small")?.value, 49);
  assert.equal(JSON.stringify(store.entry("large")?.value), text);
  assert.equal(store.revision, 51);
  await store.close();
});

function open({ path }: Folder): LoggedStore {
  const store = new LoggedStore({ path, log: SILENT, redoBytes: SMALL_REDO });
  store.claim();
  return store;
}

function openOver(store: LoggedStore): Promise<EmbeddedDirectory> {
  const ports = { clock: new VirtualClock(), random: new SeededRandom(1), log: SILENT };
  return EmbeddedDirectory.open({ ...ports, store });
}

function stateOf(store: DirectoryStore): unknown {
  return {
    entries: ["", "a", "a/", "b"].map((prefix) =>
      [...store.entries(prefix)].map(({ entry }) => entry),
    ),
    after: [...store.entries("a", "a/b")].map(({ entry }) => entry),
    single: ["a", "c", "d"].map((key) => store.entry(key)),
    leases: [...store.leases()].sort((a, b) => a.id.localeCompare(b.id)),
    keys: ["one", "two"].map((lease) => store.keysOf(lease)),
    counts: [store.revision, store.keyCount],
  };
}
