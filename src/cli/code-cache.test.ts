import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { promisify } from "node:util";

const MODULE = new URL("./code-cache.js", import.meta.url).href;

let folder: string;
let scripts: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "meander-code-"));
  scripts = join(folder, "scripts");
  file = join(folder, "cache", "role.bin");
  mkdirSync(scripts);
  writeFileSync(join(scripts, "part.cjs"), "exports.add = (a, b) => a + b;\n");
  writeFileSync(
    join(scripts, "main.cjs"),
    'const { add } = require("./part.cjs");\nconsole.log(add(1, 2));\n',
  );
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What a process prints that runs the scripts with the cache. */
async function run(): Promise<string> {
  const program = `
    import { createRequire } from "node:module";
    import { CodeCache } from ${JSON.stringify(MODULE)};
    const [file, scripts] = process.argv.slice(1);
    const cache = new CodeCache(file, scripts);
    cache.install();
    createRequire(scripts + "/")("./main.cjs");
    process.once("exit", () => cache.save());`;
  const args = ["--input-type=module", "-e", program, file, scripts];
  return (await promisify(execFile)(process.execPath, args)).stdout;
}

/** Changes whenever the file is written. */
const written = (): number => statSync(file).ino;

test("the first process writes what it compiled, the second uses it and writes nothing", async () => {
  assert.equal(await run(), "3\n");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(statSync(join(folder, "cache")).mode & 0o777, 0o700);
  const before = written();
  assert.equal(await run(), "3\n");
  assert.equal(written(), before);
  assert.deepEqual(readdirSync(join(folder, "cache")), ["role.bin"]);
});

test("a script that has changed is compiled again", async () => {
  await run();
  const before = written();
  writeFileSync(join(scripts, "part.cjs"), "exports.add = (a, b) => a - b;\n");
  assert.equal(await run(), "-1\n");
  assert.notEqual(written(), before);
});

test("damage anywhere in the file is found, and mended", async () => {
  await run();
  const whole = readFileSync(file);
  for (const at of [0, 20, whole.indexOf("\n") + 1, whole.length - 1]) {
    const bytes = Buffer.from(whole);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    const before = written();
    assert.equal(await run(), "3\n");
    assert.notEqual(written(), before, `byte ${at}`);
  }
  for (const length of [0, 10, whole.length - 1]) {
    writeFileSync(file, whole.subarray(0, length));
    const before = written();
    assert.equal(await run(), "3\n");
    // What V8 keeps is not of the same length each time.
    assert.notEqual(written(), before, `${length} bytes`);
  }
});

test("a folder that others may enter, and a file that others may write, are not used", async () => {
  await run();
  chmodSync(file, 0o620);
  const before = written();
  await run();
  assert.notEqual(written(), before, "the file is written again");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  chmodSync(join(folder, "cache"), 0o750);
  rmSync(file);
  assert.equal(await run(), "3\n");
  assert.deepEqual(readdirSync(join(folder, "cache")), []);
});

test("files of long ago are removed when one is written", async () => {
  mkdirSync(join(folder, "cache"), { mode: 0o700 });
  for (const [name, days] of [
    ["old.bin", 31],
    ["new.bin", 29],
    ["old.txt", 31],
  ] as const) {
    writeFileSync(join(folder, "cache", name), "");
    const at = (Date.now() - days * 86_400_000) / 1000;
    utimesSync(join(folder, "cache", name), at, at);
  }
  await run();
  assert.deepEqual(readdirSync(join(folder, "cache")), ["new.bin", "old.txt", "role.bin"]);
});

test("a link to a file is not followed", async () => {
  await run();
  const other = join(folder, "other.bin");
  writeFileSync(other, readFileSync(file), { mode: 0o600 });
  rmSync(file);
  symlinkSync(other, file);
  const before = statSync(other).mtimeMs;
  assert.equal(await run(), "3\n");
  assert.equal(statSync(other).mtimeMs, before);
});

test("where nothing can be written, everything runs", async () => {
  writeFileSync(join(folder, "cache"), "no folder");
  assert.equal(await run(), "3\n");
  assert.equal(readFileSync(join(folder, "cache"), "utf8"), "no folder");
});
