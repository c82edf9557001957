import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Site } from "../site.ts";
import { logLevelSchema, siteStatsSchema, statsViewSchema } from "./operations-schemas.ts";

let folder: string;
let site: Site;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "meander-operations-"));
  site = await Site.start({ name: "north", httpPort: 0, data: folder }, { plane: "local" });
});

after(async () => {
  await site?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function get(path: string, status = 200): Promise<unknown> {
  const response = await fetch(site.url + path);
  const value: unknown = await response.json();
  assert.equal(response.status, status, JSON.stringify(value));
  return value;
}

async function putLevel(body: unknown): Promise<Response> {
  const headers = { "content-type": "application/json" };
  const method = "PUT";
  return fetch(`${site.url}/api/log-level`, { method, headers, body: JSON.stringify(body) });
}

test("figures and statistics answer in their documented shapes", async () => {
  const figures = siteStatsSchema.parse(await get("/api/figures"));
  assert.equal(figures.site, "north");
  assert.equal(figures.status, "ok");
  assert.ok(figures.memory.used > 0);
  await site.publishData({
    ...{ channel: "news", input: "main", source: "main", trusted: [], replace: false },
    asker: "127.0.0.1",
  });
  await site.operations.monitor.look();
  await site.operations.monitor.look();
  const stats = statsViewSchema.parse(await get("/api/stats?since=1m&series=cpu,rss"));
  assert.deepEqual(
    stats.series.map(({ name, values }) => [name, values.length]),
    [
      ["cpu", 60],
      ["rss", 60],
    ],
  );
  assert.deepEqual(stats.channels, ["news"]);
  const channel = statsViewSchema.parse(await get("/api/stats?channel=news"));
  assert.equal(channel.channel, "news");
  assert.equal(channel.stepMs, 1_000);
  assert.ok(channel.series.some(({ name }) => name === "bits-in"));
  const unknown = statsViewSchema.parse(await get("/api/stats?channel=nobody"));
  assert.deepEqual(unknown.series, []);
});

test("a time that is none, or longer than a week, is refused in words", async () => {
  for (const since of ["", "soon", "8d", "-1h", "0s"]) {
    const answer = await get(`/api/stats?since=${since}`, 400);
    const { error } = answer as { error: { code: string; where: string } };
    assert.deepEqual([error.code, error.where], ["request-invalid", "query parameter since"]);
  }
});

test("the level of the log is read, changed for a time, and refused when it is none", async () => {
  const before = logLevelSchema.parse(await get("/api/log-level"));
  const changed = await putLevel({ level: "warn", forMs: 60_000 });
  const view = logLevelSchema.parse(await changed.json());
  assert.deepEqual([view.level, view.revertsTo], ["warn", before.level]);
  assert.deepEqual(await get("/api/log-level"), view);
  for (const wrong of [
    {},
    { level: "loud" },
    { level: "info", forMs: -1 },
    { level: "info", x: 1 },
  ]) {
    assert.equal((await putLevel(wrong)).status, 400, JSON.stringify(wrong));
  }
});

test("a site inside another program cannot be restarted from outside, and says so", async () => {
  const response = await fetch(`${site.url}/api/restart`, { method: "POST" });
  assert.equal(response.status, 409);
  const { error } = (await response.json()) as { error: { code: string } };
  assert.equal(error.code, "restart-refused");
  assert.equal((await site.health()).status, "ok");
});
