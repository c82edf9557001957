import assert from "node:assert/strict";
import {
  appendFile,
  chmod,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { LIMITS } from "../../base/index.ts";
import { AuditFiles } from "./audit-files.ts";

let root: string;

before(async () => {
  root = await mkdtemp(join(tmpdir(), "meander-audit-"));
});
after(() => rm(root, { recursive: true, force: true }));

const bytesOf = (...lines: string[]): Uint8Array =>
  new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""));

async function linesOf(files: AuditFiles): Promise<string[]> {
  const lines: string[] = [];
  for await (const batch of files.read()) lines.push(...batch);
  return lines;
}

test("[A50] lines are appended over restarts, and read from the newest to the oldest", async () => {
  const folder = join(root, "plain");
  const first = await AuditFiles.open(folder);
  await first.append(bytesOf("one", "two"));
  await first.close();
  const files = await AuditFiles.open(folder);
  assert.equal(files.bytes, 8);
  await files.append(bytesOf("three"));
  assert.deepEqual(await linesOf(files), ["three", "two", "one"]);
  await files.close();
});

test("[A50] only their user reads the folder and the files, whatever they were", async () => {
  const folder = join(root, "modes");
  const first = await AuditFiles.open(folder);
  await first.append(bytesOf("one"));
  await first.rotate();
  await first.close();
  const path = join(folder, "audit.jsonl");
  assert.equal((await stat(folder)).mode & 0o777, 0o700);
  for (const name of await readdir(folder))
    assert.equal((await stat(join(folder, name))).mode & 0o777, 0o600, name);
  await chmod(path, 0o644);
  await (await AuditFiles.open(folder)).close();
  assert.equal((await stat(path)).mode & 0o777, 0o600);
});

test("[A50] files are followed by others, and the oldest is removed", async () => {
  const folder = join(root, "rotated");
  const files = await AuditFiles.open(folder);
  for (let number = 1; number <= LIMITS.auditFilesMax + 3; number++) {
    await files.append(bytesOf(`${number}`));
    assert.ok(files.bytes > 0);
    await files.rotate();
    assert.equal(files.bytes, 0);
  }
  assert.equal((await readdir(folder)).length, LIMITS.auditFilesMax);
  assert.deepEqual(await linesOf(files), ["11", "10", "9", "8", "7", "6", "5"]);
  assert.equal(await readFile(join(folder, "audit.1.jsonl"), "utf8"), "11\n");
  await files.close();
});

test("a file that ends within a line is gone on with in another", async () => {
  const folder = join(root, "torn");
  await (await AuditFiles.open(folder)).close();
  await appendFile(join(folder, "audit.jsonl"), "whole\nto");
  const files = await AuditFiles.open(folder);
  await files.append(bytesOf("next"));
  assert.deepEqual(await linesOf(files), ["next", "to", "whole"]);
  await files.close();
});

test("long files are read in parts, in which no line is lost or cut", async () => {
  const files = await AuditFiles.open(join(root, "long"));
  const wanted = Array.from(
    { length: 3_000 },
    (_, number) => `${number} ${"é".repeat(number % 97)}`,
  );
  await files.append(bytesOf(...wanted));
  assert.deepEqual(await linesOf(files), wanted.reverse());
  await files.close();
});

test("a link that stands where the log belongs is not written through", async () => {
  const folder = join(root, "linked");
  await (await AuditFiles.open(folder)).close();
  await rm(join(folder, "audit.jsonl"));
  await writeFile(join(root, "other"), "other\n");
  await symlink(join(root, "other"), join(folder, "audit.jsonl"));
  await assert.rejects(AuditFiles.open(folder), { code: "ELOOP" });
  assert.equal(await readFile(join(root, "other"), "utf8"), "other\n");
});
