import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, MeanderError } from "../base/index.ts";
import type { Change, Json } from "./directory.ts";
import {
  type DirectoryUnderTest,
  type Rule,
  turnsUntil,
} from "./directory-under-test.conformance.ts";
import { siteCallsConformance } from "./site-calls.conformance.ts";

/** Keeps what a watch told, and lets a test wait for it. */
export class Recorder {
  readonly changes: Change[] = [];
  #waiting: (() => void)[] = [];

  readonly listener = (change: Change): void => {
    this.changes.push(change);
    for (const check of this.#waiting.splice(0)) check();
  };

  /** The changes in short: `key=value`, `-key`, `synced`. */
  get short(): string[] {
    return this.changes.map((change) => {
      if (change.type === "synced") return "synced";
      return change.type === "put"
        ? `${change.entry.key}=${JSON.stringify(change.entry.value)}`
        : `-${change.key}`;
    });
  }

  /** Settles when `count` changes were told. */
  async count(count: number): Promise<void> {
    while (this.changes.length < count) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}

/** What every {@link Directory} must do (docs/spec/directory.md). An implementation calls this from its own test file. */
export function directoryConformance(name: string, make: () => Promise<DirectoryUnderTest>): void {
  const rule = (text: string, body: (under: DirectoryUnderTest) => Promise<void>): void => {
    test(`${name}: ${text}`, async () => {
      await using under = await make();
      await body(under);
    });
  };
  keys(rule);
  watches(rule);
  leases(rule);
  theRest(rule);
  siteCallsConformance(rule);
}

function keys(rule: Rule): void {
  rule("[D1] get answers the value and its revision, or nothing", async ({ directory }) => {
    assert.equal(await directory.get("sites/north"), undefined);
    const revision = await directory.put("sites/north", { port: 7000, tags: ["a", null] });
    assert.deepEqual(await directory.get("sites/north"), {
      key: "sites/north",
      value: { port: 7000, tags: ["a", null] },
      revision,
    });
  });

  rule("[D1] every kind of JSON value comes back as it was", async ({ directory }) => {
    const values: Json[] = [null, false, 0, -1.5, "", "é\u0000😀", [], {}, { a: [{ b: null }] }];
    for (const [index, value] of values.entries()) await directory.put(`v/${index}`, value);
    const kept = await Promise.all(values.map((_, index) => directory.get(`v/${index}`)));
    assert.deepEqual(
      kept.map((entry) => entry?.value),
      values,
    );
  });

  rule(
    "[D2] list answers the entries of a prefix by key, and an empty prefix all",
    async ({ directory }) => {
      for (const key of ["b", "a/2", "a/10", "a", "ab", "a/1/x", "A", "a.b", "a~"])
        await directory.put(key, key);
      const keysOf = async (prefix: string): Promise<string[]> =>
        (await directory.list(prefix)).map((entry) => entry.key);
      assert.deepEqual(await keysOf("a/"), ["a/1/x", "a/10", "a/2"]);
      assert.deepEqual(await keysOf("a/1"), ["a/1/x", "a/10"]);
      assert.deepEqual(await keysOf(""), [
        "A",
        "a",
        "a.b",
        "a/1/x",
        "a/10",
        "a/2",
        "ab",
        "a~",
        "b",
      ]);
      assert.deepEqual(await keysOf("zz"), []);
    },
  );

  rule("[D2] a list longer than a message is answered whole", async ({ directory }) => {
    const value = "x".repeat(100_000);
    const expected = Array.from(
      { length: 15 },
      (_, index) => `big/${String(index).padStart(2, "0")}`,
    );
    for (const key of expected) await directory.put(key, value);
    assert.deepEqual(
      (await directory.list("big/")).map((entry) => entry.key),
      expected,
    );
  });

  rule("[D3] each put has a revision of its own, and they grow", async ({ directory }) => {
    const first = await directory.put("a", 1);
    const second = await directory.put("b", 1);
    const third = await directory.put("a", 1);
    assert.ok(first >= 1 && second > first && third > second);
  });

  rule(
    "[D4] compare-and-set sets at the revision expected and at no other",
    async ({ directory }) => {
      const created = await directory.compareAndSet("lock", 0, "a");
      assert.ok(created);
      assert.equal(await directory.compareAndSet("lock", 0, "b"), undefined);
      assert.equal(await directory.compareAndSet("lock", created + 1, "b"), undefined);
      assert.equal((await directory.get("lock"))?.value, "a");
      const changed = await directory.compareAndSet("lock", created, "c");
      assert.ok(changed && changed > created);
      assert.equal((await directory.get("lock"))?.value, "c");
    },
  );

  rule(
    "[D4] of several that compare-and-set one key at once, one succeeds",
    async ({ directory }) => {
      const attempts = Array.from({ length: 8 }, (_, index) =>
        directory.compareAndSet("once", 0, index),
      );
      const revisions = (await Promise.all(attempts)).filter((revision) => revision !== undefined);
      assert.equal(revisions.length, 1);
    },
  );

  rule("[D5] delete removes a key, and at a revision only that one", async ({ directory }) => {
    const revision = await directory.put("a", 1);
    assert.equal(await directory.delete("a", revision + 1), false);
    assert.equal(await directory.delete("a", revision), true);
    assert.equal(await directory.delete("a"), false);
    assert.equal(await directory.get("a"), undefined);
    assert.ok(((await directory.compareAndSet("a", 0, 2)) ?? 0) > revision);
  });

  rule(
    "[D11] keys that are none, values too large and values that are no JSON are refused",
    async ({ directory }) => {
      const long = "k".repeat(LIMITS.directoryKeyLengthMax);
      await directory.put(long, 1);
      for (const key of ["", "/a", "a/", "a//b", "a b", "é", "a\n", `${long}k`]) {
        await assert.rejects(
          directory.get(key),
          { code: "directory-key-invalid" },
          JSON.stringify(key),
        );
        await assert.rejects(directory.put(key, 1), { code: "directory-key-invalid" });
        await assert.rejects(directory.delete(key), { code: "directory-key-invalid" });
      }
      await assert.rejects(directory.list("a b"), { code: "directory-key-invalid" });
      await assert.rejects(
        directory.watch("*", () => {}),
        { code: "directory-key-invalid" },
      );
      const room = LIMITS.directoryValueBytesMax - 2;
      await directory.put("large", "x".repeat(room));
      await assert.rejects(directory.put("large", "x".repeat(room + 1)), {
        code: "directory-value-too-large",
      });
      await assert.rejects(directory.compareAndSet("large", 0, "é".repeat(room / 2 + 1)), {
        code: "directory-value-too-large",
      });
      const undefinedValue = undefined as unknown as Json;
      await assert.rejects(directory.put("a", undefinedValue), { code: "directory-value-invalid" });
      let deep: Json = 0;
      for (let depth = 0; depth < LIMITS.directoryValueDepthMax; depth++) deep = [deep];
      await directory.put("deep", deep);
      await assert.rejects(directory.put("deep", [deep]), { code: "directory-value-invalid" });
    },
  );
}

function watches(rule: Rule): void {
  rule(
    "[D6] a watch tells what is there, then synced, then every change in order",
    async ({ directory }) => {
      await directory.put("w/b", 1);
      await directory.put("w/a", 2);
      await directory.put("other", 0);
      const told = new Recorder();
      await directory.watch("w/", told.listener);
      await directory.put("w/c", 3);
      await directory.put("other", 1);
      await directory.put("w/a", 4);
      await directory.delete("w/b");
      await told.count(6);
      assert.deepEqual(told.short, ["w/a=2", "w/b=1", "synced", "w/c=3", "w/a=4", "-w/b"]);
      const revisions = told.changes.slice(3).map((change) => {
        if (change.type === "put") return change.entry.revision;
        return change.type === "deleted" ? change.revision : 0;
      });
      assert.deepEqual(
        revisions,
        [...revisions].sort((a, b) => a - b),
      );
    },
  );

  rule("[D6] a watch that is undone tells nothing more", async ({ directory }) => {
    const stopped = new Recorder();
    const going = new Recorder();
    const undo = await directory.watch("w/", stopped.listener);
    await directory.watch("w/", going.listener);
    undo();
    undo();
    await directory.put("w/a", 1);
    await going.count(2);
    assert.deepEqual(stopped.short, ["synced"]);
  });

  rule("[D6] calls of a listener never overlap, though it writes itself", async ({ directory }) => {
    const told = new Recorder();
    const writes: Promise<number>[] = [];
    let depth = 0;
    let deepest = 0;
    await directory.watch("w/", (change) => {
      deepest = Math.max(deepest, ++depth);
      if (change.type === "put" && change.entry.key === "w/a") writes.push(directory.put("w/b", 2));
      told.listener(change);
      depth--;
    });
    const other = new Recorder();
    await directory.watch("w/", other.listener);
    await directory.put("w/a", 1);
    await told.count(3);
    await other.count(3);
    await Promise.all(writes);
    assert.deepEqual(told.short, ["synced", "w/a=1", "w/b=2"]);
    assert.deepEqual(other.short, told.short);
    assert.equal(deepest, 1);
  });

  rule("[D6] what a writer does with its value afterwards is no change", async ({ directory }) => {
    const told = new Recorder();
    await directory.watch("w/", told.listener);
    const value = { port: 1 };
    await directory.put("w/a", value);
    value.port = 2;
    await told.count(2);
    assert.deepEqual(told.short, ["synced", 'w/a={"port":1}']);
    assert.deepEqual((await directory.get("w/a"))?.value, { port: 1 });
  });
}

function leases(rule: Rule): void {
  rule("[D7] the keys of a lease go when its time is over", async ({ directory, clock }) => {
    const lease = await directory.grantLease(1_000);
    assert.equal(lease.ttlMs, 1_000);
    const told = new Recorder();
    await directory.watch("s/", told.listener);
    await directory.put("s/a", 1, { lease });
    await directory.compareAndSet("s/b", 0, 2, { lease });
    await directory.put("s/c", 3);
    clock.advance(999);
    assert.deepEqual((await directory.list("s/")).length, 3);
    clock.advance(1);
    await told.count(6);
    assert.deepEqual(told.short.slice(4), ["-s/a", "-s/b"]);
    assert.deepEqual(
      (await directory.list("s/")).map((entry) => entry.key),
      ["s/c"],
    );
    await assert.rejects(directory.renewLease(lease), { code: "directory-lease-gone" });
    await assert.rejects(directory.put("s/a", 1, { lease }), { code: "directory-lease-gone" });
  });

  rule("[D7] renewing starts the time of a lease anew", async ({ directory, clock }) => {
    const lease = await directory.grantLease(1_000);
    await directory.put("s/a", 1, { lease });
    for (let round = 0; round < 5; round++) {
      clock.advance(900);
      await directory.renewLease(lease);
    }
    assert.ok(await directory.get("s/a"));
    clock.advance(1_000);
    assert.equal(await directory.get("s/a"), undefined);
  });

  rule("[D7] revoking a lease removes its keys at once; twice is fine", async ({ directory }) => {
    const lease = await directory.grantLease(1_000);
    await directory.put("s/a", 1, { lease });
    await directory.revokeLease(lease);
    await directory.revokeLease(lease);
    assert.equal(await directory.get("s/a"), undefined);
    await assert.rejects(directory.renewLease(lease), { code: "directory-lease-gone" });
  });

  rule(
    "[D7] a key belongs to the lease it was last put under, or to none",
    async ({ directory }) => {
      const first = await directory.grantLease(1_000);
      const second = await directory.grantLease(1_000);
      await directory.put("moved", 1, { lease: first });
      await directory.put("moved", 2, { lease: second });
      await directory.put("freed", 1, { lease: first });
      await directory.put("freed", 2);
      await directory.revokeLease(first);
      assert.equal((await directory.get("moved"))?.value, 2);
      assert.equal((await directory.get("freed"))?.value, 2);
      await directory.revokeLease(second);
      assert.equal(await directory.get("moved"), undefined);
      assert.equal((await directory.get("freed"))?.value, 2);
    },
  );

  rule("[D7] a lease has a time within bounds", async ({ directory }) => {
    for (const ttlMs of [0, -1, LIMITS.directoryLeaseMsMin - 1, LIMITS.directoryLeaseMsMax + 1]) {
      await assert.rejects(directory.grantLease(ttlMs), { code: "directory-lease-invalid" });
    }
  });
}

function theRest(rule: Rule): void {
  rule("[D8] blobs are found by their sha-256", async ({ directory }) => {
    const abc = await directory.putBlob(new TextEncoder().encode("abc"));
    assert.equal(abc, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert.equal(await directory.putBlob(new TextEncoder().encode("abc")), abc);
    assert.deepEqual(await directory.getBlob(abc), new TextEncoder().encode("abc"));
    assert.equal(await directory.getBlob("0".repeat(64)), undefined);
    assert.equal(await directory.getBlob("../etc"), undefined);
    const empty = await directory.putBlob(new Uint8Array());
    assert.deepEqual(await directory.getBlob(empty), new Uint8Array());
  });

  rule(
    "[D8] blobs of several messages come back whole, and too large ones are refused",
    async ({ directory }) => {
      const bytes = Uint8Array.from({ length: 1_500_001 }, (_, index) => (index * 31) & 0xff);
      const [name, other] = await Promise.all([
        directory.putBlob(bytes),
        directory.putBlob(bytes.subarray(1)),
      ]);
      assert.deepEqual(await directory.getBlob(name), bytes);
      assert.deepEqual(await directory.getBlob(other), bytes.subarray(1));
      const large = new Uint8Array(LIMITS.directoryBlobBytesMax + 1);
      await assert.rejects(directory.putBlob(large), { code: "directory-value-too-large" });
    },
  );

  rule(
    "[D9] a request reaches the leader, and its answer the asker",
    async ({ directory, answer }) => {
      answer(async (subject, payload) => ({ subject, payload }));
      assert.deepEqual(await directory.request("join", { name: "north" }), {
        subject: "join",
        payload: { name: "north" },
      });
    },
  );

  rule("[D9] a refusal reaches the asker as the leader made it", async ({ directory, answer }) => {
    const refusal = new MeanderError("site-name-taken", "the name is taken", {
      where: "site north",
      expected: "another name",
      next: "choose one",
    });
    answer(() => Promise.reject(refusal));
    await assert.rejects(directory.request("join", null), (error) => {
      assert.ok(error instanceof MeanderError);
      assert.deepEqual(
        { ...error, message: error.message },
        { ...refusal, message: refusal.message },
      );
      return true;
    });
    answer(undefined);
    await assert.rejects(directory.request("join", null), { code: "directory-no-leader" });
  });

  rule(
    "[D9] a request has the time it was given, and its failure says so",
    async ({ directory, clock, answer }) => {
      const asked: (() => void)[] = [];
      answer(() => new Promise((resolve) => asked.push(() => resolve("done"))));
      const given = directory.request("move", null, { timeoutMs: 20_000 });
      const late = assert.rejects(directory.request("move", null, { timeoutMs: 500 }), {
        code: "directory-unreachable",
        message: /no answer to request in 500 ms/,
      });
      await turnsUntil(() => asked.length === 2);
      clock.advance(500);
      await late;
      // In steps, so that a connection has its signs of life.
      for (let step = 0; step < 4; step++) {
        clock.advance(LIMITS.directoryCallMs / 2);
        assert.equal(await directory.get("a"), undefined);
      }
      for (const release of asked) release();
      assert.equal(await given, "done");
    },
  );

  rule("[D10] onStatus tells the present state at once", async ({ directory }) => {
    await directory.get("a");
    const told: string[] = [];
    const undo = directory.onStatus((status) => told.push(status.type));
    assert.deepEqual(told, ["connected"]);
    undo();
    await directory[Symbol.asyncDispose]();
    assert.deepEqual(told, ["connected"]);
  });

  rule(
    "[D12] a closed directory answers nothing, and closing twice is fine",
    async ({ directory }) => {
      const told: string[] = [];
      directory.onStatus((status) => told.push(status.type));
      const recorder = new Recorder();
      await directory.watch("", recorder.listener);
      await directory[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
      const closed = { code: "directory-closed" };
      await assert.rejects(directory.get("a"), closed);
      await assert.rejects(directory.list("a"), closed);
      await assert.rejects(directory.put("a", 1), closed);
      await assert.rejects(
        directory.watch("a", () => {}),
        closed,
      );
      await assert.rejects(directory.grantLease(1_000), closed);
      await assert.rejects(directory.request("join", null), closed);
      await assert.rejects(directory.getBlob("a"), closed);
      assert.equal(told.at(-1), "disconnected");
      assert.deepEqual(recorder.short, ["synced"]);
    },
  );
}
