import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { LIMITS, SeededRandom, SILENT, VirtualClock } from "../base/index.ts";
import { DirectoryServer } from "./directory-server.ts";
import { ALL_RIGHTS, turnsUntil } from "./directory-under-test.conformance.ts";
import { EmbeddedDirectory } from "./embedded/embedded-directory.ts";
import { memorySocketPair } from "./memory-socket.ts";
import type { MessageSocket } from "./message-socket.ts";
import { recordSites, servedAt } from "./site-calls.conformance.ts";

for (const [fault, text] of [
  ["json", "{"],
  ["json", ""],
  ["shape", "null"],
  ["shape", '{"type":"get","id":-1,"key":"a"}'],
  ["shape", '{"type":"get","id":1}'],
  ["shape", '{"type":"drop-everything","id":1}'],
  ["shape", '{"type":"put","id":1,"key":"a"}'],
  ["depth", `{"type":"put","id":1,"key":"a","value":${"[".repeat(100_000)}`],
  ["size", `{"type":"ping","x":"${"x".repeat(LIMITS.directoryMessageBytesMax)}"}`],
  ["size", `{"type":"called","id":1,"result":"${"x".repeat(LIMITS.directoryMessageBytesMax)}"}`],
  ["depth", `{"type":"called","id":1,"result":${"[".repeat(100_000)}`],
  ["shape", '{"type":"serve","site":"","instance":1}'],
  ["shape", '{"type":"serve","site":"north","instance":-1}'],
  ["shape", '{"type":"call-refused","id":1,"error":{"code":"NOT A CODE","what":"x"}}'],
  ["protocol", '{"type":"hello","protocol":2}'],
  ["shape", '{"type":"hello","protocol":1,"site":"../lead"}'],
] as const) {
  test(`server: [D18] ${JSON.stringify(text.slice(0, 60))} ends that client, is counted, and disturbs no other`, async () => {
    await using world = await World.make();
    const good = world.peer();
    const bad = world.peer();
    bad.send(text);
    await bad.closed;
    assert.deepEqual(world.server.counts.toJSON(), { [`invalid-${fault}`]: 1 });
    assert.deepEqual(await good.call({ type: "put", key: "a", value: 1 }), { result: 1 });
    assert.equal(world.server.clientCount, 1);
  });
}

test("server: [D18] whatever a client sends, it is answered, ignored or closed, and the next one is served", async () => {
  await using world = await World.make();
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom("a", "a/b", 0, 1, -1, 1e300, "__proto__"),
  );
  const type = fc.constantFrom(
    ...[
      "get",
      "list",
      "put",
      "compare-and-set",
      "delete",
      "watch",
      "unwatch",
      "grant-lease",
      "renew-lease",
    ],
    ...["revoke-lease", "get-blob", "put-blob", "request", "hello", "ping"],
    ...["serve", "unserve", "called", "call-refused"],
  );
  const names = [
    "key",
    "value",
    "prefix",
    "after",
    "expected",
    "lease",
    "watch",
    "ttlMs",
    "sha256",
    "offset",
  ];
  const rest = fc.dictionary(
    fc.constantFrom(
      ...names,
      ...["upload", "bytes", "data", "subject", "payload", "site", "instance", "result", "error"],
    ),
    value,
  );
  const message = fc.oneof(
    fc.string().map((text) => text),
    fc.tuple(type, rest).map(([kind, parts]) => JSON.stringify({ ...parts, type: kind, id: 1 })),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 8 }), async (messages) => {
      const peer = world.peer();
      for (const text of messages) peer.send(text);
      peer.close();
      const next = world.peer();
      assert.deepEqual(await next.call({ type: "get", key: "certainly/not" }), { result: null });
      next.close();
      await next.closed;
    }),
    { numRuns: 200 },
  );
  assert.equal(world.server.clientCount, 0);
});

test("server: [D18] a client has to greet first", async () => {
  await using world = await World.make();
  const peer = world.peer({ greet: false });
  peer.send('{"type":"get","id":1,"key":"a"}');
  await peer.closed;
  assert.equal(world.server.counts.get("invalid-hello"), 1);
});

test("server: [D18] a client has a bounded number of watches, each with its own number", async () => {
  await using world = await World.make();
  const peer = world.peer();
  for (let watch = 0; watch < LIMITS.directoryWatchesMax; watch++) {
    assert.deepEqual(await peer.call({ type: "watch", watch, prefix: "" }), { result: null });
  }
  const over = await peer.call({ type: "watch", watch: 1_000, prefix: "" });
  assert.equal(over.error?.code, "directory-full");
  await peer.call({ type: "unwatch", watch: 0 });
  const again = await peer.call({ type: "watch", watch: 1, prefix: "" });
  assert.equal(again.error?.code, "directory-full");
  assert.deepEqual(await peer.call({ type: "watch", watch: 1_000, prefix: "" }), { result: null });
});

test("server: [D18] calls over the limit are refused, and the others answered", async () => {
  await using world = await World.make();
  const release: (() => void)[] = [];
  world.embedded.setRequestHandler(
    () => new Promise((resolve) => release.push(() => resolve("done"))),
  );
  const peer = world.peer();
  const calls = Array.from({ length: LIMITS.directoryCallsMax }, () =>
    peer.call({ type: "request", subject: "wait", payload: null }),
  );
  const over = await peer.call({ type: "get", key: "a" });
  assert.equal(over.error?.code, "directory-busy");
  for (const go of release) go();
  for (const answer of await Promise.all(calls)) assert.deepEqual(answer, { result: "done" });
  assert.deepEqual(await peer.call({ type: "get", key: "a" }), { result: null });
});

test("server: [D18] a failing handler becomes a refusal that reveals only where to look", async () => {
  await using world = await World.make();
  world.embedded.setRequestHandler(() => Promise.reject(new TypeError("the secret is 42")));
  const answer = await world.peer().call({ type: "request", subject: "join", payload: null });
  assert.equal(answer.error?.code, "directory-failed");
  assert.doesNotMatch(JSON.stringify(answer), /42/);
});

test("server: [D18] parts of a blob that do not follow one another are refused", async () => {
  await using world = await World.make();
  const peer = world.peer();
  const part = (fields: object) =>
    peer.call({ type: "put-blob", upload: 1, bytes: 6, offset: 0, data: "AAAA", ...fields });
  const invalid = async (fields: object): Promise<void> => {
    assert.equal(
      (await part(fields)).error?.code,
      "directory-blob-invalid",
      JSON.stringify(fields),
    );
  };
  await invalid({ offset: 3 });
  await invalid({ data: "no base64!" });
  await invalid({ data: "" });
  await invalid({ data: "AAAAAAAAAAAA" });
  assert.deepEqual(await part({}), { result: null });
  await invalid({ offset: 3, bytes: 7 });
  const tooLarge = await part({ bytes: LIMITS.directoryBlobBytesMax + 1 });
  assert.equal(tooLarge.error?.code, "directory-value-too-large");
  assert.deepEqual(await part({ upload: 2 }), { result: null });
  assert.deepEqual(await part({ upload: 3 }), { result: null });
  assert.equal((await part({ upload: 4 })).error?.code, "directory-busy");
  assert.equal(typeof (await part({ upload: 2, offset: 3 })).result, "string");
});

test("server: [D18] [D21] a client that serves twice is closed, and its site is gone", async () => {
  await using world = await World.make();
  const { sites } = world.embedded;
  const told = recordSites(sites);
  for (const again of ["north", "south"]) {
    const peer = world.peer();
    peer.send('{"type":"serve","site":"north","instance":7}');
    await servedAt(sites);
    peer.send(`{"type":"serve","site":"${again}","instance":7}`);
    await peer.closed;
    await turnsUntil(() => !sites.connected("north", 7));
  }
  assert.equal(world.server.counts.get("invalid-serve"), 2);
  assert.deepEqual(told, ["+north/7", "-north/7", "+north/7", "-north/7"]);
});

test("server: [D21] answers to calls that were never made, or of another site, are counted and change nothing", async () => {
  await using world = await World.make();
  const { sites } = world.embedded;
  const north = world.peer();
  const thief = world.peer();
  north.send('{"type":"serve","site":"north","instance":7}');
  thief.send('{"type":"serve","site":"south","instance":7}');
  await servedAt(sites);
  const call = sites.call("north", 7, "who?", 1_000);
  const { id } = await north.asked;
  thief.send(`{"type":"called","id":${id},"result":"thief"}`);
  thief.send(`{"type":"call-refused","id":${id},"error":{"code":"stolen","what":"x"}}`);
  thief.send('{"type":"unserve"}');
  thief.send('{"type":"unserve"}');
  thief.send(`{"type":"called","id":${id},"result":"thief"}`);
  assert.deepEqual(await thief.call({ type: "get", key: "a" }), { result: null });
  north.send('{"type":"called","id":77,"result":"nothing"}');
  north.send(`{"type":"called","id":${id},"result":"north"}`);
  north.send(`{"type":"called","id":${id},"result":"twice"}`);
  assert.equal(await call, "north");
  assert.deepEqual(await north.call({ type: "get", key: "a" }), { result: null });
  assert.deepEqual(world.server.counts.toJSON(), { unasked: 5 });
  assert.equal(world.server.clientCount, 2);
});

test("server: [D21] a server that closes fails calls, and does not report that its sites went", async () => {
  await using world = await World.make();
  const { sites } = world.embedded;
  const told = recordSites(sites);
  const peer = world.peer();
  peer.send('{"type":"serve","site":"north","instance":7}');
  await servedAt(sites);
  const failed = assert.rejects(sites.call("north", 7, null, 1_000), { code: "site-gone" });
  world.server.close();
  await failed;
  await peer.closed;
  assert.equal(sites.connected("north", 7), false);
  assert.deepEqual(told, ["+north/7"]);
});

test("server: [D18] clients over the limit are closed", async () => {
  await using world = await World.make();
  const peers = Array.from({ length: LIMITS.directoryClientsMax }, () => world.peer());
  await world.peer().closed;
  assert.equal(world.server.counts.get("refused"), 1);
  peers[0]?.close();
  await peers[0]?.closed;
  assert.deepEqual(await world.peer().call({ type: "get", key: "a" }), { result: null });
});

test("server: [D20] a silent client is closed, one that pings is not", async () => {
  await using world = await World.make();
  const silent = world.peer();
  const alive = world.peer();
  for (let round = 0; round < 4; round++) {
    alive.send('{"type":"ping"}');
    assert.deepEqual(await alive.call({ type: "get", key: "a" }), { result: null });
    world.clock.advance(LIMITS.directoryPingMs);
  }
  await silent.closed;
  assert.deepEqual(await alive.call({ type: "get", key: "a" }), { result: null });
});

test("server: closing it closes its clients and leaves the directory open", async () => {
  await using world = await World.make();
  const peer = world.peer();
  world.server.close();
  await peer.closed;
  await world.peer().closed;
  assert.equal(await world.embedded.get("a"), undefined);
});

interface Answer {
  readonly result?: unknown;
  readonly error?: { readonly code: string };
}

class World implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly embedded: EmbeddedDirectory;
  readonly server: DirectoryServer;
  readonly #path: string;

  private constructor(path: string, embedded: EmbeddedDirectory) {
    this.#path = path;
    this.embedded = embedded;
    this.server = new DirectoryServer(embedded, {
      log: SILENT,
      clock: this.clock,
      rights: ALL_RIGHTS,
    });
  }

  static async make(): Promise<World> {
    const path = mkdtempSync(join(tmpdir(), "meander-server-"));
    const options = { path, clock: new VirtualClock(), random: new SeededRandom(1), log: SILENT };
    return new World(path, await EmbeddedDirectory.open(options));
  }

  peer({ greet = true } = {}): Peer {
    const [near, far] = memorySocketPair();
    this.server.attach(far);
    const peer = new Peer(near);
    if (greet) peer.send('{"type":"hello","protocol":1}');
    return peer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.close();
    await this.embedded[Symbol.asyncDispose]();
    rmSync(this.#path, { recursive: true, force: true });
  }
}

/** A client that sends what the test says. */
class Peer {
  readonly closed: Promise<void>;
  /** The first call of the leader. */
  readonly asked: Promise<{ readonly id: number }>;
  readonly #socket: MessageSocket;
  readonly #answers = new Map<number, (answer: Answer) => void>();
  #next = 1;

  constructor(socket: MessageSocket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.onClose(resolve));
    this.asked = new Promise((resolve) => {
      socket.onMessage((text) => {
        const { type, id, ...answer } = JSON.parse(text) as Answer & { type: string; id: number };
        if (type === "answer" || type === "refused") this.#answers.get(id)?.(answer);
        if (type === "call") resolve({ id });
      });
    });
  }

  send(text: string): void {
    this.#socket.send(text);
  }

  call(message: object): Promise<Answer> {
    const id = this.#next++;
    this.send(JSON.stringify({ ...message, id }));
    return new Promise((resolve) => this.#answers.set(id, resolve));
  }

  close(): void {
    this.#socket.close();
  }
}
