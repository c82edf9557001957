import assert from "node:assert/strict";
import { test } from "node:test";
import { type RouteConfig, routeConfigSchema } from "./model.ts";
import { SessionWorld } from "./session-world.test.ts";

test("a configuration that is set comes back as an event with its defaults; one that is none is refused", async () => {
  await using world = await SessionWorld.make();
  const north = world.member("north");
  await north.start();
  await world.member("north2").start();
  await world.embedded.put("config/north2", { upstreams: ["other"] });
  await north.membership.setConfig({ upstreams: ["south"] });
  await north.told.until(() => north.told.configs.length === 2);
  assert.deepEqual(north.told.configs[1], config({ upstreams: ["south"] }));
  await assert.rejects(north.membership.setConfig({ upstream: [] }), {
    code: "config-invalid",
    where: "configuration: upstream",
  });
});

test("a bad configuration in the directory is told, and the last good one holds", async () => {
  await using world = await SessionWorld.make();
  const north = world.member("north");
  await north.start();
  await north.membership.setConfig({ upstreams: ["south"] });
  for (const bad of [{ upstreams: ["NO"] }, "{}", null, { maxSubscribers: -1 }]) {
    await world.embedded.put("config/north", bad);
  }
  await north.told.until(() => north.told.problems.length === 4);
  assert.ok(north.told.problems.every((error) => error.code === "config-invalid"));
  assert.match(
    north.told.problems[0]?.message ?? "",
    /^directory key config\/north: upstreams\[0\]: got "NO"/,
  );
  await world.embedded.delete("config/north");
  await world.embedded.put("config/north", { upstreams: ["west"] });
  await north.told.until(() => north.told.configs.at(-1)?.upstreams[0] === "west");
  assert.deepEqual(
    north.told.configs.map(({ upstreams }) => upstreams.join()),
    ["", "south", "west"],
  );
});

test("a configuration given at the start is kept unless the directory has it already", async () => {
  await using world = await SessionWorld.make();
  const first = world.member("north", { config: config({ upstreams: ["south"] }) });
  await first.start();
  assert.deepEqual(first.told.configs, [config({ upstreams: ["south"] })]);
  const revision = (await world.embedded.get("config/north"))?.revision;
  await first.membership.leave();
  const again = world.member("north", { config: config({ upstreams: ["south"] }) });
  await again.start();
  assert.equal((await world.embedded.get("config/north"))?.revision, revision);
  await again.membership.leave();
  const other = world.member("north", { config: config({ upstreams: ["west"] }) });
  await other.start();
  assert.deepEqual(other.told.configs, [config({ upstreams: ["west"] })]);
});

test("the directory's configuration wins where that is preferred, unless it is none", async () => {
  await using world = await SessionWorld.make();
  await world.embedded.put("config/north", { upstreams: ["south"] });
  const given = { config: config({ upstreams: ["west"] }), preferDirectory: true };
  const north = world.member("north", given);
  await north.start();
  assert.deepEqual(north.told.configs, [config({ upstreams: ["south"] })]);
  await north.membership.leave();
  await world.embedded.put("config/north", "spoilt");
  const again = world.member("north", given);
  await again.start();
  assert.deepEqual(again.told.configs, [config({ upstreams: ["west"] })]);
});

function config(parts: object): RouteConfig {
  return routeConfigSchema.parse(parts);
}
