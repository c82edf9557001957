import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ShellPort } from "../../agent/define/index.ts";
import { LIMITS, MeanderError, SILENT, VirtualClock } from "../../base/index.ts";
import { memorySocketPair } from "../../directory/index.ts";
import { encodeBase64, packValue } from "../../wire/index.ts";
import { connectShell } from "./connect-shell.ts";
import { FakeShellPort } from "./shell.test.support.ts";
import type { Shell } from "./shell.ts";
import { ShellServer } from "./shell-server.ts";

const HELLO = { type: "hello", protocol: 1 };

function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A shell that says what the test tells it to. */
interface ScriptedShell {
  say(...messages: (object | string)[]): Promise<void>;
  hangUp(): Promise<void>;
  readonly heard: Record<string, unknown>[];
  readonly isClosed: () => boolean;
}

class Rig {
  readonly clock = new VirtualClock();
  readonly ports: FakeShellPort[] = [];
  readonly names: (string | undefined)[] = [];
  readonly server = new ShellServer((request) => this.attach(request), {
    clock: this.clock,
    log: SILENT,
  });
  attach = ({ name }: { name: string | undefined }): ShellPort | Promise<ShellPort> => {
    this.names.push(name);
    const port = new FakeShellPort(this.clock, name ?? `shell-${this.ports.length}`);
    this.ports.push(port);
    return port;
  };

  port(index = 0): FakeShellPort {
    const port = this.ports[index];
    assert.ok(port !== undefined);
    return port;
  }

  scripted(): ScriptedShell {
    const [near, far] = memorySocketPair();
    const heard: Record<string, unknown>[] = [];
    let closed = false;
    near.onMessage((text) => void heard.push(JSON.parse(text)));
    near.onClose(() => {
      closed = true;
    });
    this.server.accept(far);
    return {
      heard,
      isClosed: () => closed,
      say: async (...messages) => {
        for (const each of messages) {
          near.send(typeof each === "string" ? each : JSON.stringify(each));
        }
        await quiet();
      },
      hangUp: async () => {
        near.close();
        await quiet();
      },
    };
  }

  connect(name?: string): Promise<Shell> {
    const [near, far] = memorySocketPair();
    this.server.accept(far);
    const { clock } = this;
    return connectShell("http://127.0.0.1:7000", async () => near, { clock, name });
  }
}

function call(id: number, name: string, args: object = {}): object {
  return { type: "call", id, call: name, args };
}

function append(id: number, stream = "foo", until = "buffered"): object {
  const payload = encodeBase64(packValue(id));
  return call(id, "append", { stream, payload, until, timeoutMs: null });
}

const CREATE = call(1, "createStream", {
  name: "foo",
  at: null,
  durability: { type: "none" },
  failureManagers: [],
});

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
    throw new MeanderError("denied", "no shells here", { next: "ask the owner" });
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

test("a bug behind the port is told as one, without its words, and the shell goes on [S7]", async () => {
  const rig = new Rig();
  const shell = await rig.connect();
  rig.port().why = () => {
    throw new TypeError("a secret");
  };
  await assert.rejects(shell.why("a>b#1"), (error: MeanderError) => {
    assert.equal(error.code, "internal");
    assert.doesNotMatch(error.message, /secret/);
    return true;
  });
  assert.deepEqual(await shell.sites(), ["north", "south"]);
});

test("a shell that does not take its events is sent no further ones, and later hears how many it missed [S2]", async () => {
  const rig = new Rig();
  const shell = rig.scripted();
  await shell.say(HELLO);
  await shell.say({ type: "subscribe", subscription: 5, filter: { stream: "foo" } });
  const port = rig.port();
  const emit = (line: string): void =>
    port.emit({ type: "output", stream: "foo", agent: "a", line });
  const batches = (): { type: string; line?: string; count?: number }[][] =>
    shell.heard.filter(({ type }) => type === "events").map(({ events }) => events) as never;
  emit("first");
  emit("second");
  await quiet();
  assert.equal(batches().length, 1);
  assert.equal(batches()[0]?.length, 2);
  const extra = 7;
  for (let n = 0; n < LIMITS.shellEventsMax + extra; n++) emit(`${n}`);
  await quiet();
  assert.equal(batches().length, 1);
  await shell.say({ type: "events-taken", subscription: 5 });
  assert.equal(batches().length, 2);
  assert.deepEqual(batches()[1]?.[0], {
    type: "missed",
    at: port.now(),
    site: "north",
    stream: "foo",
    count: extra,
  });
  assert.equal(batches()[1]?.[1]?.line, `${extra}`);
  assert.ok((batches()[1]?.length ?? 0) <= LIMITS.shellEventBatchMax);
});

test("an event too long for a message is counted as missed [S2]", async () => {
  const rig = new Rig();
  const shell = await rig.connect();
  const events = shell.events();
  await quiet();
  const line = "x".repeat(300 * 1024);
  rig.port().emit({ type: "output", stream: "foo", agent: "a", line });
  rig.port().emit({ type: "destroyed", stream: "foo" });
  const missed = (await events.next()).value;
  assert.ok(missed?.type === "missed" && missed.count === 1);
  assert.equal((await events.next()).value?.type, "destroyed");
});

test("a shell that stops responding is closed and counted; one that responds is not [S10]", async () => {
  const rig = new Rig();
  const silent = rig.scripted();
  const lively = rig.scripted();
  await silent.say(HELLO);
  await lively.say(HELLO);
  for (let n = 0; n <= LIMITS.shellSilencesMax; n++) {
    assert.ok(!silent.isClosed());
    rig.clock.advance(LIMITS.shellPingMs);
    await lively.say({ type: "pong" });
  }
  assert.ok(silent.isClosed());
  assert.equal(silent.heard.filter(({ type }) => type === "ping").length, LIMITS.shellSilencesMax);
  assert.ok(!lively.isClosed());
  assert.deepEqual(rig.server.counts.toJSON(), { silent: 1 });
  assert.equal(await rig.port(0).closed, undefined);
});

test("shells over the limit are closed [S11]", async () => {
  const rig = new Rig();
  const shells = Array.from({ length: LIMITS.shellsMax + 1 }, () => rig.scripted());
  await quiet();
  assert.equal(rig.server.shellCount, LIMITS.shellsMax);
  assert.ok(shells.at(-1)?.isClosed());
  assert.equal(rig.server.counts.get("refused"), 1);
});

test("[S12] a shell is let in by its token, and closed with the reason when that ends", async () => {
  const { server, clock, names } = new Rig();
  const ends = new Set<(error: MeanderError) => void>();
  const dial = async (): Promise<ReturnType<typeof memorySocketPair>[0]> => {
    const [near, far] = memorySocketPair();
    server.accept(far, async (token) => {
      if (token !== "good") throw new MeanderError("token-denied", "not with that one");
      return (end) => {
        ends.add(end);
        return () => void ends.delete(end);
      };
    });
    return near;
  };
  const url = "http://127.0.0.1:7000";
  await assert.rejects(connectShell(url, dial, { clock }), { code: "token-denied" });
  await assert.rejects(connectShell(url, dial, { clock, token: "bad" }), { code: "token-denied" });
  assert.deepEqual(names, []);
  assert.equal(server.counts.get("refused"), 2);
  const shell = await connectShell(url, dial, { clock, token: "good" });
  assert.equal(ends.size, 1);
  for (const end of ends) end(new MeanderError("token-expired", "it is over"));
  assert.match(String(await shell.closed), /it is over/);
  await quiet();
  assert.equal(ends.size, 0);
  assert.equal(server.shellCount, 0);
});
