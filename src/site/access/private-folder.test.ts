import assert from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { LogFields } from "../../base/index.ts";
import { keepPrivate } from "./private-folder.ts";

let base = "";
before(() => {
  base = mkdtempSync(join(tmpdir(), "meander-private-"));
});
after(() => rmSync(base, { recursive: true, force: true }));

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

async function warningsOf(folder: string): Promise<(LogFields | undefined)[]> {
  const told: (LogFields | undefined)[] = [];
  await keepPrivate(folder, { warn: (_message, fields) => told.push(fields) });
  return told;
}

test("a folder with keys is its owner's alone, whatever it was before, and that is told once", async () => {
  const folder = join(base, "loose");
  mkdirSync(folder);
  const key = join(folder, "access-key.json");
  const outside = join(base, "outside");
  for (const file of [key, outside]) writeFileSync(file, "secret");
  symlinkSync(outside, join(folder, "link"));
  chmodSync(folder, 0o777);
  for (const file of [key, outside]) chmodSync(file, 0o666);
  assert.deepEqual(await warningsOf(folder), [{ changed: [folder, key] }]);
  assert.deepEqual([modeOf(folder), modeOf(key)], ["700", "600"]);
  assert.equal(modeOf(outside), "666", "what a link leads to is another's business");
  assert.deepEqual(await warningsOf(folder), []);
});

test("a folder that is not there is made so", async () => {
  const folder = join(base, "a", "b");
  assert.deepEqual(await warningsOf(folder), []);
  assert.equal(modeOf(folder), "700");
});

test("a folder that all users share is refused in words, and left as it is", async () => {
  const folder = join(base, "shared");
  mkdirSync(folder);
  chmodSync(folder, 0o1777);
  await assert.rejects(warningsOf(folder), {
    code: "folder-not-private",
    where: folder,
    next: /--data/,
  });
  assert.equal(modeOf(folder), "777");
});
