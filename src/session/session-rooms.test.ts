import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../base/index.ts";
import type { Json } from "../directory/index.ts";
import type { NamedRoom } from "../wire/index.ts";
import { ControlWorld } from "./control-world.test.support.ts";
import { SessionRooms } from "./session-rooms.ts";

/** Answers pings with such a room; @returns the rooms that the site is told */
function answerPings(world: ControlWorld, name: string, answer: () => Json): NamedRoom[][] {
  const told: NamedRoom[][] = [];
  world.site(name).script = (command) => {
    if (command.type !== "ping") return undefined;
    if (command.rooms !== undefined) told.push([...command.rooms]);
    return Promise.resolve(answer());
  };
  return told;
}

test("[W37] the leader tells all sites the room of each that told, every 10 s", async () => {
  await using world = await ControlWorld.make("north", "south", "old");
  let subscribers = 100;
  const north = answerPings(world, "north", () => ({ subscribers, bitsPerSecond: 1e9 }));
  const south = answerPings(world, "south", () => ({ subscribers: 7, bitsPerSecond: 1e6 }));
  // A version that does not tell.
  const old = answerPings(world, "old", () => null);
  await world.advance(2 * LIMITS.roomsToldMs);
  const rooms = [
    { site: "north", subscribers: 100, bitsPerSecond: 1e9 },
    { site: "south", subscribers: 7, bitsPerSecond: 1e6 },
  ];
  for (const told of [north, south, old]) {
    assert.ok(told.length === 1 || told.length === 2, `told ${told.length} times`);
    assert.deepEqual(told.at(-1), rooms);
  }
  subscribers = 3;
  await world.advance(2 * LIMITS.roomsToldMs);
  assert.deepEqual(
    old.at(-1)?.map((room) => room.subscribers),
    [3, 7],
  );
});

test("[W37] a site that no longer answers, or answers nonsense, is not spoken for", async () => {
  await using world = await ControlWorld.make("north", "south", "west");
  answerPings(world, "north", () => ({ subscribers: 100, bitsPerSecond: 1e9 }));
  let nonsense: Json = { subscribers: 5, bitsPerSecond: 1e6 };
  answerPings(world, "west", () => nonsense);
  const told = answerPings(world, "south", () => null);
  await world.advance(LIMITS.roomsToldMs);
  nonsense = { subscribers: -1, bitsPerSecond: "all" };
  world.kill(world.site("north"));
  await world.advance(3 * LIMITS.roomsToldMs);
  const before = told.length;
  await world.advance(3 * LIMITS.roomsToldMs);
  assert.equal(told.length, before);
});

test("[W37] more sites than fit are told in turns", () => {
  const rooms = new SessionRooms();
  const told = new Set<string>();
  const rounds = LIMITS.roomsToldMs / LIMITS.sitePingMs;
  for (let round = 0; round < 4 * rounds; round++) {
    for (let site = 0; site < 2.5 * LIMITS.roomsToldMax; site++)
      rooms.heard(`s${site}`, { subscribers: site, bitsPerSecond: 1 });
    const portion = rooms.next() ?? [];
    assert.ok(portion.length <= LIMITS.roomsToldMax);
    for (const { site } of portion) told.add(site);
  }
  assert.equal(told.size, 2.5 * LIMITS.roomsToldMax);
});
