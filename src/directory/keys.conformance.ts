import assert from "node:assert/strict";
import { LIMITS } from "../base/index.ts";
import type { Json } from "./directory.ts";
import type { Rule } from "./directory-under-test.conformance.ts";

/** [D1] to [D5], [D11]: reading, writing and deleting keys. */
export function keysConformance(rule: Rule): void {
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

  rule("[D3] each put has a unique revision, and revisions grow", async ({ directory }) => {
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
    "[D11] invalid keys, values too large and values that are not JSON are refused",
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
