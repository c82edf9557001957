import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { test } from "node:test";
import { delay, LIMITS, SystemClock, VirtualClock } from "../../base/index.ts";
import { frameNetworkConformance } from "../../stream/frame-network.conformance.ts";
import { encodeHandshake, type HandshakeMessage } from "./handshake-message.ts";
import { HandshakeReader } from "./handshake-reader.ts";
import { type Attempt, acceptProof, dialProof } from "./link-proof.ts";
import type { LiveFrameNetwork } from "./live-frame-network.ts";
import { LINK_KEY, LiveWorld, openOn, privately } from "./live-world.test.support.ts";
import { TcpFrameNetwork } from "./tcp-frame-network.ts";

const NORTH = { site: "north", instance: 1 };
const SOUTH = { site: "south", instance: 2 };
const NONCE = new Uint8Array(16).fill(9);
const NO_TOKEN = new Uint8Array(8);

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

test("tcp: [N5] who sends garbage, or another's proof again, is refused as bad-hello", async () => {
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

test("tcp: [N5] before it has joined its session, a site lets nobody in", async () => {
  await using south = await openOn(TcpFrameNetwork.open);
  south.onFrames(() => {});
  const peer = await Peer.dial(south.port);
  await peer.prove({});
  const answer = await peer.message();
  assert.equal(answer.type === "refusal" && answer.reason, "not-joined");
  await peer.ended;
});

test("tcp: [N4] one that does not know the key gets no frames, though it listens at the site's address", async () => {
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

test("tcp: [N13] a place that dials again replaces its earlier connection", async () => {
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
    assert.ok(sent < 2_000, "somebody took it all");
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

test("tcp: [N16] nobody there: frames are dropped and counted, and attempts are spaced out", async () => {
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

async function joined(siteInstance = SOUTH, clock = new VirtualClock()): Promise<LiveFrameNetwork> {
  const network = await openOn(TcpFrameNetwork.open, clock);
  network.onFrames(() => {});
  network.join({ siteInstance, linkKey: LINK_KEY });
  return network;
}

function state(network: LiveFrameNetwork): string | undefined {
  return network.stats()[0]?.state;
}

async function until(isTrue: () => boolean): Promise<void> {
  const clock = new SystemClock();
  const deadline = clock.now() + 20_000;
  while (!isTrue()) {
    assert.ok(clock.now() < deadline, "it never came");
    await delay(clock, "until", 1);
  }
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

function makeFrame(size: number): Uint8Array {
  const frame = new Uint8Array(size).fill(1);
  new DataView(frame.buffer).setUint32(0, size);
  return frame;
}

/** Lets a dialler in, as a site would. Settles when it is. */
async function welcome(socket: Socket): Promise<void> {
  socket.on("error", () => {});
  socket.write(encodeHandshake({ type: "challenge", nonce: NONCE, challenge: NONCE }));
  const reader = new HandshakeReader();
  await new Promise<void>((resolve) => {
    socket.on("data", (bytes) => {
      const read = reader.push(bytes);
      if (read === undefined || read === "malformed" || read.message.type !== "proof") return;
      const { nonce } = read.message;
      const proof = acceptProof(LINK_KEY, read.message, NO_TOKEN);
      socket.write(encodeHandshake({ type: "welcome", nonce, token: NO_TOKEN, proof }));
      resolve();
    });
  });
}

/** Bytes that came in frames. */
class Come {
  from: unknown;
  #bytes = 0;
  #check = (): void => {};

  readonly take = (from: unknown, bytes: Uint8Array): void => {
    this.from = from;
    this.#bytes += bytes.byteLength;
    this.#check();
  };

  async bytes(count: number): Promise<void> {
    while (this.#bytes < count) {
      await new Promise<void>((resolve) => {
        this.#check = resolve;
      });
    }
    assert.equal(this.#bytes, count);
  }
}

/** Somebody who speaks the protocol by hand. */
class Peer {
  readonly socket: Socket;
  readonly ended: Promise<unknown>;
  readonly #reader = new HandshakeReader();
  readonly #messages: HandshakeMessage[] = [];
  #wake = (): void => {};

  static async dial(port: number): Promise<Peer> {
    const socket = connect({ port, host: "127.0.0.1" });
    const peer = new Peer(socket);
    await once(socket, "connect");
    return peer;
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    this.ended = new Promise((resolve) => socket.on("close", resolve));
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      for (let rest: Uint8Array = bytes; rest.byteLength > 0; ) {
        const read = this.#reader.push(rest);
        if (read === undefined || read === "malformed") return;
        this.#messages.push(read.message);
        rest = read.rest;
      }
      this.#wake();
    });
  }

  async message(): Promise<HandshakeMessage> {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) return message;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Sends a proof with `changes`; its bytes. */
  async prove(changes: {
    key?: string;
    to?: typeof SOUTH;
    from?: typeof NORTH;
  }): Promise<Uint8Array> {
    const { key = LINK_KEY, to = SOUTH, from = NORTH } = changes;
    const greeting = await this.message();
    assert.equal(greeting.type, "challenge");
    if (greeting.type !== "challenge") return assert.fail();
    const { challenge } = greeting;
    const attempt: Attempt = { nonce: NONCE, challenge, from, to, isSealed: false };
    const proof = dialProof(key, attempt);
    const bytes = encodeHandshake({ type: "proof", ...attempt, proof });
    this.socket.write(bytes);
    return bytes;
  }
}
