import assert from "node:assert/strict";
import { once } from "node:events";
import { createConnection } from "node:net";
import { after, afterEach, before, test } from "node:test";
import { WebSocket } from "ws";
import { type AgentDefinition, connect, defineAgent, type Shell } from "../src/site/index.ts";
import { Network } from "./support/network.ts";
import { countOf, createCounter, Load } from "./support/stream-load.ts";
import { until } from "./support/wait.ts";

const WINDOWS = process.platform === "win32";
const SITES = ["lead", "north", "south"];

let network: Network;
/** Somebody else's, at the site where all of this happens: it must not notice. */
let other: Shell;
let bystander: Load;
/** Who does what is wrong. */
let shell: Shell;

before(async () => {
  network = await Network.open("lead");
  await network.start("north", "--no-evacuate");
  await network.start("south", "--no-evacuate", "--allow-inline-agents");
  other = await connect(network.site("north").url, { name: "other" });
  shell = await connect(network.site("north").url, { name: "culprit" });
  bystander = new Load(await createCounter(other, "bystander", { at: "north" }));
});
after(async () => {
  await Promise.all([shell, other].map((each) => each?.close()));
  await network?.[Symbol.asyncDispose]();
});

afterEach(async () => {
  for (const name of SITES) {
    const { child, stderr } = network.site(name).running;
    assert.deepEqual([child.exitCode, child.signalCode], [null, null], `${name}: ${stderr()}`);
  }
  const { appended } = bystander;
  await until("the bystander counts on", async () => {
    const { last, count, wrong } = await countOf(other, "bystander");
    assert.deepEqual([count, wrong], [last, 0]);
    return last > appended + 10;
  });
  for (const name of SITES)
    assert.equal((await network.site(name).client.health()).status, "ok", name);
  for (const { name } of await shell.streams()) if (name !== "bystander") await shell.destroy(name);
});

/** A stream at `north` with one agent that gives up on a message at once. */
async function withAgent<Briefcase extends object>(
  name: string,
  definition: AgentDefinition<Briefcase>,
): Promise<void> {
  const stream = await shell.createStream(name);
  await stream.registerAgent({ onError: { retry: 0, backoffMs: 10 }, ...definition });
}

/** Appends, and waits for what becomes of it. */
function appended(name: string, value: unknown): Promise<unknown> {
  return shell.append(name, value, { until: "consumed", timeoutMs: 30_000 });
}

test("code that cannot run is refused with its place, and the stream is as before", async () => {
  const stream = await shell.createStream("refusing");
  const refusals = [
    ["export default { on: {", { code: "code-syntax" }],
    ["const a: = 1;\nexport default { on: {} };", { code: "code-syntax", where: /bad\.ts:1/ }],
    [
      "export default { on: {\n append: (ctx) => ctx.log(outside) } };",
      { code: "code-free-variable", message: /outside/, where: /bad\.ts:2/ },
    ],
    ['import fs from "node:fs";\nexport default { on: {} };', { code: "code-import" }],
    ["export const nothing = 1;", { code: "code-export" }],
    ["export default 3;", { code: "code-invalid" }],
    ["export default { on: { append: 3 } };", { code: "code-invalid" }],
    ['export default { name: "no name!", on: {} };', { code: "agent-invalid" }],
    ["throw new Error('top');\nexport default { on: {} };", { code: "code-failed" }],
    ["for (;;) {}\nexport default { on: {} };", { code: "code-failed", message: /did not end/ }],
    [
      "const all = [];\nfor (;;) all.push(new Array(1e6).fill(1));\nexport default { on: {} };",
      { code: "code-failed", message: /MiB/ },
    ],
    [`export default { on: {} }; // ${"x".repeat(300_000)}`, { code: "code-too-large" }],
  ] as const;
  for (const [source, expected] of refusals)
    await assert.rejects(stream.registerAgent({ source, file: "bad.ts" }), expected, source);
  const outside = 1;
  const captured = defineAgent({ on: { append: (ctx) => ctx.log(outside) } });
  await assert.rejects(stream.registerAgent(captured), {
    code: "code-free-variable",
    message: /outside/,
  });
  assert.deepEqual((await shell.inspect("refusing")).agents, []);
});

test("an endless loop is ended by its deadline, while the site and everybody else go on", async () => {
  await withAgent("looping", {
    limits: { handlerMs: 1_500 },
    on: {
      append: (_ctx, message: string) => {
        while (message === "loop") {
          // For ever.
        }
        return message;
      },
    },
  });
  // Of the same owner, and so in the same worker, which ends with the loop.
  await createCounter(shell, "neighbour", { at: "north" });
  const neighbour = new Load(await shell.open("neighbour"));
  await until("the neighbour counts", async () => (await countOf(shell, "neighbour")).last > 10);
  const before = (await countOf(other, "bystander")).last;
  const looping = assert.rejects(appended("looping", "loop"), { code: "handler-deadline" });
  let isOver = false;
  void looping.finally(() => {
    isOver = true;
  });
  let during = before;
  while (!isOver) {
    assert.equal((await network.site("north").client.health()).status, "ok");
    during = isOver ? during : (await countOf(other, "bystander")).last;
  }
  await looping;
  assert.ok(during > before + 10, `the bystander counted from ${before} to ${during} meanwhile`);
  const [letter] = await shell.deadLetters("looping");
  assert.equal(letter?.id, "culprit>looping#1");
  assert.equal(letter?.value, "loop");
  assert.deepEqual(await appended("looping", "fine"), { id: "culprit>looping#2", reply: "fine" });
  const last = await neighbour.stop();
  await until(
    "the neighbour has all",
    async () => (await countOf(shell, "neighbour")).last === last,
  );
  const { count, wrong } = await countOf(shell, "neighbour");
  assert.deepEqual([count, wrong], [last, 0]);
});

test("a handler that fills its heap ends, and the stream goes on", async () => {
  await withAgent("filling", {
    limits: { memoryMb: 32 },
    on: {
      append: (_ctx, message: string) => {
        const all: unknown[] = [];
        while (message === "fill") all.push(new Array(100_000).fill(all.length));
        return message;
      },
    },
  });
  await assert.rejects(appended("filling", "fill"), /MiB|memory|heap/);
  assert.deepEqual(await appended("filling", "fine"), { id: "culprit>filling#2", reply: "fine" });
  assert.equal((await shell.deadLetters("filling")).length, 1);
});

test("whatever is thrown or rejected fails that message alone, and is told", async () => {
  await withAgent("throwing", {
    briefcase: { seen: 0 },
    on: {
      append: async (ctx, message: string) => {
        ctx.briefcase.seen++;
        switch (message) {
          case "text":
            throw "a text";
          case "null":
            throw null;
          case "object":
            throw { a: 1 };
          case "hostile":
            throw new Proxy({}, { get: () => ctx.open("nowhere"), ownKeys: () => [] });
          case "rejected":
            return await Promise.reject(new RangeError("rejected"));
          case "stray":
            void Promise.reject(new RangeError("stray"));
            return await ctx.open("bystander-of-nobody").location();
          default:
            return ctx.briefcase.seen;
        }
      },
    },
  });
  for (const [message, told] of [
    ["text", /a text/],
    ["null", /null/],
    ["object", /a: 1|"a":1/],
    ["hostile", /throwing|threw/],
    ["rejected", /RangeError: rejected/],
    ["stray", /stray|bystander-of-nobody/],
  ] as const)
    await assert.rejects(appended("throwing", message), told, message);
  const { reply } = (await appended("throwing", "fine")) as { reply: unknown };
  assert.equal(reply, 1, "what failed has left no trace in the briefcase");
  const letters = await shell.deadLetters("throwing");
  assert.deepEqual(
    letters.map(({ value }) => value),
    ["text", "null", "object", "hostile", "rejected", "stray"],
  );
});

test("a site that lets agents into its own thread survives what they throw and drop", async () => {
  const stream = await shell.createStream("inside", { at: "south" });
  await stream.registerAgent({
    isolation: "inline",
    onError: { retry: 0 },
    on: {
      append: async (ctx, message: string) => {
        if (message === "throw") throw new RangeError("thrown");
        if (message === "stray") void Promise.reject(new RangeError("stray"));
        if (message === "text") void Promise.reject("a text");
        return await Promise.resolve(`${message} at ${ctx.location}`);
      },
    },
  });
  await assert.rejects(appended("inside", "throw"), { code: "handler-failed", message: /thrown/ });
  // Their handlers may have ended by then.
  for (const message of ["stray", "text"]) await appended("inside", message).catch(() => {});
  const { reply } = (await appended("inside", "fine")) as { reply: unknown };
  assert.equal(reply, "fine at south");
});

test("a stream that is destroyed under load ends without a trace, and can be made again", async () => {
  for (let round = 0; round < 5; round++) {
    const load = new Load(await createCounter(shell, "fleeting", { at: "north" }));
    await until("it counts", async () => (await countOf(shell, "fleeting")).last > 50);
    await shell.destroy("fleeting");
    await until("nobody knows it", async () =>
      (await shell.streams()).every(({ name }) => name !== "fleeting"),
    );
    await assert.rejects(load.stop(), { code: "stream-unknown" });
  }
});

test("a briefcase that cannot be packed, or is too large, fails the message or the registration", async () => {
  await withAgent("packing", {
    briefcase: { kept: "as before" } as Record<string, unknown>,
    limits: { briefcaseBytes: 10_000 },
    on: {
      append: (ctx, message: string) => {
        if (message === "function") ctx.briefcase["kept"] = () => 1;
        if (message === "large") ctx.briefcase["kept"] = "x".repeat(20_000);
        return ctx.briefcase["kept"];
      },
    },
  });
  await assert.rejects(appended("packing", "function"), { code: "value-uncloneable" });
  await assert.rejects(appended("packing", "large"), { code: "briefcase-too-large" });
  const { reply } = (await appended("packing", "fine")) as { reply: unknown };
  assert.equal(reply, "as before");
  const stream = await shell.open("packing");
  const agent = defineAgent({ name: "second", limits: { briefcaseBytes: 1_000 }, on: {} });
  await assert.rejects(stream.registerAgent(agent, { briefcase: { f: () => 1 } }), {
    code: "value-uncloneable",
  });
  await assert.rejects(stream.registerAgent(agent, { briefcase: { a: "x".repeat(2_000) } }), {
    code: "briefcase-too-large",
  });
  assert.deepEqual((await shell.inspect("packing")).agents, ["agent"]);
});

test("messages that cannot be packed, or to streams that are not there, are refused", async () => {
  await createCounter(shell, "short-lived", { at: "south" });
  const stream = await shell.open("short-lived");
  await assert.rejects(
    stream.append(() => 1),
    { code: "value-uncloneable" },
  );
  await assert.rejects(stream.append("x".repeat(1_100_000)), { code: "message-too-large" });
  await assert.rejects(shell.append("never-made", 1), { code: "stream-unknown" });
  await assert.rejects(shell.open("never-made"), { code: "stream-unknown" });
  await assert.rejects(shell.createStream("no name!"), { code: /^stream-.*invalid$/ });
  await stream.destroy();
  await assert.rejects(stream.append(1), { code: "stream-unknown" });
  await assert.rejects(stream.destroy(), { code: "stream-unknown" });
});

test("who waits for a message of a stream that is destroyed is told so", async () => {
  await withAgent("ending", {
    limits: { handlerMs: 60_000 },
    onError: { retry: 100, backoffMs: 10_000 },
    on: {
      append: () => {
        throw new Error("again");
      },
    },
  });
  const waiting = assert.rejects(appended("ending", 1), { code: /stream-(destroyed|gone)/ });
  await until("it was tried", async () => (await shell.inspect("ending")).counts["failed"] === 1);
  await shell.destroy("ending");
  await waiting;
});

test("policies deny appends and moves in their own words, and others are not touched", async () => {
  await createCounter(shell, "guarded", { at: "north" });
  const deny = (actions: readonly string[], reason: string) => [
    { effect: "deny", actions, by: "culprit", reason },
  ];
  await shell.setPolicy("streams/guarded", deny(["append"], "no numbers today"));
  await shell.setPolicy("sites/south", deny(["move", "create"], "south is for others"));
  try {
    await until("the site knows", async () => "streams/guarded" in (await shell.policies()));
    await assert.rejects(appended("guarded", 1), {
      code: "append-denied",
      message: /no numbers today/,
    });
    assert.deepEqual((await other.append("guarded", 1, { until: "consumed" })).reply, 1);
    const stream = await shell.open("guarded");
    const refusal = { code: "denied", message: /south is for others/ };
    await assert.rejects(stream.move("south"), refusal);
    await assert.rejects(shell.createStream("stranger", { at: "south" }), refusal);
    assert.equal((await other.move("guarded", "south")).to, "south");
    await assert.rejects(shell.setPolicy("nowhere", []), { code: "policy-invalid" });
  } finally {
    await shell.setPolicy("streams/guarded", []);
    await shell.setPolicy("sites/south", []);
  }
  await until("it may again", async () => !("streams/guarded" in (await shell.policies())));
  assert.deepEqual(await appended("guarded", 2), { id: "culprit>guarded#2", reply: 2 });
});

test("moves to nowhere, and to a site that does not answer, leave the stream where it was", {
  skip: WINDOWS ? "no SIGSTOP on Windows" : false,
}, async () => {
  const stream = await createCounter(shell, "staying", { at: "north" });
  const load = new Load(stream);
  await assert.rejects(stream.move("nowhere"), { code: "site-unknown" });
  const { pid } = network.site("south");
  process.kill(pid, "SIGSTOP");
  try {
    await assert.rejects(stream.move("south", { deadlineMs: 1_000 }), {
      code: /^(move-timeout|move-failed|site-gone)$/,
    });
    const then = load.appended;
    await until("it counts on", async () => (await countOf(shell, "staying")).last > then + 10);
  } finally {
    process.kill(pid, "SIGCONT");
  }
  assert.equal(await stream.location(), "north");
  await until("south takes it now", () =>
    stream.move("south").then(
      ({ to }) => to === "south",
      () => false,
    ),
  );
  const last = await load.stop();
  await until("it has all", async () => (await countOf(shell, "staying")).last === last);
  const { count, wrong } = await countOf(shell, "staying");
  assert.deepEqual([count, wrong], [last, 0]);
});

test("strangers at the port of streams and at the door of shells are cut off and counted", async () => {
  const { client, url } = network.site("north");
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
  // One has announced more than it said.
  const { "bad-hello": badHellos, "handshake-timeout": late } = counts.frames;
  assert.deepEqual([badHellos, late], [3, 1], JSON.stringify(counts.frames));
  const refused = ["invalid-json", "invalid-shape", "invalid-hello"].map(
    (reason) => (counts.refusedShells[reason] ?? 0) - (refusedBefore[reason] ?? 0),
  );
  assert.deepEqual(refused, [1, 1, 1], "the one too large does not get through the door");
});

test("of two shells that create one name, one does", async () => {
  const elsewhere = await connect(network.site("south").url);
  const outcomes = await Promise.allSettled([
    shell.createStream("wanted"),
    elsewhere.createStream("wanted"),
  ]);
  const refused = outcomes.filter((each) => each.status === "rejected");
  assert.equal(refused.length, 1);
  assert.equal((refused[0]?.reason as { code?: string } | undefined)?.code, "stream-exists");
  await until("both see it", async () =>
    (await Promise.all([shell, elsewhere].map((each) => each.streams()))).every((streams) =>
      streams.some(({ name }) => name === "wanted"),
    ),
  );
  await elsewhere.close();
});
