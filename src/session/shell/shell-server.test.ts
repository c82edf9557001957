import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ShellPort } from "../../agent/define/index.ts";
import { LIMITS, MeanderError } from "../../base/index.ts";

import { append, CREATE, call, HELLO, quiet, Rig } from "./shell-server.test.support.ts";

test("a shell is greeted with its name, its site and the time there [S5]", async () => {
  const rig = new Rig();
  const shell = rig.scripted();
  await shell.say({ ...HELLO, name: "tester", unknown: "member" });
  assert.deepEqual(shell.heard, [
    { type: "hello", protocol: 1, name: "tester", site: "north", now: rig.clock.wall() },
  ]);
  assert.deepEqual(rig.names, ["tester"]);
});

test("a shell that is not taken hears why, and is closed [S5]", async () => {
  const rig = new Rig();
  rig.attach = () => {
    throw new MeanderError("shells-full", "no shells here", { next: "ask the owner" });
  };
  await assert.rejects(rig.connect(), {
    code: "shell-refused",
    message: /no shells here; ask the owner/,
  });
  rig.attach = () => Promise.reject(new TypeError("a secret"));
  await assert.rejects(rig.connect(), (error: Error) => {
    assert.doesNotMatch(error.message, /secret/);
    return true;
  });
  await quiet();
  assert.deepEqual(rig.server.counts.toJSON(), { refused: 2 });
  assert.equal(rig.server.shellCount, 0);
});

test("a shell that left while it was being attached is detached again [S11]", async () => {
  const rig = new Rig();
  const attach = rig.attach;
  let attached: (port: ShellPort) => void = () => {};
  rig.attach = () =>
    new Promise((resolve) => {
      attached = resolve;
    });
  const shell = rig.scripted();
  await shell.say(HELLO);
  await shell.hangUp();
  attached(await attach({ name: undefined }));
  assert.equal(await rig.port().closed, undefined);
});

test("calls are made in the order in which they come [S8]", async () => {
  const rig = new Rig();
  const shell = rig.scripted();
  await shell.say(HELLO);
  await shell.say(CREATE, ...Array.from({ length: 100 }, (_, index) => append(index + 2)));
  assert.deepEqual(
    rig.port().consumed("foo"),
    Array.from({ length: 100 }, (_, index) => index + 2),
  );
});

test("a shell whose socket ends is detached, and its appends are not waited for [S11]", async () => {
  const rig = new Rig();
  const shell = rig.scripted();
  await shell.say(HELLO);
  await shell.say(CREATE, { type: "subscribe", subscription: 1, filter: {} });
  const port = rig.port();
  port.halt("foo");
  await shell.say(append(2, "foo", "consumed"));
  assert.deepEqual([port.listenerCount, port.waitingCount("foo")], [1, 1]);
  await shell.hangUp();
  assert.equal(await port.closed, undefined);
  assert.equal(port.listenerCount, 0);
  assert.equal(rig.server.shellCount, 0);
});

test("a shell that says goodbye is detached before it hears so [S11]", async () => {
  const rig = new Rig();
  const shell = rig.scripted();
  await shell.say(HELLO, { type: "pong" });
  await shell.say({ type: "bye" });
  assert.equal(await rig.port().closed, undefined);
  assert.deepEqual(shell.heard.at(-1), { type: "closed" });
  assert.ok(shell.isClosed());
});

test("a site that stops lets its shells go with the reason, and takes no more [S11]", async () => {
  const rig = new Rig();
  const shell = await rig.connect();
  const asking = assert.rejects(shell.sleep(1_000), { message: /may have taken effect/ });
  await quiet();
  await rig.server.close();
  const end = (await shell.closed) as MeanderError;
  assert.equal(end.code, "shell-disconnected");
  assert.match(end.message, /it closed the connection: the site is stopping/);
  await asking;
  assert.equal(await rig.port().closed, undefined);
  await assert.rejects(rig.connect(), { code: "site-unreachable" });
  assert.deepEqual(rig.clock.pending, ["fake sleep"]);
});

test("what is no message is counted by what was wrong, and ends that shell alone [S11]", async () => {
  const rig = new Rig();
  const other = await rig.connect();
  const before = rig.server.shellCount;
  const cases: [string, (object | string)[]][] = [
    ["invalid-json", ["{"]],
    ["invalid-shape", ["7"]],
    ["invalid-shape", [{ type: "hello" }]],
    ["invalid-shape", [{ ...HELLO, name: "x".repeat(41) }]],
    ["invalid-hello", [{ type: "bye" }]],
    ["invalid-hello", [call(1, "sites")]],
    ["invalid-hello", [HELLO, HELLO]],
    ["invalid-protocol", [{ type: "hello", protocol: 2 }]],
    ["invalid-shape", [HELLO, call(1, "constructor")]],
    ["invalid-shape", [HELLO, call(0, "sites")]],
    ["invalid-shape", [HELLO, call(1, "stream", { name: 7 })]],
    ["invalid-shape", [HELLO, call(1, "append", { ...append(1), payload: "no base64!" })]],
    ["invalid-shape", [HELLO, { type: "subscribe", subscription: 1, filter: { types: [7] } }]],
    ["invalid-number", [HELLO, { type: "more", id: 1 }]],
    ["invalid-number", [HELLO, call(1, "sleep", { ms: 9 }), call(1, "sleep", { ms: 9 })]],
    ["invalid-depth", [`${"[".repeat(200)}${"]".repeat(200)}`]],
    ["invalid-size", [" ".repeat(LIMITS.shellMessageBytesMax + 1)]],
    [
      "invalid-calls",
      [
        HELLO,
        ...Array.from({ length: LIMITS.shellCallsMax + 1 }, (_, index) =>
          call(index + 1, "sleep", { ms: 9 }),
        ),
      ],
    ],
    [
      "invalid-subscriptions",
      [
        HELLO,
        ...Array.from({ length: LIMITS.shellSubscriptionsMax + 1 }, (_, index) => ({
          type: "subscribe",
          subscription: index + 1,
          filter: {},
        })),
      ],
    ],
  ];
  for (const [reason, [first = "", ...rest]] of cases) {
    const shell = rig.scripted();
    const count = rig.server.counts.get(reason);
    await shell.say(first);
    if (rest.length > 0) await shell.say(...rest);
    assert.equal(rig.server.counts.get(reason), count + 1, `${reason}: ${JSON.stringify(rest)}`);
    assert.ok(shell.isClosed());
    assert.equal(rig.server.shellCount, before);
  }
  assert.deepEqual(await other.sites(), ["north", "south"]);
});

test("whatever text comes, the site stays up, and shells that keep to the protocol do not notice [S11]", async () => {
  const rig = new Rig();
  const other = await rig.connect();
  const words = fc.constantFrom(
    "hello",
    "call",
    "more",
    "forget",
    "subscribe",
    "events-taken",
    "bye",
  );
  const message = fc.record(
    {
      type: words,
      id: fc.oneof(fc.nat(3), fc.anything()),
      call: fc.oneof(fc.constantFrom("append", "move", "inspect", "setPolicy"), fc.string()),
      args: fc.anything(),
      protocol: fc.constant(1),
      subscription: fc.nat(3),
      filter: fc.anything(),
    },
    { requiredKeys: ["type"], noNullPrototype: true },
  );
  const text = fc.oneof(
    fc.string(),
    message.map((value) => {
      try {
        return JSON.stringify(value);
      } catch {
        return "";
      }
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(text, { maxLength: 6 }), async (texts) => {
      const shell = rig.scripted();
      await shell.say(HELLO);
      await shell.say(...texts);
      await shell.hangUp();
      assert.equal(rig.server.shellCount, 1);
    }),
    { numRuns: 200 },
  );
  assert.deepEqual(await other.sites(), ["north", "south"]);
});
