import assert from "node:assert/strict";
import { once } from "node:events";
import { createConnection } from "node:net";
import { test } from "node:test";
import { WebSocket } from "ws";
import { connect } from "../../src/site/index.ts";
import { BystanderNetwork } from "../support/bystander-network.ts";
import { countOf, createCounter, Load } from "../support/stream-load.ts";
import { until } from "../support/wait.ts";

const WINDOWS = process.platform === "win32";

const sites = BystanderNetwork.use();

test("a stream destroyed under load leaves no trace, and can be created again", async () => {
  for (let round = 0; round < 5; round++) {
    const load = new Load(await createCounter(sites.shell, "fleeting", { at: "north" }));
    await until("it counts", async () => (await countOf(sites.shell, "fleeting")).last > 50);
    await sites.shell.destroy("fleeting");
    await until("it is in no list", async () =>
      (await sites.shell.streams()).every(({ name }) => name !== "fleeting"),
    );
    await assert.rejects(load.stop(), { code: "stream-unknown" });
  }
});

test("messages that cannot be packed, or to streams that do not exist, are refused", async () => {
  await createCounter(sites.shell, "short-lived", { at: "south" });
  const stream = await sites.shell.open("short-lived");
  await assert.rejects(
    stream.append(() => 1),
    { code: "value-uncloneable" },
  );
  await assert.rejects(stream.append("x".repeat(1_100_000)), { code: "message-too-large" });
  await assert.rejects(sites.shell.append("never-made", 1), { code: "stream-unknown" });
  await assert.rejects(sites.shell.open("never-made"), { code: "stream-unknown" });
  await assert.rejects(sites.shell.createStream("no name!"), { code: /^stream-.*invalid$/ });
  await stream.destroy();
  await assert.rejects(stream.append(1), { code: "stream-unknown" });
  await assert.rejects(stream.destroy(), { code: "stream-unknown" });
});

test("a shell that waits for a message of a stream that is destroyed gets an error", async () => {
  await sites.withAgent("ending", {
    limits: { handlerMs: 60_000 },
    onError: { retry: 100, backoffMs: 10_000 },
    on: {
      append: () => {
        throw new Error("again");
      },
    },
  });
  const waiting = assert.rejects(sites.appended("ending", 1), { code: /stream-(destroyed|gone)/ });
  await until(
    "it was tried",
    async () => (await sites.shell.inspect("ending")).counts["failed"] === 1,
  );
  await sites.shell.destroy("ending");
  await waiting;
});

test("policies deny appends and moves with their own reason, and others are unaffected", async () => {
  await createCounter(sites.shell, "guarded", { at: "north" });
  const deny = (actions: readonly string[], reason: string) => [
    { effect: "deny", actions, label: "culprit", reason },
  ];
  await sites.shell.setPolicy("streams/guarded", deny(["append"], "no numbers today"));
  await sites.shell.setPolicy("sites/south", deny(["move", "create"], "south is for others"));
  try {
    await until("the site knows", async () => "streams/guarded" in (await sites.shell.policies()));
    await assert.rejects(sites.appended("guarded", 1), {
      code: "append-denied",
      message: /no numbers today/,
    });
    assert.deepEqual((await sites.other.append("guarded", 1, { until: "consumed" })).reply, 1);
    const stream = await sites.shell.open("guarded");
    const refusal = { code: "denied", message: /south is for others/ };
    await assert.rejects(stream.move("south"), refusal);
    await assert.rejects(sites.shell.createStream("stranger", { at: "south" }), refusal);
    assert.equal((await sites.other.move("guarded", "south")).to, "south");
    await assert.rejects(sites.shell.setPolicy("nowhere", []), { code: "policy-invalid" });
  } finally {
    await sites.shell.setPolicy("streams/guarded", []);
    await sites.shell.setPolicy("sites/south", []);
  }
  await until("it may again", async () => !("streams/guarded" in (await sites.shell.policies())));
  assert.deepEqual(await sites.appended("guarded", 2), { id: "culprit>guarded#2", reply: 2 });
});

test("moves to an unknown site, and to one that does not answer, leave the stream where it was", {
  skip: WINDOWS ? "no SIGSTOP on Windows" : false,
}, async () => {
  const stream = await createCounter(sites.shell, "staying", { at: "north" });
  const load = new Load(stream);
  await assert.rejects(stream.move("nowhere"), { code: "site-unknown" });
  const { pid } = sites.network.site("south");
  process.kill(pid, "SIGSTOP");
  try {
    await assert.rejects(stream.move("south", { deadlineMs: 1_000 }), {
      code: /^(move-timeout|move-failed|site-gone)$/,
    });
    const then = load.appended;
    await until(
      "it counts on",
      async () => (await countOf(sites.shell, "staying")).last > then + 10,
    );
  } finally {
    process.kill(pid, "SIGCONT");
  }
  assert.equal(await stream.location(), "north");
  await until("south accepts it now", () =>
    stream.move("south").then(
      ({ to }) => to === "south",
      () => false,
    ),
  );
  const last = await load.stop();
  await until(
    "it has all messages",
    async () => (await countOf(sites.shell, "staying")).last === last,
  );
  const { count, wrong } = await countOf(sites.shell, "staying");
  assert.deepEqual([count, wrong], [last, 0]);
});

test("unknown peers at the port for streams and the endpoint for shells are disconnected and counted", async () => {
  const { client, url } = sites.network.site("north");
  const { site } = await client.site();
  const { host, port } = site.streams ?? { host: "", port: 0 };
  const junk = [
    Buffer.from("GET / HTTP/1.1\r\nhost: x\r\n\r\n"),
    Buffer.from("ffffffff0000", "hex"),
    // The magic of frames, then nonsense; and a frame where a proof should be.
    Buffer.from(`4d53464e0103ffff${"00".repeat(200)}`, "hex"),
    Buffer.concat([Buffer.from("000000ff01", "hex"), Buffer.alloc(250)]),
  ];
  for (const bytes of junk) {
    const socket = createConnection({ host, port });
    socket.on("error", () => {});
    socket.resume();
    await once(socket, "connect");
    socket.write(bytes);
    await once(socket, "close");
  }
  const refusedBefore = (await client.streams()).counts.refusedShells;
  const nonsense = [
    "{",
    "[]",
    '{"type":"call","id":1,"call":"streams","args":{}}',
    "x".repeat(3e6),
  ];
  for (const text of nonsense) {
    const socket = new WebSocket(`${url.replace("http", "ws")}/shell`);
    socket.on("error", () => {});
    await once(socket, "open");
    socket.send(text);
    await once(socket, "close");
  }
  const { counts } = await client.streams();
  // One announced more bytes than it sent.
  const { "bad-hello": badHellos, "handshake-timeout": late } = counts.frames;
  assert.deepEqual([badHellos, late], [3, 1], JSON.stringify(counts.frames));
  const refused = ["invalid-json", "invalid-shape", "invalid-hello"].map(
    (reason) => (counts.refusedShells[reason] ?? 0) - (refusedBefore[reason] ?? 0),
  );
  assert.deepEqual(refused, [1, 1, 1], "the one that is too large is refused before");
});

test("of two shells that create the same name, one succeeds", async () => {
  const elsewhere = await connect(sites.network.site("south").url);
  const outcomes = await Promise.allSettled([
    sites.shell.createStream("wanted"),
    elsewhere.createStream("wanted"),
  ]);
  const refused = outcomes.filter((each) => each.status === "rejected");
  assert.equal(refused.length, 1);
  assert.equal((refused[0]?.reason as { code?: string } | undefined)?.code, "stream-exists");
  await until("both see it", async () =>
    (await Promise.all([sites.shell, elsewhere].map((each) => each.streams()))).every((streams) =>
      streams.some(({ name }) => name === "wanted"),
    ),
  );
  await elsewhere.close();
});
