import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeRtcp, encodeRtcp, isRtcp, type RtcpPacket } from "./rtcp.ts";
import { encodeRtp } from "./rtp.ts";

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const text = fc.string({ maxLength: 60, unit: "grapheme" }).filter((each) => {
  return new TextEncoder().encode(each).length <= 255;
});
const reports = fc.array(
  record({
    ssrc: u32,
    fractionLost: fc.integer({ min: 0, max: 255 }),
    packetsLost: fc.integer({ min: -(2 ** 23), max: 2 ** 23 - 1 }),
    highestSequence: u32,
    jitter: u32,
    lastSenderReport: u32,
    delaySinceLastSenderReport: u32,
  }),
  { maxLength: 31 },
);
const packet = fc.oneof(
  record({
    type: fc.constant("sender-report"),
    ssrc: u32,
    ntpSeconds: u32,
    ntpFraction: u32,
    rtpTimestamp: u32,
    packetCount: u32,
    octetCount: u32,
    reports,
  }),
  record({ type: fc.constant("receiver-report"), ssrc: u32, reports }),
  record({ type: fc.constant("bye"), ssrcs: fc.array(u32, { maxLength: 31 }), reason: text }),
  record({ type: fc.constant("source-description"), ssrc: u32, cname: text }),
  fc
    .tuple(fc.integer({ min: 204, max: 223 }), fc.array(u32, { maxLength: 8 }))
    .map(([packetType, words]) => ({
      type: "other",
      packetType,
      bytes: Uint8Array.from([
        ...[0x80, packetType, 0, words.length],
        ...words.flatMap((word) => [word >>> 24, word >>> 16, word >>> 8, word]),
      ]),
    })),
) as fc.Arbitrary<RtcpPacket>;

test("decoding gives what was encoded, for every compound packet", () => {
  fc.assert(
    fc.property(fc.array(packet, { minLength: 1, maxLength: 4 }), (packets) => {
      const bytes = encodeRtcp(packets);
      assert.equal(bytes.length % 4, 0);
      assert.deepEqual(decodeRtcp(bytes), packets);
    }),
    { numRuns: 500 },
  );
});

test("any bytes are packets or a fault, and never an exception", () => {
  const noise = fc
    .tuple(
      fc.integer({ min: 0, max: 63 }),
      fc.constantFrom(200, 201, 202, 203, 204, 206),
      fc.uint8Array({ maxLength: 64 }),
    )
    .map(([count, type, rest]) => {
      const words = rest.length >> 2;
      return Uint8Array.from([0x80 | count, type, 0, words, ...rest.subarray(0, words * 4)]);
    });
  fc.assert(
    fc.property(fc.oneof(noise, fc.uint8Array({ maxLength: 64 })), (bytes) => {
      const packets = decodeRtcp(bytes);
      assert(typeof packets === "string" || Array.isArray(packets));
    }),
    { numRuns: 3000 },
  );
});

test("a compound packet cut off anywhere between its parts is refused", () => {
  fc.assert(
    fc.property(packet, fc.integer({ min: 1, max: 3 }), (each, cut) => {
      const bytes = encodeRtcp([each]);
      assert.equal(typeof decodeRtcp(bytes.subarray(0, bytes.length - cut)), "string");
    }),
  );
});

test("RTCP is distinguished from RTP on a shared port", () => {
  fc.assert(
    fc.property(packet, (each) => {
      assert.equal(isRtcp(encodeRtcp([each])), true);
    }),
  );
  const head = { sequence: 0, timestamp: 0, ssrc: 0, csrcs: [], extensions: [] };
  const payload = new Uint8Array(4);
  for (const marker of [false, true]) {
    for (const payloadType of [0, 34, 63, 96, 111, 127]) {
      assert.equal(isRtcp(encodeRtp({ ...head, marker, payloadType, payload })), false);
    }
  }
  assert.equal(isRtcp(new Uint8Array(0)), false);
  assert.equal(isRtcp(Uint8Array.of(0x40, 200, 0, 0)), false);
});

function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;
}
