import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { LIMITS, MeanderError, SeededRandom, SILENT, VirtualClock } from "../base/index.ts";
import { EmbeddedDirectory, MemoryStore } from "../directory/embedded/index.ts";
import { type Json, LEADER_CALLER } from "../directory/index.ts";
import { Leader } from "./leader.ts";
import type { ChannelRecord, SessionRecord, SiteRecord } from "./model.ts";
import type { SiteSelf } from "./records.ts";

test("the first leader makes the session, and later ones find it", async () => {
  await using world = await World.make();
  const first = await world.leader(1).start();
  assert.match(first.linkKey, /^[0-9a-f]{64}$/);
  assert.equal(first.name, "demo");
  assert.equal(first.createdAt, world.clock.wall());
  const second = await world.leader(2).start();
  assert.deepEqual(second, first);
  assert.deepEqual((await world.directory.get("leader"))?.value, {
    epoch: 2,
    site: "origin",
    instance: 2,
  });
});

test("link keys of two sessions differ", async () => {
  await using one = await World.make(1);
  await using two = await World.make(2);
  assert.notEqual((await one.leader(1).start()).linkKey, (await two.leader(1).start()).linkKey);
});

test("[A43] a session has so many channels that its directory keeps room for the rest", async () => {
  const options = { clock: new VirtualClock(), random: new SeededRandom(1), log: SILENT };
  await using directory = await EmbeddedDirectory.open({ ...options, store: new MemoryStore() });
  for (let each = 2; each < LIMITS.sessionChannelsMax; each++)
    await directory.put(`channels/c${each}`, 1);
  const leader = new Leader({ ...options, directory, site: "origin", instance: 1 });
  const ask = (subject: string, name: string): Promise<Json> =>
    leader.handle(subject, { name }, LEADER_CALLER);
  await ask("open-channel", "one");
  await ask("open-channel", "two");
  await assert.rejects(ask("open-channel", "three"), { code: "channels-exhausted" });
  await ask("open-channel", "one");
  await ask("close-channel", "two");
  await ask("open-channel", "three");
});

test("joining puts the site into the directory under its lease, and answers the session", async () => {
  await using world = await World.make();
  const leader = world.leader(1);
  const session = await leader.start();
  assert.deepEqual(await world.join(leader, site("north", 7)), session);
  assert.deepEqual((await world.directory.get("sites/north"))?.value, {
    ...site("north", 7),
    leader: false,
  });
  await world.join(leader, site("origin", 1, 7100));
  assert.equal((await world.site("origin"))?.leader, true);
  world.clock.advance(LIMITS.leaseMs);
  assert.deepEqual(await world.directory.list("sites/"), []);
});

test("a name that another site has is refused with what is known of it and what to do", async () => {
  await using world = await World.make();
  const leader = world.leader(1);
  await world.join(leader, site("north", 7, 7001));
  await assert.rejects(world.join(leader, site("north", 8, 7002)), (error) => {
    assert.ok(error instanceof MeanderError);
    assert.equal(error.code, "site-name-taken");
    assert.equal(error.where, "site north");
    assert.match(error.message, /since 2023-11-14T22:13:20.000Z at 127.0.0.1:7001/);
    assert.match(error.message, /choose another --name, stop that site \(process 99\)/);
    return true;
  });
  world.clock.advance(LIMITS.leaseMs);
  await world.join(leader, site("north", 8, 7002));
});

test("a site that comes back with its instance or its port takes its own place", async () => {
  await using world = await World.make();
  const leader = world.leader(1);
  await world.join(leader, site("north", 7, 7001));
  await world.join(leader, site("north", 7, 7009));
  await world.join(leader, site("north", 8, 7009));
  assert.equal((await world.site("north"))?.instance, 8);
  world.clock.advance(LIMITS.leaseMs - 1);
  assert.ok(await world.directory.get("sites/north"));
});

test("a leader that starts again takes its own place on any port", async () => {
  await using world = await World.make();
  await world.join(world.leader(1), site("origin", 1, 7001));
  await world.join(world.leader(2), site("origin", 2, 7002));
  assert.equal((await world.site("origin"))?.instance, 2);
});

test("leaving removes a site, and only the instance that leaves", async () => {
  await using world = await World.make();
  const leader = world.leader(1);
  await world.join(leader, site("north", 7));
  await leader.handle("leave", { name: "north", instance: 8 }, LEADER_CALLER);
  assert.ok(await world.directory.get("sites/north"));
  await leader.handle("leave", { name: "north", instance: 7 }, LEADER_CALLER);
  await leader.handle("leave", { name: "north", instance: 7 }, LEADER_CALLER);
  assert.equal(await world.directory.get("sites/north"), undefined);
});

test("channels get ids from 1 on, and one name gives one record however many ask at once", async () => {
  await using world = await World.make();
  const leader = world.leader(1);
  assert.deepEqual(await leader.handle("open-channel", { name: "clip" }, LEADER_CALLER), {
    name: "clip",
    id: 1,
    ingests: [],
  });
  const names = ["a", "b/c", "a", "clip", "b/c", "d", "a"];
  const records = await Promise.all(names.map((name) => world.open(leader, name)));
  const ids = new Map<string, number>();
  for (const { name, id } of records) {
    assert.equal(id, ids.get(name) ?? id);
    ids.set(name, id);
  }
  assert.equal(new Set(ids.values()).size, 4);
  assert.equal(ids.get("clip"), 1);
});

test("two leaders at once give no id twice", async () => {
  await using world = await World.make();
  const leaders = [world.leader(1), world.leader(2)];
  await Promise.all(leaders.map((leader) => leader.start()));
  const answers = await Promise.allSettled(
    Array.from({ length: 40 }, (_, index) =>
      world.open(leaders[index % 2] as Leader, `c${index % 20}`),
    ),
  );
  const fenced = answers.filter((answer) => answer.status === "rejected");
  assert.equal(fenced.length, 20);
  const channels = (await world.directory.list("channels/")).map(
    (entry) => entry.value as unknown as ChannelRecord,
  );
  assert.equal(new Set(channels.map((channel) => channel.id)).size, channels.length);
});

test("an id is not given again after its channel was closed", async () => {
  await using world = await World.make();
  const leader = world.leader(1);
  await world.open(leader, "clip");
  await leader.handle("close-channel", { name: "clip" }, LEADER_CALLER);
  assert.equal(await world.directory.get("channels/clip"), undefined);
  await assert.rejects(leader.handle("close-channel", { name: "clip" }, LEADER_CALLER), {
    code: "channel-unknown",
  });
  await assert.rejects(
    leader.handle("close-channel", { name: "clip", ingest: "north" }, LEADER_CALLER),
    {
      code: "channel-unknown",
    },
  );
  assert.equal((await world.open(leader, "clip")).id, 2);
});

test("the newest ingest comes first, the oldest go over the limit, and the last one stays", async () => {
  await using world = await World.make();
  const leader = world.leader(1);
  const ingests = async (): Promise<readonly string[]> =>
    (await world.open(leader, "clip")).ingests;
  await world.open(leader, "clip", "north");
  await world.open(leader, "clip", "south");
  assert.deepEqual(await ingests(), ["south", "north"]);
  await world.open(leader, "clip", "north");
  assert.deepEqual(await ingests(), ["north", "south"]);
  await leader.handle("close-channel", { name: "clip", ingest: "north" }, LEADER_CALLER);
  await leader.handle("close-channel", { name: "clip", ingest: "south" }, LEADER_CALLER);
  assert.deepEqual(await ingests(), ["south"]);
  for (let index = 0; index < LIMITS.alternativesMax; index++)
    await world.open(leader, "clip", `s${index}`);
  assert.equal((await ingests()).length, LIMITS.alternativesMax);
  assert.ok(!(await ingests()).includes("south"));
});

test("a leader that another has followed decides nothing more", async () => {
  await using world = await World.make();
  const old = world.leader(1);
  await world.join(old, site("north", 7));
  await world.open(old, "clip");
  await world.leader(2).start();
  const before = await world.directory.list("");
  const fenced = { code: "leader-fenced" };
  await assert.rejects(world.join(old, site("south", 8, 7002)), fenced);
  await assert.rejects(world.open(old, "new"), fenced);
  await assert.rejects(world.open(old, "clip", "north"), fenced);
  await assert.rejects(old.handle("close-channel", { name: "clip" }, LEADER_CALLER), fenced);
  await assert.rejects(old.handle("leave", { name: "north", instance: 7 }, LEADER_CALLER), fenced);
  assert.deepEqual(await world.directory.list(""), before);
});

test("records that others corrupted are refused or rewritten, never believed", async () => {
  await using world = await World.make();
  const leader = world.leader(1);
  await world.directory.put("sites/north", "rubbish");
  await world.directory.put("channels/clip", { id: "one" });
  await world.directory.put("ids/channel", -5);
  await world.join(leader, site("north", 7));
  assert.deepEqual(await world.open(leader, "clip"), { name: "clip", id: 1, ingests: [] });
  await world.directory.put("session", { linkKey: "short" });
  await assert.rejects(world.join(leader, site("south", 8, 7002)), {
    code: "session-record-invalid",
  });
});

test("exhausted ids are reported with a readable error", async () => {
  await using world = await World.make();
  await world.directory.put("ids/channel", 0xffff_ffff);
  await assert.rejects(world.open(world.leader(1), "clip"), { code: "channel-ids-exhausted" });
});

test("a malformed request is refused with its position", async () => {
  await using world = await World.make();
  const leader = world.leader(1);
  await assert.rejects(leader.handle("abdicate", null, LEADER_CALLER), { code: "request-unknown" });
  await assert.rejects(leader.handle("open-channel", { name: "../etc" }, LEADER_CALLER), {
    code: "request-invalid",
    where: "request open-channel: name",
  });
  const portless = { ...site("north", 7), http: { host: "a" } } as unknown as Json;
  await assert.rejects(leader.handle("join", { site: portless, lease: "x" }, LEADER_CALLER), {
    code: "request-invalid",
    where: "request join: site.http.port",
  });
  await assert.rejects(
    leader.handle(
      "join",
      { site: { ...site("north", 7) } as unknown as Json, lease: "gone" },
      LEADER_CALLER,
    ),
    {
      code: "directory-lease-gone",
    },
  );
  const subject = fc.constantFrom("join", "leave", "open-channel", "close-channel");
  await fc.assert(
    fc.asyncProperty(subject, fc.jsonValue(), async (name, payload) => {
      await assert.rejects(leader.handle(name, payload as Json, LEADER_CALLER), {
        code: "request-invalid",
      });
    }),
  );
});

function site(name: string, instance: number, port = 7000): SiteSelf {
  const endpoint = { host: "127.0.0.1", port };
  return {
    name,
    instance,
    http: endpoint,
    udp: endpoint,
    pid: 99,
    version: "0.1.0",
    startedAt: 1_700_000_000_000,
  };
}

class World implements AsyncDisposable {
  readonly clock: VirtualClock;
  readonly directory: EmbeddedDirectory;
  readonly #path: string;
  readonly #random: SeededRandom;

  private constructor(
    path: string,
    directory: EmbeddedDirectory,
    clock: VirtualClock,
    seed: number,
  ) {
    this.#path = path;
    this.directory = directory;
    this.clock = clock;
    this.#random = new SeededRandom(seed);
  }

  static async make(seed = 1): Promise<World> {
    const path = mkdtempSync(join(tmpdir(), "meander-leader-"));
    const clock = new VirtualClock();
    const random = new SeededRandom(seed);
    return new World(
      path,
      await EmbeddedDirectory.open({ path, clock, random, log: SILENT }),
      clock,
      seed,
    );
  }

  leader(instance: number): Leader {
    const { clock, directory } = this;
    return new Leader({
      directory,
      site: "origin",
      instance,
      session: "demo",
      clock,
      random: this.#random,
      log: SILENT,
    });
  }

  async join(leader: Leader, self: SiteSelf): Promise<SessionRecord> {
    const lease = await this.directory.grantLease(LIMITS.leaseMs);
    return (await leader.handle(
      "join",
      {
        site: self as unknown as Json,
        lease: lease.id,
      },
      LEADER_CALLER,
    )) as unknown as SessionRecord;
  }

  async site(name: string): Promise<SiteRecord | undefined> {
    return (await this.directory.get(`sites/${name}`))?.value as unknown as SiteRecord | undefined;
  }

  async open(leader: Leader, name: string, ingest?: string): Promise<ChannelRecord> {
    const payload = { name, ...(ingest === undefined ? {} : { ingest }) };
    return (await leader.handle(
      "open-channel",
      payload,
      LEADER_CALLER,
    )) as unknown as ChannelRecord;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.directory[Symbol.asyncDispose]();
    rmSync(this.#path, { recursive: true, force: true });
  }
}
