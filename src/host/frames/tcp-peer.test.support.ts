import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, type Server, type Socket } from "node:net";
import { delay, SystemClock, VirtualClock } from "../../base/index.ts";
import { encodeHandshake, type HandshakeMessage } from "./handshake-message.ts";
import { HandshakeReader } from "./handshake-reader.ts";
import { type Attempt, acceptProof, dialProof } from "./link-proof.ts";
import type { LiveFrameNetwork } from "./live-frame-network.ts";
import { LINK_KEY, openOn } from "./live-world.test.support.ts";
import { TcpFrameNetwork } from "./tcp-frame-network.ts";

export const NORTH = { site: "north", instance: 1 };
export const SOUTH = { site: "south", instance: 2 };
export const NONCE = new Uint8Array(16).fill(9);
export const NO_TOKEN = new Uint8Array(8);

/** A network at a site that has joined its session. */
export async function joined(
  siteInstance = SOUTH,
  clock = new VirtualClock(),
): Promise<LiveFrameNetwork> {
  const network = await openOn(TcpFrameNetwork.open, clock);
  network.onFrames(() => {});
  network.join({ siteInstance, linkKey: LINK_KEY });
  return network;
}

/** Of its first link. */
export function state(network: LiveFrameNetwork): string | undefined {
  return network.stats()[0]?.state;
}

/** Waits for a fact, for at most 20 s. */
export async function until(isTrue: () => boolean): Promise<void> {
  const clock = new SystemClock();
  const deadline = clock.now() + 20_000;
  while (!isTrue()) {
    assert.ok(clock.now() < deadline, "it never came");
    await delay(clock, "until", 1);
  }
}

export async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** A frame of this size, bytes, its length included. */
export function makeFrame(size: number): Uint8Array {
  const frame = new Uint8Array(size).fill(1);
  new DataView(frame.buffer).setUint32(0, size);
  return frame;
}

/** Admits a dialler, as a site does. Settles when it has. */
export async function welcome(socket: Socket): Promise<void> {
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

/** Counts the bytes of frames received. */
export class Come {
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

/** A peer that speaks the handshake by hand. */
export class Peer {
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
