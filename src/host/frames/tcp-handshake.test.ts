import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { test } from "node:test";
import { LIMITS, VirtualClock } from "../../base/index.ts";
import { encodeHandshake } from "./handshake-message.ts";
import { HandshakeReader } from "./handshake-reader.ts";
import { acceptProof } from "./link-proof.ts";
import { LiveWorld, openOn } from "./live-world.test.support.ts";
import { TcpFrameNetwork } from "./tcp-frame-network.ts";

import {
  Come,
  joined,
  listen,
  makeFrame,
  NO_TOKEN,
  NONCE,
  NORTH,
  Peer,
  SOUTH,
  state,
  until,
} from "./tcp-peer.test.support.ts";

test("tcp: [N3] [N5] a proof with the wrong key, site or instance is refused with the reason, and counted", async () => {
  await using south = await joined();
  const wrong: [string, Partial<{ key: string; to: typeof SOUTH }>][] = [
    ["link-key-wrong", { key: "other" }],
    ["wrong-site", { to: { site: "west", instance: 2 } }],
    ["wrong-instance", { to: { site: "south", instance: 1 } }],
  ];
  for (const [reason, changes] of wrong) {
    const peer = await Peer.dial(south.port);
    await peer.prove(changes);
    const answer = await peer.message();
    assert.equal(answer.type === "refusal" ? answer.reason : answer.type, reason);
    await peer.ended;
    assert.equal(south.counts.get(reason), 1);
  }
});

test("tcp: [N5] a peer that sends garbage, or replays a proof, is refused as bad-hello", async () => {
  await using south = await joined();
  const noise = await Peer.dial(south.port);
  noise.socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await noise.ended;
  const honest = await Peer.dial(south.port);
  const proof = await honest.prove({});
  assert.equal((await honest.message()).type, "welcome");
  const replay = await Peer.dial(south.port);
  await replay.message();
  replay.socket.write(proof);
  const answer = await replay.message();
  assert.equal(answer.type === "refusal" && answer.reason, "bad-hello");
  assert.equal(south.counts.get("bad-hello"), 2);
  honest.socket.destroy();
});

test("tcp: [N5] before it has joined its session, a site admits no peer", async () => {
  await using south = await openOn(TcpFrameNetwork.open);
  south.onFrames(() => {});
  const peer = await Peer.dial(south.port);
  await peer.prove({});
  const answer = await peer.message();
  assert.equal(answer.type === "refusal" && answer.reason, "not-joined");
  await peer.ended;
});

test("tcp: [N4] a peer that does not know the key gets no frames, though it listens at the site's address", async () => {
  const impostor = createServer((socket) => {
    socket.write(encodeHandshake({ type: "challenge", nonce: NONCE, challenge: NONCE }));
    const reader = new HandshakeReader();
    let wasWelcomed = false;
    socket.on("data", (bytes) => {
      if (wasWelcomed) heard += bytes.byteLength;
      const read = reader.push(bytes);
      if (read === undefined || read === "malformed" || read.message.type !== "proof") return;
      wasWelcomed = true;
      const { nonce } = read.message;
      const proof = acceptProof("guessed", read.message, NO_TOKEN);
      socket.write(encodeHandshake({ type: "welcome", nonce, token: NO_TOKEN, proof }));
    });
    socket.on("close", () => closed());
  });
  let heard = 0;
  let closed = (): void => {};
  const ended = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const port = await listen(impostor);
  await using north = await joined(NORTH);
  north.setSites([{ ...SOUTH, host: "127.0.0.1", port }]);
  north.send(SOUTH, makeFrame(20));
  await ended;
  assert.equal(heard, 0);
  assert.equal(north.counts.get("link-key-wrong"), 1);
  assert.equal(north.counts.get("frames-lost"), 1);
  impostor.close();
});

test("tcp: [N6] an oversize frame, or one without length, ends its connection only", async () => {
  await using world = new LiveWorld(TcpFrameNetwork.open);
  const came = new Come();
  await world.start(SOUTH, came.take);
  const north = await world.start(NORTH, () => {});
  for (const length of [0, 3, LIMITS.streamFrameBytesMax + 1, 0xffff_ffff]) {
    const peer = await Peer.dial(world.network("south").port);
    await peer.prove({ from: { site: "evil", instance: 1 } });
    await peer.message();
    const bad = new Uint8Array(8);
    new DataView(bad.buffer).setUint32(0, length);
    peer.socket.write(bad);
    await peer.ended;
  }
  assert.equal(world.network("south").counts.get("frame-malformed"), 4);
  north.send(SOUTH, makeFrame(20));
  await came.bytes(20);
});

test("tcp: [N12] who does not prove itself in time is cut off", async () => {
  const clock = new VirtualClock();
  await using south = await joined(SOUTH, clock);
  const mute = await Peer.dial(south.port);
  await mute.message();
  const slow = await Peer.dial(south.port);
  await slow.message();
  slow.socket.write(new Uint8Array([0x4d, 0x53]));
  clock.advance(LIMITS.frameHandshakeMs);
  await Promise.all([mute.ended, slow.ended]);
  assert.equal(south.counts.get("handshake-timeout"), 2);
});

test("tcp: [N12] a flood of strangers is bounded, and sites still get in", async () => {
  await using south = await joined(SOUTH, new VirtualClock());
  const strangers = [];
  for (let index = 0; index < LIMITS.frameHandshakesMax + 10; index++) {
    const stranger = await Peer.dial(south.port);
    await stranger.message();
    strangers.push(stranger);
  }
  await Promise.all(strangers.slice(0, 10).map((stranger) => stranger.ended));
  assert.equal(south.counts.get("handshakes-full"), 10);
  const member = await Peer.dial(south.port);
  await member.prove({});
  assert.equal((await member.message()).type, "welcome");
  for (const each of [...strangers, member]) each.socket.destroy();
});

test("tcp: [N12] a half-open connection, whose peer never greets, is given up after the deadline", async () => {
  const clock = new VirtualClock();
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket));
  const port = await listen(server);
  await using north = await joined(NORTH, clock);
  north.setSites([{ ...SOUTH, host: "127.0.0.1", port }]);
  north.send(SOUTH, makeFrame(20));
  await until(() => sockets.length === 1);
  clock.advance(LIMITS.frameHandshakeMs);
  assert.equal(north.counts.get("handshake-timeout"), 1);
  assert.equal(state(north), "waiting");
  server.close();
});
