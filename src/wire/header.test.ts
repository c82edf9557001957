import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AssertionFailed, LIMITS } from "../base/index.ts";
import {
  channelOf,
  decodeHeader,
  encodeHeader,
  encodePacket,
  faultOf,
  flagsOf,
  generationOf,
  HEADER_BYTES,
  type Header,
  KIND,
  kindOf,
  lengthOf,
  mediumOf,
  payloadOf,
  sequenceBitsOf,
  sequenceOf,
  sourceOf,
  splitPackets,
} from "./header.ts";

const u8 = fc.integer({ min: 0, max: 0xff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const fields = fc.record(
  {
    kind: fc.integer({ min: 0, max: 15 }),
    flags: u8,
    channel: u32,
    source: u32,
    stackEpoch: fc.integer({ min: 0, max: 0xffff }),
    medium: u8,
    sourceGeneration: u8,
    sequence: u32,
  },
  { noNullPrototype: true },
);
const packet = fc
  .tuple(fields, fc.uint8Array({ maxLength: 50 }))
  .map(([header, payload]) => encodePacket(header, payload));

test("decoding gives what was encoded, for every header and payload", () => {
  fc.assert(
    fc.property(fields, fc.uint8Array({ maxLength: 2000 }), (header, payload) => {
      const bytes = encodePacket(header, payload);
      assert.deepEqual(decodeHeader(bytes), { ...header, length: HEADER_BYTES + payload.length });
      assert.deepEqual(payloadOf(bytes), payload);
    }),
  );
});

test("the field readers agree with the decoded header", () => {
  fc.assert(
    fc.property(packet, (bytes) => {
      const header = decodeHeader(bytes) as Header;
      assert.equal(kindOf(bytes), header.kind);
      assert.equal(flagsOf(bytes), header.flags);
      assert.equal(lengthOf(bytes), header.length);
      assert.equal(channelOf(bytes), header.channel);
      assert.equal(sourceOf(bytes), header.source);
      assert.equal(mediumOf(bytes), header.medium);
      assert.equal(generationOf(bytes), header.sourceGeneration);
      assert.equal(sequenceOf(bytes), header.sequence);
    }),
  );
});

test("any bytes are a header or a fault, and never an exception", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const fault = faultOf(bytes);
      const decoded = decodeHeader(bytes);
      if (fault !== undefined) assert.equal(decoded, fault);
      else assert((decoded as Header).length <= bytes.length);
    }),
  );
});

test("a header writes every byte of its place and no other", () => {
  fc.assert(
    fc.property(fields, u8, (header, before) => {
      const target = new Uint8Array(HEADER_BYTES + 1).fill(before);
      encodeHeader({ ...header, length: HEADER_BYTES }, target);
      assert.equal(target[HEADER_BYTES], before);
      assert.deepEqual(decodeHeader(target), { ...header, length: HEADER_BYTES });
    }),
  );
});

test("concatenated packets are split into the same packets", () => {
  fc.assert(
    fc.property(fc.array(packet, { maxLength: 8 }), (packets) => {
      const bytes = Uint8Array.from(packets.flatMap((each) => [...each]));
      assert.deepEqual([...splitPackets(bytes)], packets);
    }),
  );
});

test("splitting stops at the first fault and returns it", () => {
  const sound = encodePacket(
    { ...(decodeHeader(zeroPacket()) as Header), sequence: 7 },
    zeroPacket(),
  );
  const bytes = Uint8Array.from([...sound, ...sound.subarray(0, 30)]);
  const split = splitPackets(bytes);
  assert.deepEqual(split.next(), { done: false, value: sound });
  assert.deepEqual(split.next(), { done: true, value: "length" });
});

test("only rtp has sequences of 16 bits", () => {
  for (const kind of Object.values(KIND)) {
    const bytes = zeroPacket();
    bytes[0] = 0x10 | kind;
    assert.equal(sequenceBitsOf(bytes), kind === KIND.rtp ? 16 : 32);
  }
});

test("a packet takes a payload up to the length field's end, and no larger one", () => {
  const header = decodeHeader(zeroPacket()) as Header;
  const largest = encodePacket(header, new Uint8Array(LIMITS.packetBytesMax - HEADER_BYTES));
  assert.equal(lengthOf(largest), LIMITS.packetBytesMax);
  assert.throws(() => encodePacket(header, largest), AssertionFailed);
});

function zeroPacket(): Uint8Array {
  return Uint8Array.of(0x10, 0, HEADER_BYTES, ...new Uint8Array(17));
}
