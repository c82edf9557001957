import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { MeanderError, SILENT, VirtualClock } from "../../base/index.ts";
import type { LogLevel } from "../../client/contract/index.ts";
import { defaultRouteConfig, type RouteConfig } from "../../session/index.ts";
import { LogGate } from "../observe/log-gate.ts";
import type { SiteSettings } from "../site-options.ts";
import { leaveHandover, takeHandover } from "./handover.ts";
import { LogLevels } from "./log-levels.ts";
import { reload } from "./reload.ts";
import { ServiceManager } from "./service-manager.ts";

test("a level that is set for a time goes back to where it began, in both threads", async () => {
  const clock = new VirtualClock();
  const gate = new LogGate("info");
  const told: LogLevel[] = [];
  const plane = { setLogLevel: async (level: LogLevel) => void told.push(level) };
  const levels = new LogLevels({ gate, plane, clock, log: SILENT });
  assert.deepEqual(levels.view, { level: "info", revertsTo: null, revertsAt: null });
  await levels.set("debug", 60_000);
  clock.advance(30_000);
  const view = await levels.set("warn", 60_000);
  assert.equal(view.revertsTo, "info");
  assert.equal(view.revertsAt, clock.wall() + 60_000);
  clock.advance(59_999);
  assert.equal(gate.level, "warn");
  clock.advance(1);
  assert.equal(gate.level, "info");
  assert.deepEqual(told, ["debug", "warn", "info"]);
  assert.deepEqual(levels.view, { level: "info", revertsTo: null, revertsAt: null });
  await levels.set("error");
  clock.advance(1_000_000);
  assert.equal(gate.level, "error", "without a time it stays");
  await assert.rejects(levels.set("debug", 0), { code: "request-invalid" });
  await assert.rejects(levels.set("debug", 1e12), { code: "request-invalid" });
});

test("a reload applies what can be applied, names what waits, and refuses an invalid file", async () => {
  const lines: string[] = [];
  const note = (message: string, fields: unknown): void =>
    void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log = { ...SILENT, info: note, warn: note, error: note };
  const applied: unknown[] = [];
  const site = {
    setRoutes: async (routes: RouteConfig) => void applied.push(routes.upstreams),
    operations: { logLevels: { set: async (level: LogLevel) => void applied.push(level) } },
  };
  const routes = { ...defaultRouteConfig(), upstreams: ["west"] };
  const before: SiteSettings = { name: "north", log: "info", httpPort: 7000 };
  const after: SiteSettings = { name: "north", log: "debug", httpPort: 7001, routes };
  assert.equal(await reload(site, before, async () => after, log), after);
  assert.deepEqual(applied, [["west"], "debug"]);
  assert.match(lines.join("\n"), /apply from the next start on. .*"settings":\["httpPort"\]/);

  lines.length = 0;
  const wrong = async (): Promise<SiteSettings> => {
    throw new MeanderError("config-invalid", "unknown key", { where: "site.json: nmae" });
  };
  assert.equal(await reload(site, after, wrong, log), after);
  assert.equal(applied.length, 2);
  assert.match(lines.join("\n"), /refused; the previous one stays in force.*site.json: nmae/);
});

test("a handover is taken once, and only while it is fresh", async () => {
  const folder = await mkdtemp(join(tmpdir(), "meander-handover-"));
  try {
    const clock = new VirtualClock();
    const file = join(folder, "handover.json");
    const outputs = [{ channel: "clip", host: "127.0.0.1", ports: { video: 5004 } }];
    await leaveHandover(file, { inputs: [], outputs }, clock);
    assert.deepEqual(await takeHandover(file, clock), { inputs: [], outputs });
    assert.equal(await takeHandover(file, clock), undefined);
    await leaveHandover(file, { inputs: [], outputs }, clock);
    clock.advance(200_000);
    assert.equal(await takeHandover(file, clock), undefined);
    await writeFile(file, '{"at":1}');
    await assert.rejects(takeHandover(file, clock));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("a service manager hears that the site is ready, well, reloads and stops", async () => {
  const clock = new VirtualClock();
  const told: string[] = [];
  const env = { NOTIFY_SOCKET: "/run/notify", WATCHDOG_USEC: "3000000" };
  const sender = () => async (text: string) => void told.push(text.trim().replaceAll("\n", " "));
  using manager = new ServiceManager({ env, pid: 7, clock, log: SILENT, sender });
  let silenceMs = 0;
  await manager.ready({ status: async () => "ok: 3 channels", silenceMs: () => silenceMs });
  assert.deepEqual(told.splice(0), ["READY=1 STATUS=ok: 3 channels"]);
  clock.advance(2_000);
  assert.deepEqual(told.splice(0), ["WATCHDOG=1", "WATCHDOG=1"]);
  silenceMs = 5_000;
  clock.advance(2_000);
  assert.deepEqual(told.splice(0), [], "a site that hangs is not kept alive");
  await manager.reloading(async () => void told.push("reloaded"));
  assert.match(told.splice(0).join(" "), /^RELOADING=1 MONOTONIC_USEC=\d+ reloaded READY=1$/);
  await manager.stopping("a SIGTERM came");
  assert.deepEqual(told.splice(0), ["STOPPING=1 STATUS=a SIGTERM came"]);
});

test("without a service manager nothing is sent; one that cannot be notified is logged once", async () => {
  const clock = new VirtualClock();
  const watched = { status: async () => "ok", silenceMs: () => 0 };
  const lines: string[] = [];
  const log = { ...SILENT, warn: (message: string) => void lines.push(message) };
  using none = new ServiceManager({ env: {}, pid: 7, clock, log });
  assert.equal(none.isPresent, false);
  await none.ready(watched);
  const sender = () => async () => {
    throw new Error("no way");
  };
  const env = { NOTIFY_SOCKET: "/run/notify", WATCHDOG_USEC: "1000000", WATCHDOG_PID: "8" };
  using deaf = new ServiceManager({ env, pid: 7, clock, log, sender });
  await deaf.ready(watched);
  clock.advance(60_000);
  await deaf.stopping("it ends");
  assert.deepEqual(lines, ["The service manager cannot be notified."]);
});
