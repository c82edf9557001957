import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../base/index.ts";
import type { Json } from "./directory.ts";
import { turnsUntil } from "./directory-under-test.conformance.ts";
import { ServedWorld } from "./served-world.test.support.ts";
import { recordSites, servedAt } from "./site-calls.conformance.ts";

const NORTH = { site: "north", instance: 7 };

test("client: [D21] the end of a connection fails calls and is reported; the site is back with the next one", async () => {
  await using world = await ServedWorld.make();
  const { sites } = world.embedded;
  const told = recordSites(sites);
  await using client = world.client();
  let asked = 0;
  client.serve(NORTH, (payload) => {
    asked++;
    return payload === "wait" ? new Promise(() => {}) : Promise.resolve(payload);
  });
  await servedAt(sites);
  const failed = assert.rejects(sites.call("north", 7, "wait", 60_000), { code: "site-gone" });
  await turnsUntil(() => asked === 1);
  await world.cut(client);
  await failed;
  assert.equal(sites.connected("north", 7), false);
  world.clock.advance(LIMITS.reconnectMsMin);
  await servedAt(sites);
  assert.equal(await sites.call("north", 7, "again", 1_000), "again");
  assert.deepEqual(told, ["+north/7", "-north/7", "+north/7"]);
  assert.deepEqual(world.server.counts.toJSON(), {});
});

test("client: [D21] a newer connection of the site takes over, and the leader is not told that the site went", async () => {
  await using world = await ServedWorld.make();
  const { sites } = world.embedded;
  const told = recordSites(sites);
  const older = world.client();
  const held: (() => void)[] = [];
  older.serve(NORTH, () => new Promise((resolve) => held.push(() => resolve("older"))));
  await servedAt(sites);
  const failed = assert.rejects(sites.call("north", 7, null, 60_000), {
    code: "site-gone",
    message: /a newer connection of the site took over; it may already have taken effect/,
  });
  await turnsUntil(() => held.length === 1);
  await using newer = world.client();
  newer.serve(NORTH, async () => "newer");
  await failed;
  for (const release of held) release();
  await turnsUntil(() => world.server.counts.get("unasked") === 1);
  await older[Symbol.asyncDispose]();
  await turnsUntil(() => world.server.clientCount === 1);
  assert.equal(await sites.call("north", 7, null, 1_000), "newer");
  assert.deepEqual(told, ["+north/7", "+north/7"]);
});

test("client: [D21] an answer goes over the connection that its call came over, or nowhere", async () => {
  await using world = await ServedWorld.make();
  await using client = world.client();
  const answers: ((result: Json) => void)[] = [];
  client.serve(NORTH, () => new Promise((resolve) => answers.push(resolve)));
  await servedAt(world.embedded.sites);
  const failed = assert.rejects(world.embedded.sites.call("north", 7, "old", 1_000), {
    code: "site-gone",
  });
  await turnsUntil(() => answers.length === 1);
  // Another leader numbers its calls from 1: an answer to the old call would be mistaken for an answer to the new one.
  await world.cut(client);
  await failed;
  await world.renew();
  world.clock.advance(LIMITS.reconnectMsMin);
  await servedAt(world.embedded.sites);
  const call = world.embedded.sites.call("north", 7, "new", 1_000);
  await turnsUntil(() => answers.length === 2);
  answers[0]?.("old");
  await world.quiet();
  answers[1]?.("new");
  assert.equal(await call, "new");
  assert.deepEqual(world.server.counts.toJSON(), {});
});

test("client: [D21] a handler that was removed is not announced on the next connection", async () => {
  await using world = await ServedWorld.make();
  await using client = world.client();
  const undo = client.serve(NORTH, async () => null);
  await servedAt(world.embedded.sites);
  await world.cut(client);
  undo();
  world.clock.advance(LIMITS.reconnectMsMin);
  await client.get("a");
  assert.equal(world.embedded.sites.connected("north", 7), false);
});

test("client: [D21] calls of a leader that it did not offer to take, or too many of them, are refused", async () => {
  await using world = await ServedWorld.make();
  const silent = world.silent();
  await using client = world.client();
  await silent.greeted;
  const refused = (id: number): Promise<unknown> =>
    turnsUntil(() => silent.texts.some((text) => text.includes(`"call-refused","id":${id},`)));
  silent.send('{"type":"call","id":0,"payload":null}');
  await refused(0);
  client.serve(NORTH, () => new Promise(() => {}));
  for (let id = 1; id <= LIMITS.directoryCallsMax; id++)
    silent.send(`{"type":"call","id":${id},"payload":null}`);
  silent.send('{"type":"call","id":1000,"payload":null}');
  await refused(1_000);
  assert.deepEqual(
    silent.texts.slice(-1).map((text) => JSON.parse(text).error.code),
    ["directory-busy"],
  );
});
