import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryRecordStore } from "./memory-record-store.ts";
import { recordStoreConformance } from "./record-store.conformance.ts";

recordStoreConformance("memory", async () => ({
  store: new MemoryRecordStore(),
  [Symbol.asyncDispose]: async () => {},
}));

test("memory: what was put may be changed afterwards", async () => {
  const store = new MemoryRecordStore();
  const bytes = Uint8Array.of(1, 2);
  await store.put([{ stream: 1, bytes }]);
  bytes.fill(9);
  assert.deepEqual(await store.get(1), Uint8Array.of(1, 2));
  assert.equal(store.count, 1);
});
