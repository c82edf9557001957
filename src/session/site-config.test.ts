import assert from "node:assert/strict";
import { test } from "node:test";
import { SILENT } from "../base/index.ts";
import { defaultRouteConfig, type RouteConfig, routeConfigSchema } from "./model.ts";
import { SessionWorld } from "./session-world.test.support.ts";
import { SiteConfig } from "./site-config.ts";

test("a configuration is applied with its defaults when `set` settles; an invalid one is refused", async () => {
  await using world = await SessionWorld.make();
  const north = world.member("north");
  await north.start();
  await world.member("north2").start();
  await world.embedded.put("config/north2", { upstreams: ["other"] });
  const stored = await north.config.set({ upstreams: ["south"] });
  assert.deepEqual(stored, config({ upstreams: ["south"] }));
  assert.deepEqual(north.told.configs, [defaultRouteConfig(), stored]);
  assert.deepEqual(north.config.current, stored);
  await assert.rejects(north.config.set({ upstream: [] }), {
    code: "config-invalid",
    where: "configuration: upstream",
  });
  assert.deepEqual((await world.embedded.get("config/north"))?.value, stored);
});

test("an invalid configuration in the directory is logged, and the last valid one stays in force", async () => {
  await using world = await SessionWorld.make();
  const north = world.member("north");
  await north.start();
  await north.config.set({ upstreams: ["south"] });
  for (const bad of [{ upstreams: ["NO"] }, "{}", null, { maxSubscribers: -1 }]) {
    await world.embedded.put("config/north", bad);
  }
  await north.told.until(() => north.told.logged.length === 4);
  assert.match(
    north.told.logged[0] ?? "",
    /^error: .* directory key config\/north: upstreams\[0\]: got "NO"/,
  );
  await world.embedded.delete("config/north");
  await world.embedded.put("config/north", { upstreams: ["west"] });
  await north.told.until(() => north.told.configs.at(-1)?.upstreams[0] === "west");
  assert.deepEqual(
    north.told.configs.map(({ upstreams }) => upstreams.join()),
    ["", "south", "west"],
  );
});

test("a configuration given at the start is stored unless the directory has the same", async () => {
  await using world = await SessionWorld.make();
  const first = world.member("north", { config: config({ upstreams: ["south"] }) });
  await first.start();
  await first.told.until(() => first.told.configs.length === 1);
  assert.deepEqual(first.told.configs, [config({ upstreams: ["south"] })]);
  const revision = (await world.embedded.get("config/north"))?.revision;
  await first.membership.leave();
  const again = world.member("north", { config: config({ upstreams: ["south"] }) });
  await again.start();
  assert.equal((await world.embedded.get("config/north"))?.revision, revision);
  await again.membership.leave();
  const other = world.member("north", { config: config({ upstreams: ["west"] }) });
  await other.start();
  await other.told.until(() => other.told.configs.length === 1);
  assert.deepEqual(other.told.configs, [config({ upstreams: ["west"] })]);
});

test("an invalid configuration in the directory is replaced by the one given at the start", async () => {
  await using world = await SessionWorld.make();
  await world.embedded.put("config/north", "spoilt");
  const north = world.member("north", { config: config({ upstreams: ["west"] }) });
  await north.start();
  await north.told.until(() => north.told.configs.length === 1);
  assert.deepEqual(north.told.configs, [config({ upstreams: ["west"] })]);
});

test("`set` says that a configuration is stored but not applied, and why; the same one is tried again", async () => {
  await using world = await SessionWorld.make();
  let failure: string | undefined = "channel clip: the port is in use";
  const applied: RouteConfig[] = [];
  const north = siteConfig(world, async (parsed) => {
    if (failure !== undefined && parsed.upstreams.length > 0) throw new Error(failure);
    applied.push(parsed);
  });
  await north.start(world.embedded);
  await assert.rejects(north.set({ upstreams: ["south"] }), {
    code: "config-not-applied",
    message: /^site north: stored, but not applied: channel clip: the port is in use; /,
  });
  assert.notEqual(await world.embedded.get("config/north"), undefined);
  failure = undefined;
  await north.set({ upstreams: ["south"] });
  assert.deepEqual(
    applied.map(({ upstreams }) => upstreams.join()),
    ["", "south"],
  );
});

test("`set` waits no longer than it may for a site that does not finish applying", async () => {
  await using world = await SessionWorld.make();
  let calls = 0;
  const north = siteConfig(world, () =>
    ++calls === 1 ? Promise.resolve() : new Promise(() => {}),
  );
  await north.start(world.embedded);
  let isRefused = false;
  const refused = assert
    .rejects(north.set({ upstreams: ["south"] }), {
      code: "config-not-applied",
      message: /longer than 5000 ms/,
    })
    .then(() => {
      isRefused = true;
    });
  await world.advanceUntil(() => isRefused);
  await refused;
  assert.equal(calls, 2);
});

test("configurations are applied one after the other, and each `set` waits for its own", async () => {
  await using world = await SessionWorld.make();
  let running = 0;
  const applied: string[] = [];
  const north = siteConfig(world, async ({ upstreams }) => {
    assert.equal(++running, 1);
    await new Promise<void>((resolve) => setImmediate(resolve));
    applied.push(upstreams.join());
    running--;
  });
  await north.start(world.embedded);
  await Promise.all([north.set({ upstreams: ["south"] }), north.set({ upstreams: ["west"] })]);
  assert.deepEqual(applied, ["", "south", "west"]);
});

test("what this site in particular cannot do is refused before it is stored", async () => {
  await using world = await SessionWorld.make();
  const north = siteConfig(
    world,
    async () => {},
    () => {
      throw new Error("no folder");
    },
  );
  await north.start(world.embedded);
  await assert.rejects(north.set({}), /no folder/);
  assert.equal(await world.embedded.get("config/north"), undefined);
});

test("a site that has left its session stores nothing", async () => {
  await using world = await SessionWorld.make();
  const north = siteConfig(world, async () => {});
  await north.start(world.embedded);
  north.stop();
  await assert.rejects(north.set({}), { code: "directory-closed" });
});

function siteConfig(
  world: SessionWorld,
  apply: (config: RouteConfig) => Promise<void>,
  check: () => void = () => {},
): SiteConfig {
  return new SiteConfig({ site: "north", clock: world.clock, log: SILENT, apply, check });
}

function config(parts: object): RouteConfig {
  return routeConfigSchema.parse(parts);
}
