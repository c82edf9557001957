import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../base/index.ts";
import { encodePacket, KIND, lengthOf } from "../wire/index.ts";
import { composeStack } from "./compose.ts";
import type { Connection, ConnectionEnd } from "./connection.ts";
import { parseStack } from "./parse.ts";

/** A connection that keeps what it is given, and refuses from the `limit`-th send on. */
class RecordingConnection implements Connection {
  readonly stack = "udp";
  readonly peer = "there";
  readonly reliable = false;
  readonly coalesces = false;
  readonly maxBytes = 65_507;
  readonly closed: Promise<ConnectionEnd>;
  readonly sent: Uint8Array[] = [];
  limit = Number.POSITIVE_INFINITY;
  tried = 0;
  malformed = 0;
  handler: (bytes: Uint8Array) => void = () => {};
  #settle: (end: ConnectionEnd) => void = () => {};

  constructor() {
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  send(packet: Uint8Array): boolean {
    this.tried++;
    if (this.sent.length >= this.limit) return false;
    this.sent.push(packet);
    return true;
  }

  onPackets(handler: (bytes: Uint8Array) => void): void {
    this.handler = handler;
  }

  backlog(): { bytes: number; oldestMs: number } {
    return { bytes: 5, oldestMs: 6 };
  }

  stats(): Record<string, number> {
    return { "early-dropped": 1 };
  }

  close(): void {
    this.#settle(undefined);
  }
}

function packetOf(payloadBytes: number): Uint8Array {
  const ids = { channel: 1, source: 2, medium: 2, sourceGeneration: 0, sequence: 3 };
  return encodePacket({ kind: KIND.rtp, flags: 0, ...ids }, new Uint8Array(payloadBytes).fill(9));
}

function compose(text: string): {
  below: RecordingConnection;
  top: Connection;
  clock: VirtualClock;
} {
  const clock = new VirtualClock();
  const below = new RecordingConnection();
  return { below, top: composeStack(parseStack(text).modules, below, { clock }), clock };
}

test("[S12] a stack without modules is the connection itself", () => {
  const { below, top } = compose("udp");
  assert.equal(top, below);
});

test("[S12] a composed connection is named by its stack and passes on what is below", () => {
  const { below, top } = compose("frag(mtu=1400):frag:udp");
  assert.equal(top.stack, "frag(mtu=1400):frag:udp");
  assert.equal(top.peer, "there");
  assert.equal(top.reliable, false);
  assert.equal(top.maxBytes, 65_535);
  assert.deepEqual(top.backlog(), { bytes: 5, oldestMs: 6 });
  below.malformed = 3;
  assert.equal(top.malformed, 3);
});

test("what a composed connection is sent comes out above another", () => {
  const { below, top } = compose("frag(mtu=600):udp");
  const { below: farBelow, top: farTop } = compose("frag(mtu=600):udp");
  const got: Uint8Array[] = [];
  farTop.onPackets((bytes) => void got.push(bytes));
  const packet = packetOf(3_000);
  assert.equal(top.send(packet), true);
  assert(below.sent.length > 1);
  for (const each of below.sent) farBelow.handler(each);
  assert.deepEqual(got, [packet]);
});

test("several packets that arrive as one are handled one by one", () => {
  const { below, top } = compose("frag:udp");
  const got: number[] = [];
  top.onPackets((bytes) => void got.push(lengthOf(bytes)));
  below.handler(new Uint8Array([...packetOf(1), ...packetOf(2), ...packetOf(3)]));
  assert.deepEqual(got, [21, 22, 23]);
});

test("[S12] a packet of which a part is refused is refused, and the rest is not tried", () => {
  const { below, top } = compose("frag(mtu=600):udp");
  below.limit = 2;
  assert.equal(top.send(packetOf(3_000)), false);
  assert.equal(below.tried, 3);
  assert.equal(top.stats?.()["frag-refused-below"], 1);
  below.limit = Number.POSITIVE_INFINITY;
  assert.equal(top.send(packetOf(3_000)), true);
});

test("bytes that are not a packet, are several, or are too large are refused", () => {
  const { below, top } = compose("frag:udp");
  assert.equal(top.send(new Uint8Array(0)), false);
  assert.equal(top.send(new Uint8Array(100)), false);
  assert.equal(top.send(new Uint8Array([...packetOf(1), ...packetOf(1)])), false);
  assert.equal(top.send(new Uint8Array(70_000)), false);
  assert.equal(below.sent.length, 0);
});

test("malformed counts what is malformed for a module too, and statistics carry its name", () => {
  const { below, top } = compose("frag:udp");
  top.onPackets(() => {});
  const ids = { channel: 1, source: 2, medium: 2, sourceGeneration: 0, sequence: 3 };
  below.handler(encodePacket({ kind: KIND.fragment, flags: 0, ...ids }, new Uint8Array(2)));
  below.malformed = 1;
  assert.equal(top.malformed, 2);
  assert.equal(top.stats?.()["frag-malformed"], 1);
  assert.equal(top.stats?.()["early-dropped"], 1);
});

test("[S12] closing closes what is below, and then nothing is taken or handed up", async () => {
  const { below, top } = compose("frag:udp");
  const got: Uint8Array[] = [];
  top.onPackets((bytes) => void got.push(bytes));
  top.close();
  assert.equal(await below.closed, undefined);
  assert.equal(await top.closed, undefined);
  below.handler(packetOf(1));
  assert.deepEqual(got, []);
  assert.equal(top.send(packetOf(1)), false);
});

test("modules get the clock's time", () => {
  const { below, top, clock } = compose("frag(mtu=600):udp");
  const far = compose("frag(mtu=600):udp");
  far.top.onPackets(() => {});
  top.send(packetOf(1_000));
  top.send(packetOf(1_000));
  const [first, , third] = below.sent as [Uint8Array, Uint8Array, Uint8Array];
  far.below.handler(first);
  far.clock.advance(2_000);
  clock.advance(2_000);
  far.below.handler(third);
  assert.equal(far.top.stats?.()["frag-expired"], 1);
});
