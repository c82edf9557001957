import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Site } from "../site/index.ts";
import { MAIN, meander, type Run } from "./meander.test.support.ts";

let folder: string;
let site: Site;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "meander-cli-"));
  site = await Site.start(
    { name: "origin", httpPort: 0, data: join(folder, "data") },
    { plane: "local" },
  );
  // The session knows it, and nobody publishes it.
  const request = { channel: "quiet", input: "main", source: "main", asker: "127.0.0.1" };
  await site.publishData({ ...request, replace: false });
  await site.unpublish("quiet", "main");
});
after(async () => {
  await site.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Runs a verb until it has told that, then interrupts it, as Ctrl-C does. */
function interrupted(args: readonly string[], told: RegExp): Promise<Run> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [MAIN, ...args, "--site", site.url]);
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      const before = told.test(stderr);
      stderr += text;
      if (!before && told.test(stderr)) child.kill("SIGINT");
    });
    child.on("close", (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
}

test("`test receive` of a channel that nobody has says so once, waits, and fails when nothing came", async () => {
  const args = ["test", "receive", "nobody", "--site", site.url];
  const { code, stdout, stderr } = await meander([...args, "--seconds", "3"]);
  assert.equal(code, 1, stderr);
  assert.equal(stdout, "");
  const told = stderr.match(/no channel of the session is called "nobody"; waiting/g);
  assert.equal(told?.length, 1, stderr);
  assert.match(stderr, /error: nothing of a test stream arrived\n {2}where: channel nobody\n/);
  assert.match(stderr, /next: run `meander test send nobody`/);
  const json = await meander([...args, "--seconds", "0.5", "--json"]);
  assert.equal(json.code, 1);
  const end = JSON.parse(json.stdout.trim().split("\n").at(-1) ?? "") as { received: number };
  assert.equal(end.received, 0);
  assert.match(json.stderr, /"code":"nothing-received"/);
});

test("a channel without a publisher is waited for with a word, and what nothing came of fails", async () => {
  const none = /has no publisher now/;
  const received = await interrupted(["test", "receive", "quiet"], none);
  assert.equal(received.code, 1, received.stderr);
  const file = join(folder, "quiet.webm");
  const recorded = await interrupted(["record", "quiet", "--to", file], none);
  assert.equal(recorded.code, 1, recorded.stderr);
  assert.match(recorded.stderr, /error: no file was written\n {2}where: channel quiet\n/);
  assert.equal(existsSync(file), false);
  // Messages may be rare: none is no failure.
  const played = await interrupted(["play", "quiet", "--text"], none);
  assert.equal(played.code, 0, played.stderr);
});

test("`play` and `record` of a channel that the session does not know end at once", async () => {
  for (const verb of [
    ["play"],
    ["play", "--text"],
    ["play", "--sdp"],
    ["record", "--to", "a.mkv"],
  ]) {
    const { code, stderr } = await meander([...verb, "nobody", "--site", site.url]);
    assert.equal(code, 1, `${verb.join(" ")}: ${stderr}`);
    assert.match(stderr, /^error: no channel of the session/);
  }
});

test("what needs a site that is not there ends at once, and says where it looked", async () => {
  for (const verb of [
    ["test", "send", "a"],
    ["test", "receive", "a"],
    ["test", "receive", "a", "--no-follow"],
    ["record", "a", "--to", "a.mkv"],
    ["play", "a"],
    ["play", "a", "--text"],
  ]) {
    const args = [...verb, "--site", "http://127.0.0.1:1"];
    const { code, stderr } = await meander(
      verb[1] === "receive" ? [...args, "--seconds", "1"] : args,
    );
    assert.equal(code, 1, `${verb.join(" ")}: ${stderr}`);
    assert.match(stderr, /127\.0\.0\.1:1/, verb.join(" "));
  }
});
