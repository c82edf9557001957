import assert from "node:assert/strict";
import { test } from "node:test";
import { hashOf } from "./code-blob.ts";
import { CodeStore } from "./code-store.ts";
import { prepareCode } from "./prepare-code.ts";

/** Blobs in memory that count what is asked of them. */
class CountingBlobs {
  readonly blobs = new Map<string, Uint8Array>();
  fetched = 0;

  async fetch(sha256: string): Promise<Uint8Array | undefined> {
    this.fetched++;
    return this.blobs.get(sha256);
  }

  async put(bytes: Uint8Array): Promise<void> {
    this.blobs.set(await hashOf(bytes), bytes);
  }
}

const codeOf = (text: string) =>
  prepareCode("agent", {
    source: `export default ${JSON.stringify(text)} // a comment`,
    file: "x.ts",
  });

test("code that one site keeps, another finds under its hash", async () => {
  const blobs = new CountingBlobs();
  const code = await codeOf("one");
  await new CodeStore(blobs).put(code);
  const other = new CodeStore(blobs);
  assert.deepEqual(await Promise.all([other.get(code.sha256), other.get(code.sha256)]), [
    code,
    code,
  ]);
  assert.deepEqual(await other.get(code.sha256), code);
  assert.equal(blobs.fetched, 1);
});

test("what was used last stays in memory, within its bytes", async () => {
  const blobs = new CountingBlobs();
  const codes = await Promise.all(["a", "b", "c"].map((text) => codeOf(text.repeat(1_000))));
  const [a, b, c] = codes.map(({ sha256 }) => sha256) as [string, string, string];
  const store = new CodeStore(blobs, 6_000);
  for (const code of codes.slice(0, 2)) await store.put(code);
  await store.get(a);
  await store.put(codes[2] as (typeof codes)[number]);
  assert.equal(blobs.fetched, 0);
  await store.get(a);
  await store.get(c);
  assert.equal(blobs.fetched, 0);
  await store.get(b);
  assert.equal(blobs.fetched, 1);
});

test("without blobs nothing is forgotten, and what was never kept is missing", async () => {
  const store = new CodeStore(undefined, 1);
  const code = await codeOf("one");
  await store.put(code);
  assert.deepEqual(await store.get(code.sha256), code);
  await assert.rejects(store.get("0".repeat(64)), { code: "code-missing" });
});

test("bytes with another hash, or that are not code, are refused, and fetched again", async () => {
  const blobs = new CountingBlobs();
  const code = await codeOf("one");
  const store = new CodeStore(blobs);
  blobs.blobs.set(code.sha256, new TextEncoder().encode('["1","2"]'));
  await assert.rejects(store.get(code.sha256), { code: "code-damaged" });
  const noCode = new TextEncoder().encode('{"expression":1}');
  await blobs.put(noCode);
  await assert.rejects(store.get(await hashOf(noCode)), { code: "code-damaged" });
  await new CodeStore(blobs).put(code);
  assert.deepEqual(await store.get(code.sha256), code);
});
