import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import fc from "fast-check";
import type { HttpRequest } from "./messages.ts";
import { StaticFiles } from "./static-files.ts";

let folder: string;
let files: StaticFiles;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "meander-static-"));
  await mkdir(join(folder, "web", "assets"), { recursive: true });
  await writeFile(join(folder, "secret.txt"), "secret");
  await writeFile(join(folder, "web", "index.html"), "<h1>console</h1>");
  await writeFile(join(folder, "web", ".env.json"), "hidden");
  await writeFile(join(folder, "web", "notes.exe"), "of no known type");
  await writeFile(join(folder, "web", "assets", "main-1a2b.js"), "export {};");
  files = new StaticFiles(join(folder, "web"));
});
after(() => rm(folder, { recursive: true }));

function get(target: string, headers: Record<string, string> = {}, method = "GET"): HttpRequest {
  return { method, target, headers, body: new Uint8Array(0), remoteAddress: "127.0.0.1" };
}

test("a folder answers with its index, revalidated each time", async () => {
  const answer = await files.answer(get("/?channel=clip"));
  assert.equal(answer.status, 200);
  assert.equal(new TextDecoder().decode(answer.body as Uint8Array), "<h1>console</h1>");
  assert.equal(answer.headers["content-type"], "text/html; charset=utf-8");
  assert.equal(answer.headers["cache-control"], "no-cache");
  const again = await files.answer(get("/", { "if-none-match": answer.headers["etag"] ?? "" }));
  assert.equal(again.status, 304);
  assert.equal(again.body, "");
});

test("hashed assets are cached for ever", async () => {
  const answer = await files.answer(get("/assets/main-1a2b.js"));
  assert.equal(answer.status, 200);
  assert.equal(answer.headers["content-type"], "text/javascript; charset=utf-8");
  assert.match(answer.headers["cache-control"] ?? "", /immutable/);
});

test("HEAD tells the size without the body", async () => {
  const answer = await files.answer(get("/", {}, "HEAD"));
  assert.equal(answer.headers["content-length"], "16");
  assert.equal(answer.body, "");
});

test("nothing outside the folder, hidden or of unknown type is served", async () => {
  const targets = [
    "/../secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e/secret.txt",
    "/assets/../../secret.txt",
    "/..%5csecret.txt",
    "//etc/hosts.txt",
    "/.env.json",
    "/notes.exe",
    "/assets",
    "/%00.html",
    "/%zz",
    "/nothing.html",
  ];
  for (const target of targets) assert.equal((await files.answer(get(target))).status, 404, target);
});

test("no path however odd reads the file beside the folder", async () => {
  const part = fc.constantFrom(
    "..",
    ".",
    "%2e%2e",
    "%2f",
    "/",
    "\\",
    "secret.txt",
    "web",
    "%5c",
    "assets",
    "%00",
  );
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 8 }), async (parts) => {
      const { body } = await files.answer(get(`/${parts.join("")}`));
      const text = typeof body === "string" ? body : new TextDecoder().decode(body);
      assert.notEqual(text, "secret");
    }),
  );
});

test("other methods and a missing folder get words, not files", async () => {
  assert.equal((await files.answer(get("/", {}, "POST"))).status, 404);
  const none = await new StaticFiles(join(folder, "missing")).answer(get("/"));
  assert.match(String(none.body), /path-unknown/);
});
