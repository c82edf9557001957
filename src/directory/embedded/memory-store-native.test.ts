import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom, SILENT, VirtualClock } from "../../base/index.ts";
import { EmbeddedDirectory, MemoryStore } from "./index.ts";

test("memory: a directory in memory loads no native code", async () => {
  const ports = { clock: new VirtualClock(), random: new SeededRandom(1), log: SILENT };
  await using directory = await EmbeddedDirectory.open({ ...ports, store: new MemoryStore() });
  await directory.put("a", 1);
  const { sharedObjects } = process.report.getReport() as unknown as { sharedObjects: string[] };
  assert.ok(sharedObjects.length > 0);
  assert.deepEqual(
    sharedObjects.filter((path) => path.endsWith(".node")),
    [],
  );
});
