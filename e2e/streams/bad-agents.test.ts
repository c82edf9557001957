import assert from "node:assert/strict";
import { test } from "node:test";
import { defineAgent } from "../../src/site/index.ts";
import { BystanderNetwork } from "../support/bystander-network.ts";
import { MEANDER } from "../support/processes.ts";
import { countOf, createCounter, Load } from "../support/stream-load.ts";
import { until } from "../support/wait.ts";

const sites = BystanderNetwork.use();

test("code that cannot run is refused with its place, and the stream is unchanged", async () => {
  const stream = await sites.shell.createStream("refusing");
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
      // On a machine that is busy its time is over before its memory is full.
      { code: "code-failed", message: /MiB|did not end/ },
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
  assert.deepEqual((await sites.shell.inspect("refusing")).agents, []);
});

/** Types, which are stripped by WebAssembly whose memory has to grow for a text as long as this one. */
const LONG = `${"// A line that says nothing of what the agent does.\n".repeat(800)}
type Message = { readonly name: string };
const kinds = [Object, Array, Map, Uint8Array, Error, Promise];
const isFrozen = (): boolean =>
  kinds.every((kind) => Object.isFrozen(kind.prototype) && Object.isFrozen(kind));
const tries: Record<string, () => unknown> = {
  pollute: () => ((Object.prototype as { x?: number }).x = 1),
  replace: () => (Array.prototype.push = () => 0),
  construct: () => (isFrozen.constructor as (text: string) => () => unknown)("return process")(),
};
export default {
  ISOLATION
  on: {
    append: (_ctx: unknown, message: Message): object => {
      const reached = Object.entries(tries).filter(([, attempt]) => {
        try {
          return attempt() !== undefined;
        } catch {
          return false;
        }
      });
      return { frozen: isFrozen(), reached: reached.map(([name]) => name), name: message.name };
    },
  },
};`;

for (const [isolation, at] of [
  ["process", "north"],
  ["inline", "south"],
] as const)
  test(`${isolation}: in the bundle, too, agents are locked down, and long code with types is read`, async () => {
    assert.ok(sites.network.site(at).running.child.spawnargs.includes(MEANDER), "it is the bundle");
    const stream = await sites.shell.createStream(`locked-${isolation}`, { at });
    const source = LONG.replace("ISOLATION", `isolation: "${isolation}",`);
    await stream.registerAgent({ source, file: "long.ts" });
    const { reply } = (await sites.appended(`locked-${isolation}`, { name: "x" })) as {
      reply: unknown;
    };
    assert.deepEqual(reply, { frozen: true, reached: [], name: "x" });
  });

test("an endless loop ends at its deadline, while the site and all others continue", async () => {
  await sites.withAgent("looping", {
    limits: { handlerMs: 1_500 },
    on: {
      append: (_ctx, message: string) => {
        while (message === "loop") {
          // Never ends.
        }
        return message;
      },
    },
  });
  // Of the same owner, and so in the same worker, which ends with the loop.
  await createCounter(sites.shell, "neighbour", { at: "north" });
  const neighbour = new Load(await sites.shell.open("neighbour"));
  await until(
    "the neighbour counts",
    async () => (await countOf(sites.shell, "neighbour")).last > 10,
  );
  const before = (await countOf(sites.other, "bystander")).last;
  const looping = assert.rejects(sites.appended("looping", "loop"), { code: "handler-deadline" });
  let isOver = false;
  void looping.finally(() => {
    isOver = true;
  });
  let during = before;
  while (!isOver) {
    assert.equal((await sites.network.site("north").client.health()).status, "ok");
    during = isOver ? during : (await countOf(sites.other, "bystander")).last;
  }
  await looping;
  assert.ok(during > before + 10, `the bystander counted from ${before} to ${during} meanwhile`);
  const [letter] = await sites.shell.deadLetters("looping");
  assert.equal(letter?.id, "culprit>looping#1");
  assert.equal(letter?.value, "loop");
  assert.deepEqual(await sites.appended("looping", "fine"), {
    id: "culprit>looping#2",
    reply: "fine",
  });
  const last = await neighbour.stop();
  await until(
    "the neighbour has all messages",
    async () => (await countOf(sites.shell, "neighbour")).last === last,
  );
  const { count, wrong } = await countOf(sites.shell, "neighbour");
  assert.deepEqual([count, wrong], [last, 0]);
});

test("a handler that fills its heap is ended, and the stream continues", async () => {
  await sites.withAgent("filling", {
    limits: { memoryMb: 32 },
    on: {
      append: (_ctx, message: string) => {
        const all: unknown[] = [];
        while (message === "fill") all.push(new Array(100_000).fill(all.length));
        return message;
      },
    },
  });
  await assert.rejects(sites.appended("filling", "fill"), /MiB|memory|heap/);
  assert.deepEqual(await sites.appended("filling", "fine"), {
    id: "culprit>filling#2",
    reply: "fine",
  });
  assert.equal((await sites.shell.deadLetters("filling")).length, 1);
});

test("anything thrown or rejected fails that message alone, and is reported", async () => {
  await sites.withAgent("throwing", {
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
            return await ctx.open("no-such-stream").location();
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
    ["stray", /stray|no-such-stream/],
  ] as const)
    await assert.rejects(sites.appended("throwing", message), told, message);
  const { reply } = (await sites.appended("throwing", "fine")) as { reply: unknown };
  assert.equal(reply, 1, "failed messages have left no trace in the briefcase");
  const letters = await sites.shell.deadLetters("throwing");
  assert.deepEqual(
    letters.map(({ value }) => value),
    ["text", "null", "object", "hostile", "rejected", "stray"],
  );
});

test("a site that runs agents inline survives what they throw and reject", async () => {
  const stream = await sites.shell.createStream("inside", { at: "south" });
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
  await assert.rejects(sites.appended("inside", "throw"), {
    code: "handler-failed",
    message: /thrown/,
  });
  // Their handlers may have ended by then.
  for (const message of ["stray", "text"]) await sites.appended("inside", message).catch(() => {});
  const { reply } = (await sites.appended("inside", "fine")) as { reply: unknown };
  assert.equal(reply, "fine at south");
});

test("a briefcase that cannot be packed, or is too large, fails the message or the registration", async () => {
  await sites.withAgent("packing", {
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
  await assert.rejects(sites.appended("packing", "function"), { code: "value-uncloneable" });
  await assert.rejects(sites.appended("packing", "large"), { code: "briefcase-too-large" });
  const { reply } = (await sites.appended("packing", "fine")) as { reply: unknown };
  assert.equal(reply, "as before");
  const stream = await sites.shell.open("packing");
  const agent = defineAgent({ name: "second", limits: { briefcaseBytes: 1_000 }, on: {} });
  await assert.rejects(stream.registerAgent(agent, { briefcase: { f: () => 1 } }), {
    code: "value-uncloneable",
  });
  await assert.rejects(stream.registerAgent(agent, { briefcase: { a: "x".repeat(2_000) } }), {
    code: "briefcase-too-large",
  });
  assert.deepEqual((await sites.shell.inspect("packing")).agents, ["agent"]);
});
