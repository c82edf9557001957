import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../base/index.ts";
import { defaultRouteConfig, type SiteRecord } from "./model.ts";
import { SessionWorld } from "./session-world.test.support.ts";

test("a site joins, and each site learns of the others and of channels", async () => {
  await using world = await SessionWorld.make();
  const north = world.member("north");
  const session = await north.start();
  assert.deepEqual(north.told.joined, [session]);
  const south = world.member("south");
  await south.start();
  await north.told.until(() => north.names === "north,south");
  assert.equal(south.names, "north,south");
  const clip = await north.membership.openChannel("clip", { ingest: true });
  assert.deepEqual(clip, { name: "clip", id: 1, ingests: ["north"] });
  await south.told.until(() => south.told.channels.length === 1);
  assert.deepEqual(south.membership.channels, [clip]);
  assert.deepEqual(await south.membership.lookUp("clip"), clip);
  assert.equal(await south.membership.lookUp("other"), undefined);
  assert.deepEqual((await south.membership.openChannel("clip")).ingests, ["north"]);
});

test("existing records are reported before the start of a joining site settles", async () => {
  await using world = await SessionWorld.make();
  const north = world.member("north");
  await north.start();
  await north.membership.openChannel("clip");
  const south = world.member("south");
  await south.start();
  assert.equal(south.names, "north,south");
  assert.equal(south.told.channels[0]?.name, "clip");
  assert.deepEqual(south.told.configs, [defaultRouteConfig()]);
});

test("a site stays for as long as it renews its lease, and is gone one lease after it crashed", async () => {
  await using world = await SessionWorld.make();
  const north = world.member("north");
  const south = world.member("south");
  await north.start();
  await south.start();
  await world.advance(4 * LIMITS.leaseMs);
  assert.equal(north.names, "north,south");
  south.membership.stop();
  await world.advance(LIMITS.leaseMs);
  await north.told.until(() => north.names === "north");
  assert.equal(north.told.problems.length, 0);
});

test("a site that leaves is gone at once", async () => {
  await using world = await SessionWorld.make();
  const north = world.member("north");
  const south = world.member("south");
  await north.start();
  await south.start();
  await south.membership.leave();
  await south.membership.leave();
  await north.told.until(() => north.names === "north");
  assert.deepEqual(
    (await world.embedded.list("sites/")).map((entry) => entry.key),
    ["sites/north"],
  );
  await world.advance(LIMITS.leaseMs);
  assert.equal(north.names, "north");
});

test("a site without a way to the directory leaves without waiting for one", async () => {
  await using world = await SessionWorld.make();
  const north = world.member("north");
  await north.start();
  await world.disconnect();
  await north.told.until(() => north.told.status === "disconnected");
  await north.membership.leave();
});

test("a name that is taken fails the start, and leaves nothing behind", async () => {
  await using world = await SessionWorld.make();
  await world.member("north", { port: 7001 }).start();
  const second = world.member("north", { port: 7002 });
  await assert.rejects(second.start(), { code: "site-name-taken" });
  const [kept] = await world.embedded.list("sites/");
  assert.equal((kept?.value as unknown as SiteRecord | undefined)?.http.port, 7001);
  const before = world.clock.pending.filter((name) => name === "membership").length;
  assert.equal(before, 1);
});

test("a start without a directory fails in time, with a readable error", async () => {
  await using world = await SessionWorld.make();
  await world.disconnect();
  const failed = assert.rejects(world.member("north").start(), { code: "directory-unreachable" });
  await world.advance(LIMITS.directoryCallMs);
  await failed;
});

test("while the directory is gone a site keeps what it knew, and says so", async () => {
  await using world = await SessionWorld.make();
  const north = world.member("north");
  const south = world.member("south");
  await north.start();
  await south.start();
  await north.config.set({ upstreams: ["south"] });
  const clip = await north.membership.openChannel("clip");
  await north.told.until(() => north.told.configs.length === 2 && north.told.channels.length === 1);
  await world.disconnect();
  await north.told.until(() => north.told.status === "disconnected");
  await world.advance(10 * LIMITS.leaseMs);
  assert.equal(north.names, "north,south");
  assert.deepEqual(north.membership.channels, [clip]);
  assert.deepEqual(north.told.configs.at(-1)?.upstreams, ["south"]);
  assert.deepEqual(await north.membership.openChannel("clip"), clip);
  const unknown = assert.rejects(north.membership.openChannel("new"), {
    code: "directory-unreachable",
  });
  await world.advance(LIMITS.directoryCallMs);
  await unknown;
});

test("a site that lost its lease while it was cut off joins again by itself", async () => {
  await using world = await SessionWorld.make();
  const north = world.member("north");
  await north.start();
  await world.disconnect();
  await world.advance(2 * LIMITS.leaseMs);
  assert.deepEqual(await world.embedded.list("sites/"), []);
  world.reachable = true;
  await world.advanceUntil(async () => (await world.embedded.list("sites/")).length === 1);
  assert.equal(north.told.joined.length, 1);
  assert.deepEqual(north.told.problems, []);
  await world.advance(40_000);
  assert.equal((await world.embedded.list("sites/")).length, 1);
});

test("a leader that starts again finds its sites, and they it", async () => {
  await using world = await SessionWorld.make();
  const north = world.member("north");
  await north.start();
  const clip = await north.membership.openChannel("clip");
  await world.restart();
  await world.advance(LIMITS.reconnectMsMax);
  await world.advanceUntil(() => north.told.status === "connected");
  await world.advance(40_000);
  assert.equal(north.names, "north");
  assert.deepEqual(await north.membership.openChannel("clip"), clip);
  assert.equal((await north.membership.openChannel("next")).id, clip.id + 1);
  assert.equal(north.told.joined.length, 1);
});

test("a leader that lost its directory is joined again, with its new session", async () => {
  await using world = await SessionWorld.make();
  const north = world.member("north");
  await north.start();
  await north.config.set({ upstreams: ["south"] });
  await north.told.until(() => north.told.configs.length === 2);
  await world.restart({ empty: true });
  await world.advanceUntil(() => north.told.joined.length === 2);
  assert.notEqual(north.told.joined[0]?.linkKey, north.told.joined[1]?.linkKey);
  // Its watches may come later than its join, with a connection of their own.
  await world.advanceUntil(() => north.names === "north");
  assert.deepEqual(north.told.configs.at(-1)?.upstreams, ["south"]);
});

test("a site whose record was removed puts it back", async () => {
  await using world = await SessionWorld.make();
  const north = world.member("north");
  await north.start();
  await world.embedded.delete("sites/north");
  await world.advanceUntil(async () => (await world.embedded.get("sites/north")) !== undefined);
});

test("a site whose name another has taken in the meantime reports it once, and is back when that has gone", async () => {
  await using world = await SessionWorld.make();
  const north = world.member("north", { port: 7001 });
  await north.start();
  await world.disconnect();
  await world.advance(2 * LIMITS.leaseMs);
  world.reachable = true;
  const thief = world.member("north", { port: 7002, embedded: true });
  await thief.start();
  await world.advanceUntil(() => north.told.problems.length > 0);
  await world.advance(20_000);
  assert.deepEqual(
    north.told.problems.map((error) => error.code),
    ["site-name-taken"],
  );
  await thief.membership.leave();
  await world.advanceUntil(async () => {
    const entry = await world.embedded.get("sites/north");
    return (entry?.value as unknown as SiteRecord | undefined)?.http.port === 7001;
  });
});

test("a channel ingested while the leader is gone is announced when it is back", async () => {
  await using world = await SessionWorld.make();
  const north = world.member("north");
  await north.start();
  await north.membership.openChannel("clip");
  await north.told.until(() => north.told.channels.length === 1);
  await world.disconnect();
  await north.told.until(() => north.told.status === "disconnected");
  await north.membership.openChannel("clip", { ingest: true });
  world.reachable = true;
  await world.advanceUntil(() => north.told.channels[0]?.ingests[0] === "north");
});

test("channels are closed for the session by its leader, or by one of their ingests", async () => {
  await using world = await SessionWorld.make();
  const origin = world.member("origin", { port: 7_002, embedded: true });
  await origin.start();
  const north = world.member("north");
  const south = world.member("south");
  await north.start();
  await south.start();
  await north.membership.openChannel("clip", { ingest: true });
  await south.membership.openChannel("clip", { ingest: true });
  await south.membership.closeChannel("clip", { ingest: true });
  await north.told.until(() => north.told.channels[0]?.ingests.join() === "north");
  await assert.rejects(north.membership.closeChannel("clip"), { code: "request-denied" });
  await origin.membership.closeChannel("clip");
  await south.told.until(() => south.told.channels.length === 0);
  await assert.rejects(origin.membership.closeChannel("clip"), { code: "channel-unknown" });
  for (const name of ["../x", "", "a b"]) {
    await assert.rejects(north.membership.openChannel(name), { code: "channel-invalid" });
    await assert.rejects(north.membership.closeChannel(name), { code: "channel-invalid" });
  }
});

/** By any clock that is as wrong as one may be. */
const heldMs = (leaseMs: number): number => leaseMs * (1 - (2 * LIMITS.clockDriftPpmMax) / 1e6);

test("a site learns until when its lease holds, counted from before it asked", async () => {
  await using world = await SessionWorld.make();
  const north = world.member("north", { leaseMs: 3_000, renewMs: 500 });
  const starting = north.start();
  assert.deepEqual(north.told.leases, []);
  await starting;
  const held = heldMs(3_000);
  assert.deepEqual(north.told.leases, [held]);
  await world.advance(1_000);
  assert.deepEqual(north.told.leases, [held, 500 + held, 1_000 + held]);
});

test("a renewal that takes long is counted from when it was sent", async () => {
  await using world = await SessionWorld.make();
  const north = world.member("north", { leaseMs: 6_000 });
  await north.start();
  await world.disconnect();
  // Sent without a connection at 2 000, and done after the reconnect.
  await world.advance(3_000);
  world.reachable = true;
  await world.advanceUntil(() => north.told.leases.length > 1);
  assert.ok(world.clock.now() > 3_000);
  assert.deepEqual(north.told.leases, [heldMs(6_000), 2_000 + heldMs(6_000)]);
});

test("a lease is over for a site whose clock is too slow before it is over for a directory whose clock is too fast", () => {
  const drift = LIMITS.clockDriftPpmMax / 1e6;
  for (const leaseMs of [1_000, LIMITS.leaseMs]) {
    const bySlow = heldMs(leaseMs) / (1 - drift);
    const byFast = leaseMs / (1 + drift);
    assert.ok(bySlow < byFast && byFast - bySlow < leaseMs / 100);
  }
});

test("a site renews every third of its lease by default", async () => {
  await using world = await SessionWorld.make();
  const north = world.member("north", { leaseMs: 1_500 });
  await north.start();
  await world.advance(1_500);
  assert.deepEqual(
    north.told.leases,
    [0, 500, 1_000, 1_500].map((at) => at + heldMs(1_500)),
  );
});

test("a site that finds its lease lost reports so at once, and again when it has one", async () => {
  await using world = await SessionWorld.make();
  const north = world.member("north", { leaseMs: 3_000, renewMs: 1_000 });
  await north.start();
  await world.advance(200);
  await world.embedded.delete("sites/north");
  await north.told.until(() => north.told.leases.length === 3);
  assert.deepEqual(north.told.leases, [heldMs(3_000), 200, 200 + heldMs(3_000)]);
});

test("[A44] a site that was put out is no member, and the others hear of the new link key once", async () => {
  await using world = await SessionWorld.make();
  const north = world.member("north");
  const south = world.member("south", { instance: 9 });
  await north.start();
  await south.start();
  const before = north.told.joined[0]?.linkKey;
  await south.membership.leave();
  const back = world.member("south", { instance: 10 });
  await back.start();
  back.membership.stop();
  await world.leader.expel(["south", "nobody"]);
  await north.told.until(() => north.told.rekeyed.length === 1);
  const [session] = north.told.rekeyed;
  assert.deepEqual(session?.expelled, [{ site: "south", instance: 10 }]);
  assert.notEqual(session?.linkKey, before);
  await north.told.until(() => north.names === "north");
  // Whether it joins again or hears it once more after a reconnect, it is the same key.
  await world.disconnect();
  await world.advance(2 * LIMITS.leaseMs);
  world.reachable = true;
  await world.advanceUntil(async () => (await world.embedded.list("sites/")).length === 1);
  assert.equal(north.told.rekeyed.length, 1);
  assert.equal(north.told.joined.length, 1);
  const joined = await world.member("east", { port: 7_003 }).start();
  assert.equal(joined.linkKey, session?.linkKey);
});

test("a site's port for stream frames is known to the others, and an invalid one is refused", async () => {
  await using world = await SessionWorld.make();
  const north = world.member("north", { streamsPort: 7_100 });
  const south = world.member("south");
  await north.start();
  await south.start();
  await north.told.until(() => north.told.sites.length === 2);
  assert.deepEqual(
    north.told.sites.map(({ streams }) => streams),
    [{ host: "127.0.0.1", port: 7_100 }, undefined],
  );
  await assert.rejects(world.member("west", { streamsPort: 70_000 }).start(), {
    code: "request-invalid",
  });
});

test("records that are not valid are left out of the lists", async () => {
  await using world = await SessionWorld.make();
  await world.embedded.put("sites/rubbish", { name: "rubbish" });
  await world.embedded.put("channels/rubbish", [1]);
  const north = world.member("north");
  await north.start();
  assert.equal(north.names, "north");
  assert.deepEqual(north.told.channels, []);
});

test("a leading site is a member through its own directory", async () => {
  await using world = await SessionWorld.make();
  const origin = world.member("origin", { embedded: true, instance: 1 });
  await origin.start();
  await world.advance(40_000);
  assert.deepEqual(
    origin.told.sites.map(({ name, leader }) => ({ name, leader })),
    [{ name: "origin", leader: true }],
  );
});
