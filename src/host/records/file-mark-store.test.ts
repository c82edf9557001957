import assert from "node:assert/strict";
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import fc from "fast-check";
import { LIMITS, SILENT } from "../../base/index.ts";
import type { RunMark } from "../../stream/index.ts";
import { FileMarkStore, type WriteAt } from "./file-mark-store.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "marks-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

function open(write?: WriteAt): FileMarkStore {
  const options = { path: join(folder, "records", "running"), site: "north", log: SILENT };
  return new FileMarkStore(write === undefined ? options : { ...options, write });
}

function markOf(count: number, first = 1): RunMark {
  const messages = Array.from({ length: count }, (_, index) => ({
    source: 2 ** 40 + index,
    seq: first + index,
  }));
  const siteInstance = { site: "north", instance: 0xffff_ffff };
  return { at: 1_700_000_000_000, siteInstance, messages, suspects: [] };
}

test("[M14] the next run of a site reads what was noted last of each stream, once", () => {
  const store = open();
  store.put(1, markOf(3));
  store.put(2, markOf(LIMITS.deliveryBatchMax));
  store.put(3, markOf(1));
  store.put(1, markOf(2, 50));
  const next = open();
  assert.deepEqual(next.takeFormer(1), markOf(2, 50));
  assert.equal(next.takeFormer(1), undefined);
  assert.deepEqual(next.takeFormer(2), markOf(LIMITS.deliveryBatchMax));
  assert.deepEqual(next.takeFormer(3), markOf(1));
  assert.equal(open().takeFormer(2), undefined, "it ran nothing itself");
});

test("[M14] a stream that has left, and a site that ends in order, leave nothing", () => {
  const store = open();
  store.put(1, markOf(3));
  store.put(2, markOf(1));
  store.delete(1);
  store.put(3, markOf(2));
  assert.ok(
    statSync(join(folder, "records", "running")).size <= 2 * 8_192,
    "places are used again",
  );
  const next = open();
  assert.equal(next.takeFormer(1), undefined);
  assert.deepEqual(next.takeFormer(3), markOf(2));
  next.put(1, markOf(1));
  next.close();
  assert.ok(!existsSync(join(folder, "records", "running")));
  assert.equal(open().takeFormer(1), undefined);
});

test("[M14] what was known of suspects is there, as much of it as there is room for", () => {
  const death = { at: 5, site: "north", instance: 6, reason: "it ended, ü" };
  const suspect = (seq: number) => ({ source: 1, seq, deaths: [death], shared: [death, death] });
  const few = { ...markOf(1), suspects: [suspect(1), suspect(2)] };
  const many = { ...markOf(2), suspects: Array.from({ length: 256 }, (_, seq) => suspect(seq)) };
  const store = open();
  store.put(1, few);
  store.put(2, many);
  const next = open();
  assert.deepEqual(next.takeFormer(1), few);
  const { suspects, messages } = next.takeFormer(2) as RunMark;
  assert.deepEqual(messages, many.messages);
  assert.ok(suspects.length > 10 && suspects.length < 256);
  assert.deepEqual(suspects.at(-1), suspect(255));
});

test("[M14] a disk that is full is told of in words, and what was there before stays", () => {
  let isFull = false;
  const store = open((file, bytes, length, at) => {
    if (isFull)
      throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    return writeSync(file, bytes, 0, length, at);
  });
  store.put(1, markOf(1));
  isFull = true;
  assert.throws(() => store.put(1, markOf(2)), { code: "mark-write-failed", message: /ENOSPC/ });
  store.delete(1);
  assert.deepEqual(open().takeFormer(1), markOf(1));
  const short = open((_file, _bytes, length) => length - 1);
  assert.throws(() => short.put(1, markOf(1)), { code: "mark-write-failed" });
});

test("[M14] a device that takes nothing refuses the note", {
  skip: !existsSync("/dev/full"),
}, () => {
  const full = openSync("/dev/full", "w");
  const store = open((_file, bytes, length, at) => writeSync(full, bytes, 0, length, at));
  assert.throws(() => store.put(1, markOf(1)), { code: "mark-write-failed", message: /ENOSPC/ });
  closeSync(full);
});

test("[M14] a file of other bytes, or torn ones, tells of nothing that was not noted", () => {
  fc.assert(
    fc.property(fc.nat(2_047), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const store = open();
      store.put(1, markOf(5));
      const file = openSync(join(folder, "records", "running"), "r+");
      writeSync(file, Uint8Array.of(change), 0, 1, at);
      closeSync(file);
      const read = open().takeFormer(1);
      assert.ok(read === undefined || JSON.stringify(read) === JSON.stringify(markOf(5)));
    }),
    { numRuns: 200 },
  );
});
