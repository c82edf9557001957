import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SILENT } from "../../base/index.ts";
import { readDescriptors, readHeap, readMemory, readSocketBufferMax } from "./resource-readings.ts";
import { ResourceWatch } from "./resource-watch.ts";

const CALM = { used: 1, limit: null };

test("a warning comes once at 80 %, a reason at 90 %, and both again after it was calm", () => {
  const lines: string[] = [];
  const watch = new ResourceWatch({ ...SILENT, warn: (message) => void lines.push(message) });
  const look = (used: number): void =>
    watch.look({ descriptors: { used: used * 100, limit: 10_000 }, memory: CALM, heap: CALM });
  look(79);
  assert.equal(lines.length, 0);
  look(80);
  look(85);
  assert.deepEqual(lines, ["The site is running out of descriptors."]);
  assert.deepEqual(watch.reasons, []);
  look(95);
  assert.deepEqual(watch.reasons, ["descriptors: 9500 of 10000 in use"]);
  look(75);
  look(81);
  assert.equal(lines.length, 1, "it did not get calm in between");
  assert.deepEqual(watch.reasons, []);
  look(10);
  look(92);
  assert.equal(lines.length, 2);
});

test("where there are few descriptors the site is degraded as soon as viewers are refused", () => {
  const watch = new ResourceWatch(SILENT);
  const look = (used: number): void =>
    watch.look({ descriptors: { used, limit: 128 }, memory: CALM, heap: CALM });
  look(64);
  assert.deepEqual([watch.reasons, watch.isNear], [[], false]);
  look(65);
  assert.deepEqual(watch.reasons, ["descriptors: 65 of 128 in use, viewers are refused"]);
  look(60);
  assert.deepEqual([watch.reasons, watch.isNear], [[], false]);
});

test("memory is told in words of people, and what has no limit is never short", () => {
  const watch = new ResourceWatch(SILENT);
  watch.look({ descriptors: undefined, memory: { used: 480e6, limit: 512e6 }, heap: CALM });
  assert.deepEqual(watch.reasons, ["memory: 480 MB of 512 MB in use"]);
});

test("the system's figures are read, and their absence is no error", async () => {
  const folder = await mkdtemp(join(tmpdir(), "meander-proc-"));
  try {
    assert.equal(await readDescriptors(folder), undefined);
    await mkdir(join(folder, "fd"));
    for (const name of ["0", "1", "2", "3"]) await writeFile(join(folder, "fd", name), "");
    const limits = (soft: string): string =>
      `Limit                     Soft Limit           Hard Limit           Units\nMax open files            ${soft}                 4096                 files\n`;
    await writeFile(join(folder, "limits"), limits("1024"));
    assert.deepEqual(await readDescriptors(folder), { open: 3, limit: 1_024 });
    await writeFile(join(folder, "limits"), limits("unlimited"));
    assert.equal((await readDescriptors(folder))?.limit, Number.MAX_SAFE_INTEGER);
    await writeFile(join(folder, "limits"), "nothing of the kind");
    assert.equal(await readDescriptors(folder), undefined);
    await writeFile(join(folder, "rmem_max"), "212992\n");
    assert.equal(await readSocketBufferMax(join(folder, "rmem_max")), 212_992);
    assert.equal(await readSocketBufferMax(join(folder, "absent")), undefined);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  assert.ok(readMemory().used > 0);
  assert.ok((readHeap().limit ?? 0) > readHeap().used);
});
