import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../base/index.ts";
import { Arrivals, datagramOf, datagramsConformance, opener } from "./datagrams.conformance.ts";
import type { DatagramSocket, Remote } from "./datagrams.ts";
import { loadNative } from "./native/load-native.ts";

const { absence, calls } = loadNative({ disabled: false });

datagramsConformance("plain", opener({}));

test("a socket without native calls says that it is plain, and why", async () => {
  await using socket = await opener({ nativeAbsence: "no-library" })();
  assert.equal(socket.stats.mode, "plain");
  assert.equal(socket.stats.reason, "no-library");
  assert.deepEqual(loadNative({ disabled: true }), { calls: undefined, absence: "switched-off" });
});

if (calls === undefined) {
  test(`batched sockets`, (t) => t.skip(`no native calls: ${absence}`));
} else {
  const open = opener({ native: calls });
  datagramsConformance("batched", open);

  /** A sender with a group of `count` receivers. */
  const groupOf = async (count: number) => {
    const sender = await open();
    const receivers = await Promise.all(Array.from({ length: count }, () => open()));
    const arrivals = receivers.map((each) => new Arrivals(each));
    const group = sender.openGroup();
    for (const { host, port } of receivers) group.add(sender.remote(host, port));
    const close = async (): Promise<void> => {
      for (const each of [sender, ...receivers]) await each[Symbol.asyncDispose]();
    };
    return { sender, receivers, arrivals, group, [Symbol.asyncDispose]: close };
  };

  test("[G10] a datagram for a group is one call", async () => {
    await using world = await groupOf(30);
    assert.equal(world.sender.stats.mode, "batched");
    assert.equal(world.sender.stats.reason, undefined);
    world.group.send(datagramOf(1_200, 1));
    for (const each of world.arrivals) await each.reach(1);
    const { segments, sendCalls, sent } = world.sender.stats;
    assert.deepEqual({ segments, sendCalls, sent }, { segments: 0, sendCalls: 1, sent: 30 });
  });

  test("[G11] a burst for a group is one call, of segmented sends", async () => {
    await using world = await groupOf(10);
    const sent = Array.from({ length: 12 }, (_, at) => datagramOf(at === 11 ? 90 : 1_200, at));
    for (const each of sent) world.group.send(each);
    for (const each of world.arrivals) assert.deepEqual(await each.reach(12), sent);
    assert.equal(world.sender.stats.sent, 120);
    assert.equal(world.sender.stats.segments, 120);
    assert.equal(world.sender.stats.sendCalls, 1);
  });

  test("[G12] single sends of a turn are one call", async () => {
    await using world = await groupOf(9);
    const { sender, receivers } = world;
    const bytes = Array.from({ length: 3 }, (_, at) => datagramOf(700, at));
    // To members of a group it leaves at once, to keep the order.
    world.group.close();
    for (const each of bytes) {
      for (const { host, port } of receivers) sender.send(each, sender.remote(host, port));
    }
    for (const each of world.arrivals) assert.deepEqual(await each.reach(3), bytes);
    assert.equal(sender.stats.sendCalls, 1);
    assert.equal(sender.stats.segments, 27);
  });

  test("[G13] a burst is received by few calls", async () => {
    await using world = await groupOf(1);
    const sent = Array.from({ length: 60 }, (_, at) => datagramOf(at + 1, at));
    for (const each of sent) world.group.send(each);
    world.sender.flush();
    assert.deepEqual(await world.arrivals[0]?.reach(60), sent);
    const { receiveCalls = 0, received = 0 } = world.receivers[0]?.stats ?? {};
    assert(received >= 50 && receiveCalls <= 10, `${received} by ${receiveCalls} calls`);
  });

  test("[G14] a coalesced socket gets segmented sends whole, others get their datagrams", async () => {
    await using sender = await open();
    await using joined = await open({ coalesced: true });
    await using apart = await open();
    const [atJoined, atApart] = [new Arrivals(joined), new Arrivals(apart)];
    const sent = Array.from({ length: 10 }, (_, at) => datagramOf(500, at));
    for (const { host, port } of [joined, apart]) {
      for (const each of sent) sender.send(each, sender.remote(host, port));
    }
    assert.deepEqual(await atApart.reach(10), sent);
    assert.deepEqual(await atJoined.reach(1), [new Uint8Array(Buffer.concat(sent))]);
  });

  test("[G25] each datagram that was not accepted is reported", async () => {
    for (const host of ["127.0.0.1", "::1"]) {
      const sender = await open({ host }).catch(() => undefined);
      if (sender === undefined) continue;
      const gone = await open({ host });
      await gone[Symbol.asyncDispose]();
      const there = await open({ host });
      const arrivals = new Arrivals(there);
      const group = sender.openGroup();
      const missed: string[] = [];
      group.add(sender.remote(host, gone.port), (reason) => missed.push(reason));
      group.add(sender.remote(host, there.port), (reason) => assert.fail(reason));
      for (let round = 1; round <= 5; round++) {
        group.send(datagramOf(200, round));
        await arrivals.reach(round);
        while (missed.length < round) await new Promise(setImmediate);
      }
      assert.deepEqual(new Set(missed), new Set(["refused"]));
      assert.equal(sender.counts.get("refused"), 5);
      assert.deepEqual(Object.keys(sender.counts.toJSON()), ["refused"]);
      await sender[Symbol.asyncDispose]();
      await there[Symbol.asyncDispose]();
    }
  });

  test("thousands of members are sent to", async () => {
    await using sender = await open();
    await using receiver = await open();
    const arrivals = new Arrivals(receiver);
    const group = sender.openGroup();
    const to: Remote = sender.remote(receiver.host, receiver.port);
    for (let at = 0; at < 2_500; at++) group.add(to);
    group.send(datagramOf(1, 1));
    await arrivals.reach(2_500);
    assert.equal(sender.stats.sendCalls, 3);
  });

  test("what waits is bounded", async () => {
    await using sender: DatagramSocket = await open();
    await using receiver = await open();
    const to = sender.remote(receiver.host, receiver.port);
    for (let at = 0; at < LIMITS.datagramBatchMax; at++) sender.send(datagramOf(1, at), to);
    // Within the turn.
    assert.equal(sender.stats.sent, LIMITS.datagramBatchMax);
  });
}
