import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { delay, LIMITS, SystemClock, VirtualClock } from "../../base/index.ts";
import { frameNetworkConformance } from "../../stream/frame-network.conformance.ts";
import { LINK_KEY, LiveWorld, openOn, privately } from "./live-world.test.support.ts";
import { TcpFrameNetwork } from "./tcp-frame-network.ts";

import {
  Come,
  joined,
  listen,
  makeFrame,
  NORTH,
  Peer,
  SOUTH,
  state,
  until,
  welcome,
} from "./tcp-peer.test.support.ts";

frameNetworkConformance("tcp", async () => new LiveWorld(TcpFrameNetwork.open), {
  isOrdered: true,
});

frameNetworkConformance(
  "tcp, private",
  async () => new LiveWorld(privately(TcpFrameNetwork.open)),
  { isOrdered: true },
);

test("tcp: [N1] a site reaches itself", async () => {
  await using world = new LiveWorld(TcpFrameNetwork.open);
  const came = new Come();
  const network = await world.start(NORTH, came.take);
  network.send(NORTH, makeFrame(20));
  await came.bytes(20);
  assert.deepEqual(came.from, NORTH);
});

test("tcp: [N8] frames of one turn leave in one write", async () => {
  await using world = new LiveWorld(TcpFrameNetwork.open);
  const came = new Come();
  const north = await world.start(NORTH, () => {});
  await world.start(SOUTH, came.take);
  north.send(SOUTH, makeFrame(20));
  await came.bytes(20);
  const writes = (): number => world.network("north").stats().at(-1)?.writes ?? 0;
  const before = writes();
  for (let index = 0; index < 100; index++) north.send(SOUTH, makeFrame(100));
  await Promise.resolve().then(() => north.send(SOUTH, makeFrame(100)));
  await came.bytes(20 + 101 * 100);
  assert.equal(writes(), before + 1);
});

test("tcp: [N8] what the kernel takes piece by piece arrives as it was", async () => {
  await using world = new LiveWorld(TcpFrameNetwork.open);
  let next = 0;
  let come = (): void => {};
  const all = new Promise<void>((resolve) => {
    come = resolve;
  });
  const frameOf = (id: number): Uint8Array => {
    const frame = new Uint8Array(100 + (id % 900)).fill(id);
    const view = new DataView(frame.buffer);
    view.setUint32(0, frame.byteLength);
    view.setUint32(4, id);
    return frame;
  };
  await world.start(SOUTH, (_from, bytes) => {
    for (let at = 0; at < bytes.byteLength; next++) {
      const expected = frameOf(next);
      assert.deepEqual(bytes.subarray(at, at + expected.byteLength), expected);
      at += expected.byteLength;
    }
    if (next === 20_000) come();
  });
  const north = await world.start(NORTH, () => {});
  for (let id = 0; id < 20_000; id++) {
    if (id % 5_000 === 0) await new Promise(setImmediate);
    north.send(SOUTH, frameOf(id));
  }
  await all;
  assert.deepEqual(world.network("north").counts.toJSON(), {});
});

test("tcp: [N13] a site that dials again replaces its earlier connection", async () => {
  await using south = await joined();
  const first = await Peer.dial(south.port);
  await first.prove({});
  assert.equal((await first.message()).type, "welcome");
  const second = await Peer.dial(south.port);
  await second.prove({});
  assert.equal((await second.message()).type, "welcome");
  await first.ended;
  assert.equal(south.counts.get("replaced"), 1);
  second.socket.destroy();
});

test("tcp: [N9] a peer that never reads costs no more than the backlog; what is beyond it is counted", async () => {
  const server = createServer((socket) => void welcome(socket).then(() => socket.pause()));
  const port = await listen(server);
  await using north = await joined(NORTH, new VirtualClock());
  north.setSites([{ ...SOUTH, host: "127.0.0.1", port }]);
  const frame = makeFrame(LIMITS.streamFrameBytesMax);
  north.send(SOUTH, makeFrame(20));
  await until(() => state(north) === "open");
  let sent = 0;
  while (north.counts.get("backlog-full") === 0) {
    for (let index = 0; index < 20; index++) north.send(SOUTH, frame);
    sent += 20;
    assert.ok(sent < 2_000, "it was all received");
    await new Promise(setImmediate);
  }
  const waiting = north.stats()[0]?.backlogBytes ?? 0;
  assert.ok(waiting <= LIMITS.frameBacklogBytesMax);
  assert.ok(waiting > LIMITS.frameBacklogBytesMax - 2 * LIMITS.streamFrameBytesMax);
  north.setSites([]);
  server.close();
});

test("tcp: [N7] a peer that takes and answers nothing is given up, and dialled again when there is something to send", async () => {
  const clock = new VirtualClock();
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    void welcome(socket).then(() => socket.pause());
  });
  const port = await listen(server);
  await using north = await joined(NORTH, clock);
  north.setSites([{ ...SOUTH, host: "127.0.0.1", port }]);
  north.send(SOUTH, makeFrame(20));
  await until(() => state(north) === "open" && (north.stats()[0]?.framesSent ?? 0) > 0);
  clock.advance(LIMITS.frameSilenceMs - 1);
  assert.equal(state(north), "open");
  clock.advance(1);
  assert.equal(state(north), "waiting");
  assert.equal(north.counts.get("peer-silent"), 1);
  north.send(SOUTH, makeFrame(20));
  assert.equal(north.counts.get("unreachable"), 1);
  clock.advance(LIMITS.reconnectMsMax);
  await until(() => state(north) === "open");
  assert.equal(connections, 2);
  north.setSites([]);
  server.close();
});

test("tcp: [N7] a peer that answers is kept, and one that is sent nothing is not asked", async () => {
  const clock = new VirtualClock();
  await using south = await openOn(TcpFrameNetwork.open);
  const came = new Come();
  south.onFrames(came.take);
  south.join({ siteInstance: SOUTH, linkKey: LINK_KEY });
  await using north = await joined(NORTH, clock);
  north.setSites([{ ...SOUTH, host: "127.0.0.1", port: south.port }]);
  for (let round = 1; round <= 4; round++) {
    north.send(SOUTH, makeFrame(20));
    await came.bytes(20 * round);
    // The answer to the question behind the frame.
    await delay(new SystemClock(), "answer", 20);
    clock.advance(LIMITS.frameSilenceMs);
  }
  assert.equal(north.counts.get("peer-silent"), 0);
  clock.advance(LIMITS.frameSilenceMs);
  assert.deepEqual(clock.pending, []);
  assert.equal(state(north), "open");
});

test("tcp: [N16] without a listener, frames are dropped and counted, and attempts are spaced out", async () => {
  const clock = new VirtualClock();
  const free = createServer();
  const port = await listen(free);
  free.close();
  await once(free, "close");
  await using north = await joined(NORTH, clock);
  north.setSites([{ ...SOUTH, host: "127.0.0.1", port }]);
  north.send(SOUTH, makeFrame(20));
  for (let failures = 1; failures <= 8; failures++) {
    await until(() => north.counts.get("connect-failed") === failures);
    assert.equal(state(north), "waiting");
    north.send(SOUTH, makeFrame(20));
    assert.equal(north.counts.get("unreachable"), failures);
    const longest = Math.min(LIMITS.reconnectMsMax, LIMITS.reconnectMsMin * 2 ** (failures - 1));
    clock.advance(longest / 2 - 1);
    assert.equal(state(north), "waiting");
    clock.advance(longest / 2 + 1);
    assert.equal(state(north), "connecting");
  }
  assert.equal(north.counts.get("frames-lost"), 1);
});

test("tcp: [N17] what was sent before the end arrives", async () => {
  await using south = await openOn(TcpFrameNetwork.open);
  const came = new Come();
  south.onFrames(came.take);
  south.join({ siteInstance: SOUTH, linkKey: LINK_KEY });
  const north = await joined(NORTH);
  north.setSites([{ ...SOUTH, host: "127.0.0.1", port: south.port }]);
  north.send(SOUTH, makeFrame(20));
  await came.bytes(20);
  for (let index = 0; index < 40; index++) north.send(SOUTH, makeFrame(100_000));
  await north[Symbol.asyncDispose]();
  await came.bytes(20 + 40 * 100_000);
});

test("tcp: [N18] a port that is taken is a typed error", async () => {
  await using south = await joined();
  const options = { ...(await optionsOf()), port: south.port };
  await assert.rejects(TcpFrameNetwork.open(options), { code: "port-in-use" });
  await assert.rejects(TcpFrameNetwork.open({ ...options, host: "203.0.113.1", port: 0 }), {
    code: "listen-failed",
  });
});

async function optionsOf(): Promise<Parameters<typeof TcpFrameNetwork.open>[0]> {
  const { SILENT, SystemRandom } = await import("../../base/index.ts");
  const { nodeCipher: cipher } = await import("../../transport/index.ts");
  const clock = new SystemClock();
  const random = new SystemRandom();
  return { host: "127.0.0.1", port: 0, clock, random, cipher, isPrivate: () => false, log: SILENT };
}
