import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { Folder, spawnProgram } from "./folder.conformance.ts";

/** Runs a command with its own file systems. */
const NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"];
const [command = "", ...rest] = NAMESPACE;
const mounts = spawnSync(command, [...rest, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).status === 0;
const skip = mounts ? false : "no file system can be mounted here";

// With 2 MB the log does not get its size; with 12 MB it does, and the tables find no room when it is full.
for (const megabytes of [2, 12]) {
  test(`on a full disk of ${megabytes} MB writes are refused, what was confirmed stays, and writes succeed when there is room`, {
    skip,
  }, async () => {
    using folder = new Folder();
    const mount = `mount -t tmpfs -o size=${megabytes}m tmpfs "$0" && exec "$@"`;
    const child = spawnProgram(program(folder.path), [
      ...NAMESPACE,
      ...["sh", "-c", mount, folder.path],
    ]);
    const lines: string[] = [];
    createInterface({ input: child.stdout ?? assert.fail("no output") }).on("line", (line) =>
      lines.push(line),
    );
    const [code] = await once(child, "close");
    assert.deepEqual(lines, [
      "refused: directory-write-failed",
      "seen beside a refusal: as before",
      "leases: directory-write-failed",
      "confirmed before: all",
      "with room: all",
      "after a restart: all",
    ]);
    assert.equal(code, 0);
  });
}

function program(path: string): string {
  return `
    const { writeSync, openSync, closeSync, rmSync } = await import("node:fs");
    const path = ${JSON.stringify(path)};
    const options = { path, clock: new SystemClock(), random: new SystemRandom(), log: SILENT };
    const say = (text) => process.stdout.write(text + "\\n");
    const codeOf = (promise) => promise.then(() => "none", (error) => error.code);
    let directory = await EmbeddedDirectory.open(options);
    const confirmed = new Map();
    let index = 0;
    const put = async (bytes) => {
      const [key, value] = ["n/" + index % 40, { index: index++, pad: "x".repeat(bytes) }];
      await directory.put(key, value);
      confirmed.set(key, value.index);
    };
    const check = async () => {
      const found = new Map((await directory.list("n/")).map(({ key, value }) => [key, value.index]));
      const wrong = [...confirmed].filter(([key, index]) => found.get(key) !== index);
      return wrong.length === 0 && found.size === confirmed.size ? "all" : "wrong: " + JSON.stringify(wrong);
    };
    for (let count = 0; count < 40; count++) await put(100);
    const filler = path + "/filler";
    const file = openSync(filler, "w");
    try {
      for (;;) writeSync(file, new Uint8Array(4_096));
    } catch {}
    closeSync(file);
    let code = "none";
    while (code === "none") code = await codeOf(put(100_000));
    say("refused: " + code);
    const [, entry, other] = await Promise.allSettled([
      directory.put("n/0", { pad: "x".repeat(200_000) }),
      directory.get("n/0"),
      directory.compareAndSet("n/0", 0, 1),
    ]);
    say("seen beside a refusal: " + (entry.value?.value.index === confirmed.get("n/0") && other.value === undefined ? "as before" : JSON.stringify([entry, other])));
    const large = Array.from({ length: 60 }, () => codeOf(directory.put("n/0", "x".repeat(200_000))));
    const lease = codeOf(directory.grantLease(1_000));
    await Promise.all(large);
    say("leases: " + await lease);
    say("confirmed before: " + await check());
    rmSync(filler);
    for (let count = 0; count < 50; count++) await put(1_000);
    say("with room: " + await check());
    await directory[Symbol.asyncDispose]();
    directory = await EmbeddedDirectory.open(options);
    say("after a restart: " + await check());
    await directory[Symbol.asyncDispose]();`;
}
