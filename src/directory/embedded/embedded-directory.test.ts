import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { LIMITS, MeanderError, SeededRandom, SILENT, VirtualClock } from "../../base/index.ts";
import { leaderDirectoryConformance } from "../leader-directory.conformance.ts";
import { EmbeddedDirectory } from "./embedded-directory.ts";
import { Folder, kill, spawnProgram } from "./folder.conformance.ts";
import { restartConformance } from "./restart.conformance.ts";

leaderDirectoryConformance("embedded", async (seed) => {
  const folder = new Folder();
  const clock = new VirtualClock();
  const directory = await folder.open(clock, seed);
  return {
    directory,
    clock,
    [Symbol.asyncDispose]: async () => {
      await directory[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
});

restartConformance("embedded", () => new Folder());

test("embedded: [A26] its files are their owner's alone from their making on, whatever they were before", async () => {
  using folder = new Folder();
  const loose = (): string[] =>
    readdirSync(folder.path).filter(
      (name) => (statSync(join(folder.path, name)).mode & 0o077) !== 0,
    );
  const umask = process.umask(0);
  try {
    const first = await folder.open();
    assert.deepEqual(loose(), []);
    await first[Symbol.asyncDispose]();
    const names = readdirSync(folder.path);
    assert.ok(names.includes("directory.mdb") && names.includes("directory.mdb-lock"));
    for (const name of names) chmodSync(join(folder.path, name), 0o666);
    await using _ = await folder.open();
    assert.deepEqual(loose(), []);
  } finally {
    process.umask(umask);
  }
});

test("embedded: [D15] a directory that this process has open is refused", async () => {
  using folder = new Folder();
  await using first = await folder.open();
  await assert.rejects(folder.open(), (error) => {
    assert.ok(error instanceof MeanderError);
    assert.equal(error.code, "directory-in-use");
    assert.match(error.message, new RegExp(`process ${process.pid} has`));
    return true;
  });
  await first.put("a", 1);
  assert.equal((await first.get("a"))?.value, 1);
});

test("embedded: [D15] a directory that another process has open is refused until that is killed", async () => {
  using folder = new Folder();
  const child = spawnWriter(folder.path);
  const lines = createInterface({ input: child.stdout ?? assert.fail("no output") });
  await once(lines, "line");
  await assert.rejects(folder.open(), {
    code: "directory-in-use",
    message: new RegExp(`process ${child.pid} has`),
  });
  await kill(child);
  await using directory = await folder.open();
  assert.ok(await directory.get("n/0"));
});

test("embedded: [D13] what was confirmed before a kill is there", async () => {
  using folder = new Folder();
  for (let round = 1; round <= 3; round++) {
    const child = spawnWriter(folder.path);
    const confirmed: number[] = [];
    for await (const line of createInterface({ input: child.stdout ?? assert.fail("no output") })) {
      confirmed.push(Number(line));
      if (confirmed.length === 150 * round) child.kill("SIGKILL");
    }
    await kill(child);
    assert.ok(confirmed.length >= 150 * round);
    await using directory = await folder.open();
    for (const index of confirmed) {
      assert.deepEqual((await directory.get(`n/${index}`))?.value, { index, round: child.pid });
    }
    const entries = await directory.list("n/");
    const revisions = new Set(entries.map((entry) => entry.revision));
    assert.equal(revisions.size, entries.length);
  }
});

test("embedded: a folder that cannot be a directory is refused with its path", async () => {
  using folder = new Folder();
  writeFileSync(join(folder.path, "file"), "");
  const options = { clock: new VirtualClock(), random: new SeededRandom(1), log: SILENT };
  await assert.rejects(EmbeddedDirectory.open({ ...options, path: join(folder.path, "file") }), {
    code: "directory-unreadable",
    where: join(folder.path, "file"),
  });
  for (const text of ["x", "not a directory".repeat(1_000)]) {
    writeFileSync(join(folder.path, "directory.mdb"), text);
    await assert.rejects(folder.open(), { code: "directory-unreadable" });
  }
  writeFileSync(join(folder.path, "directory.mdb"), "");
  await using directory = await folder.open();
  assert.equal(await directory.put("a", 1), 1);
});

test("embedded: leases over the limit are refused, and ended ones make room", async () => {
  using folder = new Folder();
  await using directory = await folder.open();
  const lease = await directory.grantLease(1_000);
  for (let count = 1; count < LIMITS.directoryLeasesMax; count++) await directory.grantLease(1_000);
  await assert.rejects(directory.grantLease(1_000), { code: "directory-full" });
  await directory.revokeLease(lease);
  await directory.grantLease(1_000);
});

/** A process that writes `n/0`, `n/1`… forever, and prints each number when its write was confirmed. */
function spawnWriter(path: string): ChildProcess {
  return spawnProgram(`
    const directory = await EmbeddedDirectory.open({ path: ${JSON.stringify(path)}, clock: new SystemClock(), random: new SystemRandom(), log: SILENT });
    for (let index = 0; ; index++) {
      await directory.put("n/" + index % 5000, { index: index % 5000, round: process.pid });
      process.stdout.write(index % 5000 + "\\n");
    }`);
}
