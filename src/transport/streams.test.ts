import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LIMITS, VirtualClock } from "../base/index.ts";
import { splitPackets } from "../wire/index.ts";
import { formatAddress, parseAddress } from "./address.ts";
import { packetOf } from "./connection.conformance.ts";
import { PacketStreamReader } from "./packet-stream-reader.ts";
import { StreamBacklog } from "./stream-backlog.ts";
import { encodeBinaryFrame, FrameCache } from "./websocket-frame.ts";
import { wholePacketsEnd } from "./whole-packets.ts";

function reader(): { read: PacketStreamReader; got: Uint8Array[] } {
  const got: Uint8Array[] = [];
  const read = new PacketStreamReader((bytes) => void got.push(...splitPackets(bytes)));
  return { read, got };
}

/** `bytes` cut at `cuts`, each piece in its own memory. */
function pieces(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [0, ...cuts.map((cut) => cut % (bytes.byteLength + 1)).sort((a, b) => a - b)];
  return at.map((start, index) => bytes.slice(start, at[index + 1] ?? bytes.byteLength));
}

test("packets come out of a stream however it is cut", () => {
  const sizes = fc.array(fc.oneof(fc.nat({ max: 40 }), fc.nat({ max: 65_515 })), { maxLength: 8 });
  fc.assert(
    fc.property(sizes, fc.array(fc.nat(), { maxLength: 30 }), (payloads, cuts) => {
      const sent = payloads.map((size, at) => packetOf(size, at));
      const { read, got } = reader();
      for (const piece of pieces(Buffer.concat(sent), cuts)) assert.equal(read.push(piece), true);
      assert.deepEqual(got, sent);
      assert.equal(read.isAtBoundary, true);
      assert.equal(read.heldBytes, 0);
    }),
  );
});

test("packets come out of a stream that arrives byte by byte", () => {
  const sent = [packetOf(0), packetOf(5), packetOf(6_000)];
  const { read, got } = reader();
  for (const byte of Buffer.concat(sent)) read.push(Uint8Array.of(byte));
  assert.deepEqual(got, sent);
});

test("random bytes never throw, and what comes out is whole packets", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }), (all) => {
      const read = new PacketStreamReader((bytes) => {
        assert.equal(wholePacketsEnd(bytes), bytes.byteLength);
      });
      let isUsable = true;
      for (const piece of all) {
        const isTaken = read.push(piece);
        assert(isUsable || !isTaken, "a broken stream stays broken");
        isUsable = isTaken;
      }
    }),
  );
});

test("a packet that is promised takes memory as its bytes come, never more than its length", () => {
  const { read } = reader();
  const packet = packetOf(65_515);
  read.push(packet.subarray(0, 4));
  assert(read.heldBytes <= 4_096);
  for (let at = 4; at < packet.byteLength - 1; at++) {
    read.push(packet.subarray(at, at + 1));
    assert(read.heldBytes <= Math.max(4_096, 2 * (at + 1)));
    assert(read.heldBytes <= packet.byteLength);
  }
});

test("packets of one piece are handed up together, without a copy", () => {
  const got: Uint8Array[] = [];
  const read = new PacketStreamReader((bytes) => void got.push(bytes));
  const piece = new Uint8Array([...packetOf(1), ...packetOf(2), ...packetOf(3).subarray(0, 10)]);
  read.push(piece);
  assert.equal(got.length, 1);
  assert.equal(got[0]?.buffer, piece.buffer);
  assert.equal(got[0]?.byteLength, 21 + 22);
});

test("the age of a backlog is that of its oldest write", () => {
  const clock = new VirtualClock();
  let pending = 0;
  const backlog = new StreamBacklog(clock, () => pending);
  const write = (bytes: number): void => {
    pending += bytes;
    backlog.wrote(bytes);
  };
  write(100);
  clock.advance(50);
  write(10);
  clock.advance(25);
  assert.deepEqual(backlog.report(), { bytes: 110, oldestMs: 75 });
  pending = 10;
  assert.deepEqual(backlog.report(), { bytes: 10, oldestMs: 25 });
  pending = 0;
  assert.deepEqual(backlog.report(), { bytes: 0, oldestMs: 0 });
  clock.advance(1_000);
  write(1);
  assert.deepEqual(backlog.report(), { bytes: 1, oldestMs: 0 });
});

test("the age of a backlog holds however many writes there are", () => {
  const clock = new VirtualClock();
  let pending = 0;
  const backlog = new StreamBacklog(clock, () => pending);
  for (let at = 0; at < 5_000; at++) {
    pending += 10;
    backlog.wrote(10);
    clock.advance(11);
  }
  assert.equal(backlog.report().oldestMs, 55_000);
  pending = 1;
  assert(backlog.report().oldestMs >= 11);
});

test("a backlog has room up to its bound exactly", () => {
  const backlog = new StreamBacklog(new VirtualClock(), () => 1_000);
  assert.equal(backlog.hasRoomFor(LIMITS.backlogBytesMax - 1_000), true);
  assert.equal(backlog.hasRoomFor(LIMITS.backlogBytesMax - 999), false);
});

for (const [length, header] of [
  [0, [0x82, 0]],
  [125, [0x82, 125]],
  [126, [0x82, 126, 0, 126]],
  [65_535, [0x82, 126, 0xff, 0xff]],
  [65_536, [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]],
] as const) {
  test(`the frame of ${length} bytes has the header of RFC 6455 §5.2`, () => {
    const frame = encodeBinaryFrame(new Uint8Array(length).fill(5));
    assert.deepEqual([...frame.subarray(0, header.length)], header);
    assert.equal(frame.byteLength, header.length + length);
    assert(frame.subarray(header.length).every((byte) => byte === 5));
  });
}

test("a frame is made once per buffer, and equal buffers are not the same", () => {
  const cache = new FrameCache();
  const [one, same] = [packetOf(3), packetOf(3)];
  const frame = cache.frameOf(one);
  assert.equal(cache.frameOf(one), frame);
  assert.notEqual(cache.frameOf(same), frame);
  assert.equal(cache.madeCount, 2);
  for (let at = 0; at < 100; at++) cache.frameOf(packetOf(at));
  assert.deepEqual(cache.frameOf(one), frame);
  assert.equal(cache.madeCount, 103);
});

test("addresses are read as they are written", () => {
  for (const [host, port] of [
    ["127.0.0.1", 7_000],
    ["::1", 1],
    ["north.example", 65_535],
  ] as const) {
    assert.deepEqual(parseAddress(formatAddress(host, port)), { host, port });
  }
  assert.deepEqual(parseAddress("[2001:DB8:0:0::7]:80"), { host: "2001:db8::7", port: 80 });
});

test("any text is an address or is refused as one", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.ipV6(), fc.webAuthority()), (text) => {
      try {
        const { port } = parseAddress(text);
        assert(port >= 1 && port <= 65_535);
      } catch (thrown) {
        assert.equal((thrown as { code?: string }).code, "address-invalid");
      }
    }),
  );
});
