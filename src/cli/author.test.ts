import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Envelope } from "../trust/index.ts";
import { meander } from "./meander.test.support.ts";
import { NotingSite } from "./noting-site.test.support.ts";

const site = new NotingSite();
let folder: string;
let url: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "meander-author-"));
  url = await site.open();
});
after(async () => {
  await site.close();
  await rm(folder, { recursive: true, force: true });
});

async function printed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await meander(args);
  assert.equal(code, 0, stderr);
  return stdout.trim();
}

test("[A70] code is signed with the key of a file that its user alone may read", async () => {
  const key = join(folder, "author.json");
  const author = await printed("author", "create", "--out", key);
  assert.match(author, /^ed25519:[A-Za-z0-9_-]{43}$/);
  assert.equal((await stat(key)).mode & 0o777, 0o600);
  assert.equal(await printed("author", "show", key), author);
  const file = join(folder, "signed.ts");
  const signing = ["--author", key, "--site", url];
  const source = "export default { on: {} };";
  await writeFile(file, source);
  assert.match(await printed("stream", "attach", "bar", file, ...signing), new RegExp(author));
  await printed(...["stream", "replace", "bar", "agent", "append", file], ...signing);
  await printed("policy", "set", "session", file, ...signing);
  const kinds = site.calls.map((call) => {
    const { signed } = call.at(-1) as { readonly signed: Envelope };
    return [signed.author, signed.kind, signed.scope, signed.sha256];
  });
  const hash = createHash("sha256").update(source).digest("hex");
  assert.deepEqual(kinds, [
    [author, "agent", "streams/bar", hash],
    [author, "handler", "streams/bar", hash],
    [author, "policy", "session", hash],
  ]);
});

test("a key is not written over, and what is no key is refused", async () => {
  const key = join(folder, "other.json");
  await printed("author", "create", "--out", key);
  const again = await meander(["author", "create", "--out", key]);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /it exists already/);
  const file = join(folder, "agent.ts");
  await writeFile(file, "export default { on: {} };");
  const wrong = await meander(["author", "show", file, "--json"]);
  assert.match(wrong.stderr, /"code":"author-key-invalid"/);
});
