import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { LIMITS, SeededRandom, SILENT, VirtualClock } from "../base/index.ts";
import { directoryConformance, Recorder } from "./directory.conformance.ts";
import type { DirectoryStatus, Json } from "./directory.ts";
import { DirectoryClient } from "./directory-client.ts";
import { DirectoryServer } from "./directory-server.ts";
import { turnsUntil } from "./directory-under-test.conformance.ts";
import { EmbeddedDirectory } from "./embedded/embedded-directory.ts";
import { memorySocketPair } from "./memory-socket.ts";
import type { MessageSocket } from "./message-socket.ts";
import { recordSites, servedAt } from "./site-calls.conformance.ts";

directoryConformance("client", async () => {
  const world = await World.make();
  const directory = world.client();
  return {
    directory,
    clock: world.clock,
    sites: world.embedded.sites,
    answer: (handler) => world.embedded.setRequestHandler(handler),
    [Symbol.asyncDispose]: async () => {
      await directory[Symbol.asyncDispose]();
      await world[Symbol.asyncDispose]();
    },
  };
});

test("client: [D16] a call made without a connection waits for one", async () => {
  await using world = await World.make();
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
  await using world = await World.make();
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

test("client: [D16] what may be done twice is sent again after a lost connection, and the rest fails", async () => {
  await using world = await World.make();
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
    assert.rejects(call, { code: "directory-unreachable", message: /may have been done/ }),
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
  await using world = await World.make();
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

test("client: [D17] after a reconnect a watch tells the differences, then synced", async () => {
  await using world = await World.make();
  await using client = world.client();
  for (const key of ["w/same", "w/changed", "w/deleted", "w/replaced"]) await client.put(key, 1);
  const told = new Recorder();
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

test("client: [D17] a directory that was made anew is told from its start, whatever its revisions", async () => {
  await using world = await World.make();
  await using client = world.client();
  for (const key of ["w/a", "w/b", "w/a"]) await client.put(key, "old");
  const told = new Recorder();
  await client.watch("w/", told.listener);
  await world.cut(client);
  await world.renew();
  await world.embedded.put("w/a", "new");
  world.clock.advance(LIMITS.reconnectMsMin);
  await told.count(6);
  assert.deepEqual(told.short.slice(3), ['w/a="new"', "-w/b", "synced"]);
});

test("client: [D17] a watch undone without a connection does not come back", async () => {
  await using world = await World.make();
  await using client = world.client();
  const stopped = new Recorder();
  const going = new Recorder();
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
  await using world = await World.make();
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

test("client: [D10] connects and disconnects are told, with the reason", async () => {
  await using world = await World.make();
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
  await using world = await World.make();
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
  await using world = await World.make();
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
  await using world = await World.make();
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
  ["text that is no JSON", "{"],
  ["text that is no message", '{"type":"bye"}'],
  ["another version", '{"type":"hello","protocol":99,"directory":"x"}'],
  ["an answer before the greeting", '{"type":"answer","id":1,"result":null}'],
  ["nesting without end", "[".repeat(100_000)],
] as const) {
  test(`client: [D18] ${what} ends the connection, and the next one is used`, async () => {
    await using world = await World.make();
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
  await using world = await World.make();
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

test("client: [D21] the end of a connection fails calls and is told; the site is back with the next one", async () => {
  await using world = await World.make();
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

test("client: [D21] a newer connection of the site takes over, and nobody is told that it went", async () => {
  await using world = await World.make();
  const { sites } = world.embedded;
  const told = recordSites(sites);
  const older = world.client();
  const held: (() => void)[] = [];
  older.serve(NORTH, () => new Promise((resolve) => held.push(() => resolve("older"))));
  await servedAt(sites);
  const failed = assert.rejects(sites.call("north", 7, null, 60_000), {
    code: "site-gone",
    message: /a newer connection of the site took over; it may have been done/,
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
  await using world = await World.make();
  await using client = world.client();
  const answers: ((result: Json) => void)[] = [];
  client.serve(NORTH, () => new Promise((resolve) => answers.push(resolve)));
  await servedAt(world.embedded.sites);
  const failed = assert.rejects(world.embedded.sites.call("north", 7, "old", 1_000), {
    code: "site-gone",
  });
  await turnsUntil(() => answers.length === 1);
  // Another leader's numbers start anew: an answer to the old call would be taken for one to the new.
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

test("client: [D21] what is no longer served is not announced on the next connection", async () => {
  await using world = await World.make();
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
  await using world = await World.make();
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

test("client: calls over the limit are refused at once", async () => {
  await using world = await World.make();
  world.reachable = false;
  const client = world.client();
  const calls = Array.from({ length: LIMITS.directoryCallsMax }, () => client.get("a"));
  await assert.rejects(client.get("a"), { code: "directory-busy" });
  const closed = calls.map((call) => assert.rejects(call, { code: "directory-closed" }));
  await client[Symbol.asyncDispose]();
  await Promise.all(closed);
});

const NORTH = { site: "north", instance: 7 };

/** A served directory, and connections to it that can be cut. */
class World implements AsyncDisposable {
  readonly clock: VirtualClock;
  embedded: EmbeddedDirectory;
  server: DirectoryServer;
  /** Whether attempts to connect succeed. */
  reachable = true;
  /** Attempts to connect neither succeed nor fail. */
  mute = false;
  dials = 0;
  #path: string;
  #scripted: MessageSocket | undefined;
  readonly #sockets: MessageSocket[] = [];

  private constructor(path: string, embedded: EmbeddedDirectory, clock: VirtualClock) {
    this.#path = path;
    this.clock = clock;
    this.embedded = embedded;
    this.server = new DirectoryServer(embedded, { log: SILENT, clock });
  }

  static async make(): Promise<World> {
    const path = mkdtempSync(join(tmpdir(), "meander-client-"));
    const clock = new VirtualClock();
    return new World(path, await open(path, clock, 1), clock);
  }

  client(): DirectoryClient {
    return new DirectoryClient({
      clock: this.clock,
      random: new SeededRandom(5),
      log: SILENT,
      dial: () => this.#dial(),
    });
  }

  /** Ends the connections there are; settles when the client has noticed. */
  async cut(client: DirectoryClient): Promise<void> {
    const statuses = new Statuses(client);
    for (const socket of this.#sockets.splice(0)) socket.close();
    await statuses.count(2);
  }

  /** Puts an empty directory in the place of this one. */
  async renew(): Promise<void> {
    await this.#close();
    this.#path = mkdtempSync(join(tmpdir(), "meander-client-"));
    this.embedded = await open(this.#path, this.clock, 2);
    this.server = new DirectoryServer(this.embedded, { log: SILENT, clock: this.clock });
  }

  /** The next connection leads to a directory that greets (or sends `greeting`) and then says what the test says. */
  silent(greeting = '{"type":"hello","protocol":1,"directory":"silent"}'): SilentDirectory {
    const [near, far] = memorySocketPair();
    this.reachable = false;
    this.#scripted = near;
    return new SilentDirectory(far, greeting);
  }

  /** Lets time pass in small steps until something is so. */
  async advanceUntil(check: () => boolean): Promise<void> {
    while (!check()) {
      this.clock.advance(1);
      await this.quiet();
    }
  }

  /** Settles when the messages on their way have arrived: sockets here need no time but turns. */
  async quiet(): Promise<void> {
    for (let turn = 0; turn < 3; turn++)
      await new Promise<void>((resolve) => setImmediate(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }

  async #close(): Promise<void> {
    this.server.close();
    await this.embedded[Symbol.asyncDispose]();
    rmSync(this.#path, { recursive: true, force: true });
  }

  async #dial(): Promise<MessageSocket> {
    this.dials++;
    const scripted = this.#scripted;
    this.#scripted = undefined;
    if (scripted !== undefined) return scripted;
    if (this.mute) return await new Promise<MessageSocket>(() => {});
    if (!this.reachable) throw new Error("nobody listens");
    const [near, far] = memorySocketPair();
    this.server.attach(far);
    this.#sockets.push(far);
    return near;
  }
}

/** The far end of a connection, played by the test: it greets, and answers nothing by itself. */
class SilentDirectory {
  /** Settles when the client took the greeting. */
  readonly greeted: Promise<void>;
  /** What came, but for greetings and pings. */
  readonly texts: string[] = [];
  readonly #socket: MessageSocket;
  #waiting: (() => void)[] = [];

  constructor(socket: MessageSocket, greeting: string) {
    this.#socket = socket;
    this.greeted = new Promise((resolve) => {
      socket.onMessage((text) => {
        const { type } = JSON.parse(text) as { type: string };
        if (type === "hello") socket.send(greeting);
        else if (type === "ping") resolve();
        else this.texts.push(text);
        for (const check of this.#waiting.splice(0)) check();
      });
    });
  }

  /** Settles when `count` calls have come. */
  async received(count: number): Promise<void> {
    while (this.texts.length < count)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  send(text: string): void {
    this.#socket.send(text);
  }

  close(): void {
    this.#socket.close();
  }
}

/** Keeps the statuses that a directory told. */
class Statuses {
  readonly all: DirectoryStatus[] = [];
  #waiting: (() => void)[] = [];

  constructor(client: DirectoryClient) {
    client.onStatus((status) => {
      this.all.push(status);
      for (const check of this.#waiting.splice(0)) check();
    });
  }

  async count(count: number): Promise<void> {
    while (this.all.length < count)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

function open(path: string, clock: VirtualClock, seed: number): Promise<EmbeddedDirectory> {
  return EmbeddedDirectory.open({ path, clock, random: new SeededRandom(seed), log: SILENT });
}
