import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect as connectShell, type Shell, SiteClient } from "../src/site/index.ts";
import { endOf, json, MEANDER, type Running, start } from "./support/processes.ts";
import { findProgram, needs } from "./support/programs.ts";
import { Viewer } from "./support/viewer.ts";
import { until } from "./support/wait.ts";

const SHELL = findProgram("sh");
const PRLIMIT = findProgram("prlimit");
const SKIP = process.platform === "linux" ? needs({ sh: SHELL, prlimit: PRLIMIT }) : "Linux alone";
/** A site needs more descriptors to load its program than later, so this limit is set when it runs. */
const DESCRIPTORS = 128;
const DESCRIPTORS_AT_START = 1_024;
const ATTEMPTS = 200;
const AT_ONCE = 5;

let folder: string;
let running: Running;
let client: SiteClient;

before(async () => {
  if (SKIP !== false) return;
  folder = await mkdtemp(join(tmpdir(), "meander-limits-"));
  const line = `ulimit -n ${DESCRIPTORS_AT_START}; exec "$0" "$@"`;
  const args = [MEANDER, "site", "--json", "--name", "narrow", "--http-port", "0"];
  running = start(SHELL as string, [
    ...["-c", line, process.execPath, ...args],
    ...["--data", join(folder, "narrow")],
  ]);
  const { url } = await running.line((text) => json<{ url: string }>(text));
  client = new SiteClient(url);
});

/** From now on the site may open no more than that. */
async function narrow(): Promise<void> {
  const limit = `--nofile=${DESCRIPTORS}:${DESCRIPTORS_AT_START}`;
  const set = start(PRLIMIT as string, ["--pid", `${running.child.pid}`, limit]);
  assert.equal(await endOf(set), 0, set.stderr());
  await until("the site knows the limit", async () => {
    return (await client.currentStats()).descriptors?.limit === DESCRIPTORS;
  });
}

after(async () => {
  if (SKIP !== false) return;
  await running?.stop();
  await rm(folder, { recursive: true, force: true });
});

test("a site with too few descriptors for its viewers says so at the start", {
  skip: SKIP,
}, async () => {
  const words = "may have more subscribers than it has descriptors for";
  await until("the warning", () => running.stderr().includes(words));
  assert.match(running.stderr(), /"maxSubscribers":10000,"viewers":9\d\d,"descriptors":1024/);
});

/** One attempt to watch: the viewer, or the reason of the refusal. */
async function attempt(name: string): Promise<Viewer | string> {
  const viewer = await Viewer.open(client.url, "news", name);
  const end = await until(`what becomes of ${name}`, () =>
    viewer.states.find(({ type }) => type === "live" || type === "lost" || type === "refused"),
  );
  if (end.type === "live") return viewer;
  viewer.close();
  return end.type === "lost" ? end.reason : end.type === "refused" ? end.message : "";
}

test("viewers beyond the descriptors are refused with a reason, links and the API work, and freed descriptors are used again", {
  skip: SKIP,
}, async (t) => {
  await narrow();
  await client.publishData("news");
  const viewers: Viewer[] = [];
  const reasons: string[] = [];
  try {
    for (let count = 0; count < ATTEMPTS; count += AT_ONCE) {
      const names = Array.from({ length: AT_ONCE }, (_, index) => `v${count + index}`);
      for (const end of await Promise.all(names.map(attempt))) {
        if (typeof end === "string") reasons.push(end);
        else viewers.push(end);
      }
    }
    t.diagnostic(`${viewers.length} of ${ATTEMPTS} watch with ${DESCRIPTORS} descriptors`);
    assert.ok(viewers.length > 0 && viewers.length < DESCRIPTORS - 64, `${viewers.length} watch`);
    assert.equal(viewers.length + reasons.length, ATTEMPTS);
    for (const reason of reasons) {
      assert.match(
        reason,
        /of its 128 descriptors in use and keeps 64 for links and disk; try another site/,
      );
    }
    // The API and a link of another site are still accepted, and the disk works.
    await client.publishData("more");
    const neighbour = start(process.execPath, [
      ...[MEANDER, "site", "--json", "--name", "wide", "--http-port", "0"],
      ...["--data", join(folder, "wide"), "--join", client.url],
    ]);
    try {
      await neighbour.line((text) => json<{ url: string }>(text));
    } finally {
      await neighbour.stop();
    }
    await client.sendMessage("news", "text/plain", "to all who watch");
    await until("all viewers have it", () =>
      viewers.every(({ messages }) => messages.includes("to all who watch")),
    );
  } finally {
    for (const viewer of viewers) viewer.close();
  }
  await until("no viewer is left", async () => (await client.currentStats()).viewers === 0);
  const again = await until("a descriptor that became free", async () => {
    const end = await attempt("again");
    return typeof end === "string" ? undefined : end;
  });
  again.close();
});

test("[A21] silent connections have a quarter of the descriptors, and keep nobody out", {
  skip: SKIP,
}, async () => {
  const { port } = new URL(client.url);
  const silent = Array.from({ length: ATTEMPTS }, () => connect(Number(port), "127.0.0.1"));
  for (const socket of silent) socket.on("error", () => {});
  try {
    await until("all but a quarter were closed", () => {
      const open = silent.filter(({ readyState }) => readyState !== "closed");
      return open.length <= DESCRIPTORS / 4;
    });
    assert.equal((await client.health()).status, "ok");
    const viewer = await attempt("beside them");
    assert.ok(typeof viewer !== "string", String(viewer));
    viewer.close();
  } finally {
    for (const socket of silent) socket.destroy();
  }
});

test("a site that runs out of descriptors says so", { skip: SKIP }, async () => {
  const shells: Shell[] = [];
  const silent: Socket[] = [];
  try {
    while (shells.length < DESCRIPTORS) {
      const shell = await connectShell(client.url).catch(() => undefined);
      if (shell === undefined) break;
      shells.push(shell);
    }
    const health = await until("it is degraded", async () => {
      silent.push(connect(Number(new URL(client.url).port), "127.0.0.1").on("error", () => {}));
      const now = await client.health();
      return now.status === "degraded" ? now : undefined;
    });
    assert.match(health.reason ?? "", /^descriptors: \d+ of 128 in use, viewers are refused$/);
    await until("it warned", () => running.stderr().includes("is running out of descriptors"));
  } finally {
    for (const socket of silent) socket.destroy();
    await Promise.all(shells.map((shell) => shell.close()));
  }
  await until("it is ok again", async () => (await client.health()).status === "ok", 30_000);
});
