import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { delay, LIMITS, SystemClock, VirtualClock } from "../../base/index.ts";
import { frameNetworkConformance } from "../../stream/frame-network.conformance.ts";
import { decodeHandshake, encodeHandshake, type HandshakeMessage } from "./handshake-message.ts";
import { acceptProof, dialProof } from "./link-proof.ts";
import type { LiveFrameNetwork } from "./live-frame-network.ts";
import { LINK_KEY, LiveWorld, openOn, privately } from "./live-world.test.support.ts";
import { UdpFrameNetwork } from "./udp-frame-network.ts";

const NORTH = { site: "north", instance: 1 };
const SOUTH = { site: "south", instance: 2 };
const NONCE = new Uint8Array(16).fill(9);

frameNetworkConformance("udp", async () => new LiveWorld(UdpFrameNetwork.open), {
  isOrdered: false,
});

frameNetworkConformance(
  "udp, private",
  async () => new LiveWorld(privately(UdpFrameNetwork.open)),
  { isOrdered: false },
);

test("udp: [N15] frames of one turn share datagrams of at most 1 400 bytes", async () => {
  const peer = await Peer.open();
  await using north = await joined(NORTH);
  north.setSites([{ ...SOUTH, host: "127.0.0.1", port: peer.port }]);
  for (let index = 0; index < 30; index++) north.send(SOUTH, makeFrame(100));
  await peer.welcome();
  let frames = 0;
  for (let datagrams = 0; datagrams < 3; datagrams++) {
    const { message, bytes } = await peer.next();
    assert.ok(bytes <= LIMITS.frameDatagramBytes);
    assert.equal(message.type, "data");
    if (message.type === "data") frames += message.frames.byteLength / 100;
  }
  assert.equal(frames, 30);
  peer.close();
});

test("udp: [N15] a step that is lost is repeated", async () => {
  const clock = new VirtualClock();
  const peer = await Peer.open();
  await using north = await joined(NORTH, clock);
  north.setSites([{ ...SOUTH, host: "127.0.0.1", port: peer.port }]);
  north.send(SOUTH, makeFrame(20));
  const first = await peer.next();
  clock.advance(LIMITS.requestRetryMs);
  assert.deepEqual(await peer.next(), first);
  peer.answer({ type: "challenge", nonce: nonceOf(first.message), challenge: NONCE });
  const proof = await peer.next();
  assert.equal(proof.message.type, "proof");
  clock.advance(LIMITS.requestRetryMs);
  assert.deepEqual(await peer.next(), proof);
  clock.advance(LIMITS.frameHandshakeMs);
  assert.equal(north.counts.get("handshake-timeout"), 1);
  assert.equal(north.counts.get("frames-lost"), 1);
  peer.close();
});

test("udp: [N14] frames without a token that was given are dropped and counted, and their sender told", async () => {
  await using world = new LiveWorld(UdpFrameNetwork.open);
  let came = 0;
  await world.start(SOUTH, () => void came++);
  const peer = await Peer.open(world.network("south").port);
  const token = new Uint8Array(8).fill(3);
  peer.answer({ type: "data", token, frames: makeFrame(20) });
  assert.deepEqual((await peer.next()).message, { type: "unknownToken", token });
  peer.raw(new Uint8Array([1, 2, 3]));
  await until(() => world.network("south").counts.get("datagram-malformed") === 1);
  assert.equal(world.network("south").counts.get("token-unknown"), 1);
  assert.equal(came, 0);
  peer.close();
});

test("udp: [N14] the same proof gets the same token, a later one another, and a forged one none", async () => {
  await using south = await joined(SOUTH);
  const peer = await Peer.open(south.port);
  const first = await peer.prove();
  assert.equal(first.type, "welcome");
  peer.raw(peer.lastProof);
  assert.deepEqual((await peer.next()).message, first);
  const second = await peer.prove({ nonce: new Uint8Array(16).fill(8) });
  assert.equal(second.type, "welcome");
  assert.notDeepEqual(second, first);
  const refused = async (changes: object): Promise<unknown> => {
    const answer = await peer.prove(changes);
    return answer.type === "refusal" ? answer.reason : answer.type;
  };
  assert.equal(await refused({ key: "other" }), "link-key-wrong");
  assert.equal(await refused({ to: { site: "south", instance: 1 } }), "wrong-instance");
  assert.equal(await refused({ to: { site: "west", instance: 2 } }), "wrong-site");
  peer.close();
});

test("udp: [N14] a challenge is good for its address and its time only", async () => {
  const clock = new VirtualClock();
  await using south = await joined(SOUTH, clock);
  const peer = await Peer.open(south.port);
  assert.equal((await peer.prove()).type, "welcome");
  const other = await Peer.open(south.port);
  other.raw(peer.lastProof);
  await until(() => south.counts.get("bad-hello") === 1);
  clock.advance(2 * LIMITS.frameHandshakeMs);
  peer.raw(peer.lastProof);
  await until(() => south.counts.get("bad-hello") === 2);
  peer.close();
  other.close();
});

test("udp: [N15] a datagram with anything but whole frames is dropped and counted", async () => {
  await using world = new LiveWorld(UdpFrameNetwork.open);
  const came: Uint8Array[] = [];
  await world.start(SOUTH, (_from, bytes) => void came.push(bytes));
  const peer = await Peer.open(world.network("south").port);
  const welcome = await peer.prove();
  assert.equal(welcome.type, "welcome");
  if (welcome.type !== "welcome") return;
  const { token } = welcome;
  const cut = makeFrame(30).subarray(0, 29);
  const big = makeFrame(LIMITS.datagramFrameBytesMax + 1);
  for (const frames of [new Uint8Array(), cut, big]) peer.answer({ type: "data", token, frames });
  peer.answer({ type: "data", token, frames: makeFrame(30) });
  await until(() => came.length === 1);
  assert.equal(world.network("south").counts.get("frame-malformed"), 3);
  assert.deepEqual(came[0], makeFrame(30));
  peer.close();
});

test("udp: [N14] a sender whose token is not known any more asks for another", async () => {
  const peer = await Peer.open();
  await using north = await joined(NORTH, new SystemClock());
  north.setSites([{ ...SOUTH, host: "127.0.0.1", port: peer.port }]);
  north.send(SOUTH, makeFrame(20));
  const token = await peer.welcome();
  assert.equal((await peer.next()).message.type, "data");
  peer.answer({ type: "unknownToken", token: new Uint8Array(8).fill(1) });
  await until(() => north.counts.get("answer-unexpected") === 1);
  assert.equal(north.stats()[0]?.state, "open");
  peer.answer({ type: "unknownToken", token });
  await until(() => north.counts.get("token-refused") === 1);
  await until(() => north.stats()[0]?.state === "idle");
  north.send(SOUTH, makeFrame(20));
  await peer.welcome();
  assert.equal((await peer.next()).message.type, "data");
  peer.close();
});

async function joined(
  siteInstance: typeof NORTH,
  clock?: VirtualClock | SystemClock,
): Promise<LiveFrameNetwork> {
  const network = await openOn(UdpFrameNetwork.open, clock ?? new VirtualClock());
  network.onFrames(() => {});
  network.join({ siteInstance, linkKey: LINK_KEY });
  return network;
}

async function until(isTrue: () => boolean): Promise<void> {
  const clock = new SystemClock();
  const deadline = clock.now() + 20_000;
  while (!isTrue()) {
    assert.ok(clock.now() < deadline, "it never came");
    await delay(clock, "until", 1);
  }
}

function makeFrame(size: number): Uint8Array {
  const frame = new Uint8Array(size).fill(1);
  new DataView(frame.buffer).setUint32(0, size);
  return frame;
}

function nonceOf(message: HandshakeMessage): Uint8Array {
  assert.equal(message.type, "hello");
  return message.type === "hello" ? message.nonce : NONCE;
}

/** A peer that speaks the protocol by hand. */
class Peer {
  readonly port: number;
  lastProof = new Uint8Array();
  readonly #socket: Socket;
  #remote: number;
  readonly #came: { readonly message: HandshakeMessage; readonly bytes: number }[] = [];
  #wake = (): void => {};

  static async open(remote = 0): Promise<Peer> {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    return new Peer(socket, remote);
  }

  private constructor(socket: Socket, remote: number) {
    this.#socket = socket;
    this.#remote = remote;
    this.port = socket.address().port;
    socket.on("message", (bytes, { port }) => {
      this.#remote = port;
      const message = decodeHandshake(Uint8Array.from(bytes));
      if (message !== undefined) this.#came.push({ message, bytes: bytes.byteLength });
      this.#wake();
    });
  }

  async next(): Promise<{ readonly message: HandshakeMessage; readonly bytes: number }> {
    for (;;) {
      const first = this.#came.shift();
      if (first !== undefined) return first;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  answer(message: HandshakeMessage): void {
    this.raw(encodeHandshake(message));
  }

  raw(bytes: Uint8Array): void {
    this.#socket.send(bytes, this.#remote, "127.0.0.1");
  }

  /** Lets a dialler in, as a site would; the token that it gave. */
  async welcome(): Promise<Uint8Array> {
    const token = new Uint8Array(8).fill(5);
    for (;;) {
      const { message } = await this.next();
      if (message.type === "hello") {
        this.answer({ type: "challenge", nonce: message.nonce, challenge: NONCE });
      } else if (message.type === "proof") {
        const proof = acceptProof(LINK_KEY, message, token);
        this.answer({ type: "welcome", nonce: message.nonce, token, proof });
        return token;
      }
    }
  }

  /** Asks for a challenge and proves itself; the answer. */
  async prove(
    changes: { key?: string; to?: typeof SOUTH; nonce?: Uint8Array } = {},
  ): Promise<HandshakeMessage> {
    const { key = LINK_KEY, to = SOUTH, nonce = NONCE } = changes;
    this.answer({ type: "hello", nonce });
    const { message } = await this.next();
    assert.equal(message.type, "challenge");
    if (message.type !== "challenge") return message;
    const { challenge } = message;
    const attempt = { nonce, challenge, from: NORTH, to, isSealed: false };
    this.lastProof = Uint8Array.from(
      encodeHandshake({ type: "proof", ...attempt, proof: dialProof(key, attempt) }),
    );
    this.raw(this.lastProof);
    return (await this.next()).message;
  }

  close(): void {
    this.#socket.close();
  }
}
