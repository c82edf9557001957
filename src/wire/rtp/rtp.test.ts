import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeRtp, encodeRtp, type RtpPacket } from "./rtp.ts";

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const oneByte = extension({ ids: 14, bytesMin: 1, bytesMax: 16 });
const twoByte = extension({ ids: 255, bytesMin: 0, bytesMax: 255 });

test("decoding gives what was encoded, with either form of extensions", () => {
  fc.assert(
    fc.property(packetWith(fc.oneof(oneByte, twoByte)), (packet) => {
      assert.deepEqual(decodeRtp(encodeRtp(packet)), packet);
    }),
  );
});

test("extensions that fit the one-byte form take it, others the two-byte form", () => {
  const profileOf = (packet: RtpPacket): number => {
    const bytes = encodeRtp(packet);
    const at = 12 + packet.csrcs.length * 4;
    return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  };
  fc.assert(
    fc.property(packetWith(oneByte), (packet) => {
      fc.pre(packet.extensions.length > 0);
      assert.equal(profileOf(packet), 0xbede);
    }),
  );
  fc.assert(
    fc.property(packetWith(oneByte), (packet) => {
      const extensions = [...packet.extensions, { id: 15, data: Uint8Array.of(1) }];
      assert.equal(profileOf({ ...packet, extensions }), 0x1000);
    }),
  );
});

test("any bytes are a packet or a fault, and never an exception", () => {
  const noise = fc.uint8Array({ minLength: 0, maxLength: 100 }).map((bytes) => {
    if (bytes[0] !== undefined) bytes[0] = (bytes[0] & 0x3f) | 0x80;
    return bytes;
  });
  fc.assert(
    fc.property(noise, (bytes) => {
      const packet = decodeRtp(bytes);
      if (typeof packet === "string") return;
      assert(packet.payload.length <= bytes.length - 12);
      assert.deepEqual(decodeRtp(encodeRtp(packet)), packet);
    }),
    { numRuns: 2000 },
  );
});

test("padding of any length is removed", () => {
  fc.assert(
    fc.property(packetWith(oneByte), fc.integer({ min: 1, max: 255 }), (packet, padding) => {
      const bytes = Uint8Array.from([...encodeRtp(packet), ...new Uint8Array(padding)]);
      bytes[0] = (bytes[0] as number) | 0x20;
      bytes[bytes.length - 1] = padding;
      assert.deepEqual(decodeRtp(bytes), packet);
    }),
  );
});

function extension(limits: { ids: number; bytesMin: number; bytesMax: number }) {
  const { ids, bytesMin, bytesMax } = limits;
  return fc.record(
    {
      id: fc.integer({ min: 1, max: ids }),
      data: fc.uint8Array({ minLength: bytesMin, maxLength: bytesMax }),
    },
    { noNullPrototype: true },
  );
}

function packetWith(
  extensions: fc.Arbitrary<{ id: number; data: Uint8Array }>,
): fc.Arbitrary<RtpPacket> {
  return fc.record(
    {
      marker: fc.boolean(),
      payloadType: fc.integer({ min: 0, max: 127 }),
      sequence: fc.integer({ min: 0, max: 0xffff }),
      timestamp: u32,
      ssrc: u32,
      csrcs: fc.array(u32, { maxLength: 15 }),
      extensions: fc.array(extensions, { maxLength: 5 }),
      payload: fc.uint8Array({ maxLength: 200 }),
    },
    { noNullPrototype: true },
  );
}
