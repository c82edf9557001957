import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { SILENT } from "../../base/index.ts";
import { recordStoreConformance } from "../../stream/record-store.conformance.ts";
import { bootId } from "./boot-mark.ts";
import { LmdbRecordStore } from "./lmdb-record-store.ts";

const MODULE = new URL("./lmdb-record-store.js", import.meta.url).href;

recordStoreConformance("lmdb", async () => {
  const folder = new Folder();
  const store = await folder.open();
  return {
    store,
    [Symbol.asyncDispose]: async () => {
      await store.close();
      folder[Symbol.dispose]();
    },
  };
});

test("lmdb: [N30] records are there after a restart", async () => {
  using folder = new Folder();
  const first = await folder.open();
  // Not waited for: closing does.
  const put = first.put([{ stream: 7, bytes: Uint8Array.of(1, 2, 3) }]);
  await first.close();
  await put;
  await using second = await folder.open();
  assert.deepEqual(await second.get(7), Uint8Array.of(1, 2, 3));
  assert.equal(await second.get(8), undefined);
});

test("lmdb: [N32] what had settled before a kill is there, and each put is there as a whole or not at all", async () => {
  using folder = new Folder();
  for (let round = 1; round <= 3; round++) {
    const child = spawnWriter(folder.path);
    let settled = -1;
    for await (const line of createInterface({ input: child.stdout ?? assert.fail("no output") })) {
      settled = Number(line);
      if (settled >= 200 * round) child.kill("SIGKILL");
    }
    await ended(child);
    assert.ok(settled >= 200 * round);
    await using store = await folder.open();
    const [one, two] = [await store.get(1), await store.get(2)];
    assert.ok(one !== undefined && two !== undefined);
    // The last put may have been done without being told.
    assert.ok(numberIn(one) >= settled, `${numberIn(one)} is not ${settled}`);
    assert.deepEqual(one, two);
  }
});

test("lmdb: [A26] records are their owner's alone from their making on, whatever they were before", async () => {
  using folder = new Folder();
  const loose = (): string[] =>
    readdirSync(folder.path).filter(
      (name) => (statSync(join(folder.path, name)).mode & 0o077) !== 0,
    );
  const umask = process.umask(0);
  try {
    const first = await folder.open();
    assert.deepEqual(loose(), []);
    await first.close();
    const names = readdirSync(folder.path);
    assert.ok(names.includes("records.mdb") && names.includes("records.mdb-lock"));
    for (const name of names) chmodSync(join(folder.path, name), 0o666);
    await using _ = await folder.open();
    assert.deepEqual(loose(), []);
  } finally {
    process.umask(umask);
  }
});

test("lmdb: [N33] records that this process has open are refused", async () => {
  using folder = new Folder();
  await using first = await folder.open();
  await assert.rejects(folder.open(), {
    code: "records-in-use",
    message: new RegExp(`process ${process.pid} has`),
  });
  await first.put([{ stream: 1, bytes: Uint8Array.of(1) }]);
  assert.deepEqual(await first.get(1), Uint8Array.of(1));
});

test("lmdb: [N33] records that another process has open are refused until that is killed", async () => {
  using folder = new Folder();
  const child = spawnWriter(folder.path);
  const lines = createInterface({ input: child.stdout ?? assert.fail("no output") });
  await once(lines, "line");
  await assert.rejects(folder.open(), {
    code: "records-in-use",
    message: new RegExp(`process ${child.pid} has`),
  });
  child.kill("SIGKILL");
  await ended(child);
  await using store = await folder.open();
  assert.notEqual(await store.get(1), undefined);
});

test("lmdb: [N33] a file that is no store is refused, and left as it is", async () => {
  using folder = new Folder();
  const file = join(folder.path, "records.mdb");
  writeFileSync(file, "something else entirely ".repeat(500));
  await assert.rejects(folder.open(), { code: "records-unreadable" });
  assert.match(readFileSync(file, "utf8"), /^something else/);
  await assert.rejects(LmdbRecordStore.open({ path: join(file, "deeper"), log: SILENT }), {
    code: "records-unreadable",
  });
});

test("lmdb: [N32] after a crash of the machine the torn file is set aside, and after an orderly end it is read", async () => {
  if (bootId() === undefined) return;
  using folder = new Folder();
  const first = await folder.open();
  await first.put([{ stream: 1, bytes: Uint8Array.of(1) }]);
  assert.equal(readFileSync(join(folder.path, "records.boot"), "utf8").trim(), bootId());
  await first.close();
  assert.equal(existsSync(join(folder.path, "records.boot")), false);
  writeFileSync(join(folder.path, "records.boot"), "another run of the machine\n");
  const second = await folder.open();
  assert.equal(await second.get(1), undefined);
  assert.equal(existsSync(join(folder.path, "records.mdb.torn")), true);
  await second.put([{ stream: 2, bytes: Uint8Array.of(2) }]);
  await second.close();
  await using third = await folder.open();
  assert.deepEqual(await third.get(2), Uint8Array.of(2));
});

test("lmdb: [N33] a disk that takes no more fails the put, and neither the process nor what was kept before", async () => {
  using folder = new Folder();
  const script = `
    const { LmdbRecordStore } = await import(${JSON.stringify(MODULE)});
    const store = await LmdbRecordStore.open({ path: ${JSON.stringify(folder.path)}, log: { warn() {} } });
    const bytes = new Uint8Array(100_000);
    for (let stream = 1; ; stream++) {
      const error = await store.put([{ stream, bytes }]).catch((thrown) => thrown);
      if (error === undefined) continue;
      console.log(error.code, (await store.get(1)).byteLength, await store.get(stream));
      break;
    }
    await store.put([{ stream: 1, bytes: Uint8Array.of(1) }]);
    console.log(await store.get(1));
    await store.close();`;
  // Files of at most 4 000 blocks stand for the full disk.
  const node = `ulimit -f 4000 && exec "$0" --input-type=module -e "$1"`;
  const child = spawn("sh", ["-c", node, process.execPath, script], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) lines.push(line);
  await ended(child);
  assert.deepEqual(lines, ["records-write-failed 100000 undefined", "Uint8Array(1) [ 1 ]"]);
  assert.equal(child.exitCode, 0);
});

test("lmdb: a store that is closed says so", async () => {
  using folder = new Folder();
  const store = await folder.open();
  await Promise.all([store.close(), store.close()]);
  await assert.rejects(store.get(1), { code: "records-closed" });
  await assert.rejects(store.put([{ stream: 1, bytes: Uint8Array.of(1) }]), {
    code: "records-closed",
  });
  await assert.rejects(store.delete(1), { code: "records-closed" });
});

function numberIn(bytes: Uint8Array): number {
  return Number(new TextDecoder().decode(bytes).trim());
}

/** A process that puts 0, 1, 2, … as two records each, and prints each number once its put has settled. */
function spawnWriter(path: string): ChildProcess {
  const script = `
    const { LmdbRecordStore } = await import(${JSON.stringify(MODULE)});
    const log = { warn() {} };
    const store = await LmdbRecordStore.open({ path: ${JSON.stringify(path)}, log });
    const kept = await store.get(1);
    let n = kept === undefined ? 0 : Number(new TextDecoder().decode(kept)) + 1;
    const { writeSync } = await import("node:fs");
    for (;; n++) {
      const bytes = new TextEncoder().encode(String(n).padEnd(3000));
      await store.put([{ stream: 1, bytes }, { stream: 2, bytes }]);
      writeSync(1, n + "\\n");
    }`;
  return spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

/** A folder of its own for each test. */
class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "meander-records-"));

  open(): Promise<LmdbRecordStore> {
    return LmdbRecordStore.open({ path: this.path, log: SILENT });
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
