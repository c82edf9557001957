import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../base/index.ts";
import { memberCaller } from "./caller.ts";
import { ChangeRecorder } from "./change-recorder.conformance.ts";
import { directoryConformance } from "./directory.conformance.ts";
import { ServedWorld, Statuses } from "./served-world.test.support.ts";

directoryConformance("client", async () => {
  const world = await ServedWorld.make();
  const directory = world.client();
  return {
    directory,
    clock: world.clock,
    sites: world.embedded.sites,
    caller: memberCaller(undefined, undefined),
    answer: (handler) => world.embedded.setRequestHandler(handler),
    [Symbol.asyncDispose]: async () => {
      await directory[Symbol.asyncDispose]();
      await world[Symbol.asyncDispose]();
    },
  };
});

test("client: [D16] a call made without a connection waits for one", async () => {
  await using world = await ServedWorld.make();
  world.reachable = false;
  await using client = world.client();
  const statuses = new Statuses(client);
  await statuses.count(2);
  const put = client.put("a", 1);
  world.reachable = true;
  world.clock.advance(LIMITS.reconnectMsMax);
  assert.equal(await put, 1);
  assert.deepEqual((await world.embedded.get("a"))?.value, 1);
});

test("client: [D16] calls made without a connection fail when none came in time", async () => {
  await using world = await ServedWorld.make();
  world.reachable = false;
  await using client = world.client();
  const statuses = new Statuses(client);
  await statuses.count(2);
  const unreachable = { code: "directory-unreachable" };
  const failures = [client.get("a"), client.request("join", null), client.watch("a", () => {})].map(
    (call) => assert.rejects(call, unreachable),
  );
  world.clock.advance(LIMITS.directoryCallMs - 1);
  assert.equal(await Promise.race([...failures, Promise.resolve("waiting")]), "waiting");
  world.clock.advance(1);
  await Promise.all(failures);
});

test("client: [D16] idempotent calls are sent again after a lost connection, and the others fail", async () => {
  await using world = await ServedWorld.make();
  const silent = world.silent();
  await using client = world.client();
  await silent.greeted;
  const repeated = [
    client.get("a"),
    client.list("a"),
    client.put("b", 2),
    client.grantLease(1_000),
  ];
  const failed = [
    client.compareAndSet("a", 0, 1),
    client.delete("a"),
    client.request("join", null),
  ].map((call) =>
    assert.rejects(call, {
      code: "directory-unreachable",
      message: /may already have taken effect/,
    }),
  );
  await silent.received(7);
  world.reachable = true;
  silent.close();
  await Promise.all(failed);
  world.clock.advance(LIMITS.reconnectMsMin);
  const [entry, list, revision] = await Promise.all(repeated);
  assert.deepEqual([entry, list, revision], [undefined, [], 1]);
});

test("client: [D16] pauses between attempts double up to a bound, each shortened by chance", async () => {
  await using world = await ServedWorld.make();
  world.reachable = false;
  await using client = world.client();
  const statuses = new Statuses(client);
  const pauses: number[] = [];
  for (let attempt = 1; attempt <= 9; attempt++) {
    await statuses.count(1 + attempt);
    const before = world.clock.now();
    const dials = world.dials;
    await world.advanceUntil(() => world.dials > dials);
    pauses.push(world.clock.now() - before);
  }
  for (const [index, pause] of pauses.entries()) {
    const longest = Math.min(LIMITS.reconnectMsMax, LIMITS.reconnectMsMin * 2 ** index);
    assert.ok(pause >= longest / 2 - 1 && pause <= longest + 1, `pause ${index} is ${pause} ms`);
  }
  assert.ok(new Set(pauses.slice(-4)).size > 1);
});

test("client: [D17] after a reconnect a watch reports the differences, then synced", async () => {
  await using world = await ServedWorld.make();
  await using client = world.client();
  for (const key of ["w/same", "w/changed", "w/deleted", "w/replaced"]) await client.put(key, 1);
  const told = new ChangeRecorder();
  await client.watch("w/", told.listener);
  assert.equal(told.short.pop(), "synced");
  await world.cut(client);
  await world.embedded.put("w/changed", 2);
  await world.embedded.delete("w/deleted");
  await world.embedded.delete("w/replaced");
  await world.embedded.put("w/replaced", 3);
  await world.embedded.put("w/new", 4);
  await world.embedded.put("other", 5);
  world.clock.advance(LIMITS.reconnectMsMin);
  await told.count(10);
  assert.deepEqual(told.short.slice(5), [
    "w/changed=2",
    "w/new=4",
    "w/replaced=3",
    "-w/deleted",
    "synced",
  ]);
  await client.put("w/same", 6);
  await told.count(11);
  assert.equal(told.short[10], "w/same=6");
});

test("client: [D17] a different directory is reported from its start, whatever its revisions", async () => {
  await using world = await ServedWorld.make();
  await using client = world.client();
  for (const key of ["w/a", "w/b", "w/a"]) await client.put(key, "old");
  const told = new ChangeRecorder();
  await client.watch("w/", told.listener);
  await world.cut(client);
  await world.renew();
  await world.embedded.put("w/a", "new");
  world.clock.advance(LIMITS.reconnectMsMin);
  await told.count(6);
  assert.deepEqual(told.short.slice(3), ['w/a="new"', "-w/b", "synced"]);
});

test("client: [D17] a watch that was cancelled without a connection does not come back", async () => {
  await using world = await ServedWorld.make();
  await using client = world.client();
  const stopped = new ChangeRecorder();
  const going = new ChangeRecorder();
  const undo = await client.watch("w/", stopped.listener);
  await client.watch("w/", going.listener);
  await world.cut(client);
  undo();
  await world.embedded.put("w/a", 1);
  world.clock.advance(LIMITS.reconnectMsMin);
  await going.count(3);
  assert.deepEqual(stopped.short, ["synced"]);
});

test("client: [D19] leases outlive the connection, and watches at the server do not", async () => {
  await using world = await ServedWorld.make();
  const client = world.client();
  const lease = await client.grantLease(1_000);
  await client.put("s/a", 1, { lease });
  await client.watch("s/", () => {});
  await client[Symbol.asyncDispose]();
  await using other = world.client();
  assert.equal((await other.get("s/a"))?.value, 1);
  assert.equal(world.server.clientCount, 1);
  await other.renewLease(lease);
  world.clock.advance(1_000);
  assert.equal(await other.get("s/a"), undefined);
});

test("client: [D10] connects and disconnects are reported, with the reason", async () => {
  await using world = await ServedWorld.make();
  await using client = world.client();
  const statuses = new Statuses(client);
  await statuses.count(2);
  await world.cut(client);
  world.clock.advance(LIMITS.reconnectMsMin);
  await statuses.count(4);
  assert.deepEqual(statuses.all, [
    { type: "disconnected", reason: "connecting" },
    { type: "connected" },
    { type: "disconnected", reason: "the connection ended" },
    { type: "connected" },
  ]);
});

test("client: [D20] a directory that says nothing is left for another connection", async () => {
  await using world = await ServedWorld.make();
  const silent = world.silent();
  await using client = world.client();
  const statuses = new Statuses(client);
  await silent.greeted;
  world.reachable = true;
  world.clock.advance(LIMITS.directoryPingMs);
  await statuses.count(3);
  assert.deepEqual(statuses.all.at(-1), { type: "disconnected", reason: "no sign of life" });
  world.clock.advance(LIMITS.reconnectMsMin);
  await client.put("a", 1);
});

test("client: [D20] a quiet connection lasts", async () => {
  await using world = await ServedWorld.make();
  await using client = world.client();
  await client.get("a");
  const statuses = new Statuses(client);
  for (let round = 0; round < 20; round++) {
    world.clock.advance(LIMITS.directoryPingMs);
    await client.get("a");
  }
  for (let round = 0; round < 20; round++) {
    world.clock.advance(LIMITS.directoryPingMs);
    await world.quiet();
  }
  assert.deepEqual(statuses.all, [{ type: "connected" }]);
});

test("client: [D20] a directory that does not greet, or dials that never settle, are given up", async () => {
  await using world = await ServedWorld.make();
  world.mute = true;
  await using client = world.client();
  const statuses = new Statuses(client);
  await world.advanceUntil(() => world.dials === 1);
  world.mute = false;
  world.clock.advance(LIMITS.directoryCallMs);
  world.clock.advance(LIMITS.reconnectMsMin);
  await client.put("a", 1);
  assert.deepEqual(statuses.all[1], { type: "disconnected", reason: "no answer" });
});

for (const [what, text] of [
  ["text that is not JSON", "{"],
  ["text that is not a message", '{"type":"bye"}'],
  ["another version", '{"type":"hello","protocol":99,"directory":"x"}'],
  ["an answer before the greeting", '{"type":"answer","id":1,"result":null}'],
  ["nesting without end", "[".repeat(100_000)],
] as const) {
  test(`client: [D18] ${what} ends the connection, and the next one is used`, async () => {
    await using world = await ServedWorld.make();
    world.silent(text);
    await using client = world.client();
    const statuses = new Statuses(client);
    await statuses.count(2);
    world.reachable = true;
    assert.equal(statuses.all[1]?.type, "disconnected");
    world.clock.advance(LIMITS.reconnectMsMin);
    await client.put("a", 1);
  });
}

test("client: [D18] answers of a wrong kind are errors, and answers to nothing are ignored", async () => {
  await using world = await ServedWorld.make();
  const silent = world.silent();
  await using client = world.client();
  await silent.greeted;
  const get = client.get("a");
  await silent.received(1);
  silent.send('{"type":"answer","id":77,"result":null}');
  silent.send('{"type":"change","watch":77,"change":{"type":"deleted","key":"a","revision":1}}');
  silent.send('{"type":"answer","id":1,"result":"what?"}');
  await assert.rejects(get, { code: "directory-answer-invalid" });
});

test("client: calls over the limit are refused at once", async () => {
  await using world = await ServedWorld.make();
  world.reachable = false;
  const client = world.client();
  const calls = Array.from({ length: LIMITS.directoryCallsMax }, () => client.get("a"));
  await assert.rejects(client.get("a"), { code: "directory-busy" });
  const closed = calls.map((call) => assert.rejects(call, { code: "directory-closed" }));
  await client[Symbol.asyncDispose]();
  await Promise.all(closed);
});
