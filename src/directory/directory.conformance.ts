import assert from "node:assert/strict";
import { test } from "node:test";
import { blobsConformance } from "./blobs.conformance.ts";
import { ChangeRecorder } from "./change-recorder.conformance.ts";
import type { DirectoryUnderTest, Rule } from "./directory-under-test.conformance.ts";
import { keysConformance } from "./keys.conformance.ts";
import { leasesConformance } from "./leases.conformance.ts";
import { requestsConformance } from "./requests.conformance.ts";
import { siteCallsConformance } from "./site-calls.conformance.ts";
import { watchesConformance } from "./watches.conformance.ts";

/** What every {@link Directory} must do (docs/spec/directory.md). Each implementation's test file calls this. */
export function directoryConformance(name: string, make: () => Promise<DirectoryUnderTest>): void {
  const rule = (text: string, body: (under: DirectoryUnderTest) => Promise<void>): void => {
    test(`${name}: ${text}`, async () => {
      await using under = await make();
      await body(under);
    });
  };
  keysConformance(rule);
  watchesConformance(rule);
  leasesConformance(rule);
  blobsConformance(rule);
  requestsConformance(rule);
  statusAndClosing(rule);
  siteCallsConformance(rule);
}

/** [D10], [D12] */
function statusAndClosing(rule: Rule): void {
  rule("[D10] onStatus reports the present state at once", async ({ directory }) => {
    await directory.get("a");
    const told: string[] = [];
    const undo = directory.onStatus((status) => told.push(status.type));
    assert.deepEqual(told, ["connected"]);
    undo();
    await directory[Symbol.asyncDispose]();
    assert.deepEqual(told, ["connected"]);
  });

  rule(
    "[D12] a closed directory answers nothing, and closing is idempotent",
    async ({ directory }) => {
      const told: string[] = [];
      directory.onStatus((status) => told.push(status.type));
      const recorder = new ChangeRecorder();
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
