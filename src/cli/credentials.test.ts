import assert from "node:assert/strict";
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { type LocalSite, noteLocalSite } from "../client/index.ts";
import { credentialsOf } from "./credentials.ts";

const VARIABLES = ["XDG_RUNTIME_DIR", "MEANDER_TOKEN", "MEANDER_CA", "MEANDER_FINGERPRINT"];
const OURS = "ab".repeat(32);

let folder: string;
let kept: (string | undefined)[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "meander-runtime-"));
  kept = VARIABLES.map((name) => process.env[name]);
  for (const name of VARIABLES) delete process.env[name];
  process.env["XDG_RUNTIME_DIR"] = folder;
  await writeFile(join(folder, "admin-token"), "found\n", { mode: 0o600 });
  await writeFile(join(folder, "given"), " given\n");
});
afterEach(async () => {
  for (const [index, name] of VARIABLES.entries()) {
    const value = kept[index];
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  await rm(folder, { recursive: true });
});

function site(more: Partial<LocalSite> = {}): LocalSite {
  return {
    ...{ url: "https://north.example:7000", hosts: ["north.example"], pid: process.pid },
    ...{ session: "one", asks: true, tokenFile: join(folder, "admin-token"), fingerprint: OURS },
    ...more,
  };
}

test("what an option says goes before the environment, and that before what is found", () => {
  noteLocalSite(site());
  const url = "https://north.example:7000";
  assert.deepEqual(credentialsOf(url, {}).token, "found");
  assert.equal(credentialsOf(url, {}).trust?.fingerprint, OURS);
  process.env["MEANDER_TOKEN"] = "told";
  process.env["MEANDER_FINGERPRINT"] = "cd".repeat(32);
  assert.equal(credentialsOf(url, {}).token, "told");
  assert.equal(credentialsOf(url, {}).trust?.fingerprint, "cd".repeat(32));
  const options = { tokenFile: join(folder, "given"), fingerprint: "ef".repeat(32) };
  assert.equal(credentialsOf(url, options).token, "given");
  assert.equal(credentialsOf(url, options).trust?.fingerprint, "ef".repeat(32));
});

test("a token is found for the site's own names, port and scheme alone", () => {
  noteLocalSite(site());
  for (const url of ["https://127.0.0.1:7000", "https://localhost:7000", "https://[::1]:7000"])
    assert.equal(credentialsOf(url, {}).token, "found", url);
  for (const url of [
    "http://127.0.0.1:7000",
    "https://127.0.0.1:7001",
    "https://south.example:7000",
    "nonsense",
  ])
    assert.equal(credentialsOf(url, {}).token, undefined, url);
});

test("a site that asks for none is shown none, unless it is about tokens", () => {
  noteLocalSite(site({ asks: false }));
  const url = "https://localhost:7000";
  assert.equal(credentialsOf(url, {}).token, undefined);
  assert.equal(credentialsOf(url, {}, { always: true }).token, "found");
});

test("what a dead site left, or lies where others write, is not believed", async () => {
  const { forget } = noteLocalSite(site());
  const url = "https://localhost:7000";
  await chmod(join(folder, "meander"), 0o777);
  assert.equal(credentialsOf(url, {}).token, undefined);
  await chmod(join(folder, "meander"), 0o700);
  assert.equal(credentialsOf(url, {}).token, "found");
  const [file = ""] = await readdir(join(folder, "meander"));
  assert.equal((await stat(join(folder, "meander", file))).mode & 0o077, 0);
  forget();
  assert.equal(credentialsOf(url, {}).token, undefined);
  // No process has that number.
  noteLocalSite(site({ pid: 2 ** 30 }));
  assert.equal(credentialsOf(url, {}).token, undefined);
  noteLocalSite(site({ session: "two" }));
  assert.deepEqual(await readdir(join(folder, "meander")), [`${process.pid}.json`]);
});

test("a file without a token is refused", async () => {
  await writeFile(join(folder, "two"), "one two");
  for (const name of ["missing", "two"])
    assert.throws(() => credentialsOf("http://127.0.0.1:7000", { tokenFile: join(folder, name) }), {
      code: "arguments-invalid",
      where: new RegExp(name),
    });
});
