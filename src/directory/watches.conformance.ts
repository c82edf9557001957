import assert from "node:assert/strict";
import { ChangeRecorder } from "./change-recorder.conformance.ts";
import type { Rule } from "./directory-under-test.conformance.ts";

/** [D6] */
export function watchesConformance(rule: Rule): void {
  rule(
    "[D6] a watch reports the existing entries, then synced, then every change in order",
    async ({ directory }) => {
      await directory.put("w/b", 1);
      await directory.put("w/a", 2);
      await directory.put("other", 0);
      const told = new ChangeRecorder();
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

  rule("[D6] a cancelled watch reports nothing more", async ({ directory }) => {
    const stopped = new ChangeRecorder();
    const going = new ChangeRecorder();
    const undo = await directory.watch("w/", stopped.listener);
    await directory.watch("w/", going.listener);
    undo();
    undo();
    await directory.put("w/a", 1);
    await going.count(2);
    assert.deepEqual(stopped.short, ["synced"]);
  });

  rule("[D6] calls of a listener never overlap, though it writes itself", async ({ directory }) => {
    const told = new ChangeRecorder();
    const writes: Promise<number>[] = [];
    let depth = 0;
    let deepest = 0;
    await directory.watch("w/", (change) => {
      deepest = Math.max(deepest, ++depth);
      if (change.type === "put" && change.entry.key === "w/a") writes.push(directory.put("w/b", 2));
      told.listener(change);
      depth--;
    });
    const other = new ChangeRecorder();
    await directory.watch("w/", other.listener);
    await directory.put("w/a", 1);
    await told.count(3);
    await other.count(3);
    await Promise.all(writes);
    assert.deepEqual(told.short, ["synced", "w/a=1", "w/b=2"]);
    assert.deepEqual(other.short, told.short);
    assert.equal(deepest, 1);
  });

  rule("[D6] modifying a value after it was written is not a change", async ({ directory }) => {
    const told = new ChangeRecorder();
    await directory.watch("w/", told.listener);
    const value = { port: 1 };
    await directory.put("w/a", value);
    value.port = 2;
    await told.count(2);
    assert.deepEqual(told.short, ["synced", 'w/a={"port":1}']);
    assert.deepEqual((await directory.get("w/a"))?.value, { port: 1 });
  });
}
