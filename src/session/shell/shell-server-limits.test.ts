import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, MeanderError } from "../../base/index.ts";
import { memorySocketPair } from "../../directory/index.ts";
import { connectShell } from "./connect-shell.ts";

import { HELLO, quiet, Rig } from "./shell-server.test.support.ts";

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

test("shells over the limit are refused, and those that have not greeted take no place [S11]", async () => {
  const rig = new Rig();
  const strangers = Array.from({ length: LIMITS.shellsMax + 10 }, () => rig.scripted());
  const shells = Array.from({ length: LIMITS.shellsMax + 1 }, () => rig.scripted());
  await Promise.all(shells.map((each) => each.say(HELLO)));
  assert.equal(rig.server.shellCount, LIMITS.shellsMax);
  assert.equal(strangers.filter((each) => each.isClosed()).length, 0);
  assert.match(JSON.stringify(shells.at(-1)?.heard), /shells-full/);
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
      return {
        token: undefined,
        hold: (end) => {
          ends.add(end);
          return () => void ends.delete(end);
        },
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
