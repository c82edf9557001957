import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LIMITS } from "../../base/index.ts";
import { annexB, obu } from "./formats.test.support.ts";
import { depacketizerFor, followerFor, inspectorFor, packetizerFor } from "./formats.ts";
import type { Depacketizer, Frame, Inspector, PacketPosition } from "./media-format.ts";
import type { PictureFollower } from "./picture-follower.ts";

// Each field of each payload format at its bounds and at random, and payloads of other codecs, before a sound stream.

const VIDEO = ["h264", "h265", "vp8", "vp9", "av1"] as const;
type Video = (typeof VIDEO)[number];

const bits = (count: number): fc.Arbitrary<number> => {
  const max = 2 ** count - 1;
  return fc.oneof(fc.constantFrom(0, 1, max - 1, max), fc.nat(max));
};
const tail = fc.oneof(
  fc.constantFrom(
    Uint8Array.of(),
    Uint8Array.of(0),
    Uint8Array.of(255, 255, 255, 255),
    new Uint8Array(8),
  ),
  fc.uint8Array({ maxLength: 40 }),
);
const joined = (heads: readonly fc.Arbitrary<number>[]): fc.Arbitrary<Uint8Array> =>
  fc.tuple(fc.tuple(...heads), tail).map(([head, rest]) => Uint8Array.of(...head, ...rest));
const byte = (...fields: readonly number[]): fc.Arbitrary<number> =>
  fc.tuple(...fields.map(bits)).map((values) => {
    return values.reduce((sum, value, index) => sum * 2 ** (fields[index] as number) + value, 0);
  });
/** A supplemental message of any type and size, with or without what it says it has. */
const sei = fc.tuple(fc.constantFrom(5, 6, 45, 255), bits(8), tail);

/** Payloads by the fields of their heads. */
const FIELDS: Record<Video, fc.Arbitrary<Uint8Array>> = {
  h264: fc.oneof(
    joined([byte(1, 2, 5)]),
    // FU-A: indicator, then start, end, reserved and type.
    joined([byte(1, 2).map((value) => (value << 5) | 28), byte(1, 1, 1, 5)]),
    sei.map(([type, size, rest]) => Uint8Array.of(6, type, size, ...rest)),
    // STAP-A with one size.
    fc
      .tuple(bits(16), tail)
      .map(([size, rest]) => Uint8Array.of(0x78, size >> 8, size & 255, ...rest)),
    // Parameter sets with any ids and profiles.
    joined([fc.constantFrom(0x67, 0x68, 0x27), bits(8), bits(8), bits(8), bits(8)]),
  ),
  h265: fc.oneof(
    joined([byte(1, 6, 1), byte(5, 3)]),
    joined([fc.constant(49 << 1), byte(5, 3), byte(1, 1, 6)]),
    fc
      .tuple(bits(16), tail)
      .map(([size, rest]) => Uint8Array.of(48 << 1, 1, size >> 8, size & 255, ...rest)),
    sei.map(([type, size, rest]) => Uint8Array.of(39 << 1, 1, type, size, ...rest)),
  ),
  vp8: joined([byte(1, 1, 1, 1, 1, 3), byte(1, 1, 1, 1, 4), bits(8), bits(8), bits(8), bits(8)]),
  vp9: joined([byte(1, 1, 1, 1, 1, 1, 1, 1), bits(8), bits(8), bits(8), bits(8), bits(8)]),
  av1: fc.oneof(
    joined([byte(1, 1, 2, 1, 3), byte(1, 4, 1, 1, 1), bits(8), bits(8)]),
    joined([byte(1, 1, 2, 1, 3), bits(8), byte(1, 4, 1, 1, 1), bits(8)]),
  ),
};

interface Sent {
  readonly payload: Uint8Array;
  readonly timestamp: number;
  readonly marker: boolean;
}

/** Frames of a sound stream, each of which a decoder can start with. */
function soundFrame(codec: Video, number: number): Uint8Array {
  const data = [0x88, ...Array.from({ length: 200 }, (_, at) => 1 + ((number + at) % 250))];
  switch (codec) {
    case "h264":
      return annexB([
        [0x67, 0x42, 0xc0, 0x1e, 0xd9],
        [0x68, 0xce, 0x3c, 0x80],
        [0x65, ...data],
      ]);
    case "h265":
      return annexB([[0x40, 1, 0x80, 1], SPS_265, [0x44, 1, 0x80, 1], [0x26, 1, ...data]]);
    case "vp8":
      return Uint8Array.of(0x10, ...data);
    case "vp9":
      return Uint8Array.of(0x82, ...data);
    case "av1": {
      const sequence = [0x00, 0x00, 0x00, 0x02, 0xaf, 0xff, 0x9b, 0x5f, 0x30, 0x08];
      return Uint8Array.of(...obu(1, sequence), ...obu(6, [0x10, ...data]));
    }
  }
}

const SPS_265 = [
  ...Buffer.from(
    "42010101600000030090000003000003001ea0208105965644a4c2f0168080000003008000000f04",
    "hex",
  ),
];

function sentOf(codec: Video, number: number, timestamp: number): Sent[] {
  const packetizer = packetizerFor(codec, { maxPayloadBytes: 80 });
  const payloads = packetizer?.packetize({ bytes: soundFrame(codec, number), key: true }) ?? [];
  return payloads.map((payload, at) => ({
    payload,
    timestamp,
    marker: at === payloads.length - 1,
  }));
}

/** Junk of this codec's fields, of bytes, or of another codec that is sent under the same payload type. */
const junkOf = (codec: Video): fc.Arbitrary<Sent[]> => {
  const timestamp = fc.constantFrom(0, 1, 3000, 0xffff_ffff);
  const payload = fc.oneof(
    { weight: 4, arbitrary: FIELDS[codec] },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 30 }) },
  );
  const one = fc.record({ payload, timestamp, marker: fc.boolean() }).map((sent) => [sent]);
  const other = fc
    .tuple(fc.constantFrom(...VIDEO), timestamp)
    .map(([kind, at]) => sentOf(kind, 1, at));
  return fc
    .array(fc.oneof({ weight: 5, arbitrary: one }, other), { maxLength: 25 })
    .map((all) => all.flat());
};

function collect(depacketizer: Depacketizer, first: Frame | undefined): Frame[] {
  const frames: Frame[] = [];
  for (let frame = first; frame !== undefined; frame = depacketizer.more()) frames.push(frame);
  return frames;
}

function push(depacketizer: Depacketizer, sent: Sent): Frame[] {
  const head = { payloadType: 96, sequence: 0, ssrc: 0, csrcs: [], extensions: [] };
  return collect(depacketizer, depacketizer.push({ ...head, ...sent }));
}

for (const codec of VIDEO) {
  test(`${codec}: whatever was sent before, a sound stream comes out whole`, () => {
    fc.assert(
      fc.property(junkOf(codec), fc.array(fc.nat(24), { maxLength: 3 }), (junk, losses) => {
        const depacketizer = depacketizerFor(codec) as Depacketizer;
        for (const [index, sent] of junk.entries()) {
          if (losses.includes(index)) depacketizer.lost();
          for (const frame of push(depacketizer, sent)) {
            assert.ok(frame.bytes.byteLength > 0 && frame.bytes.byteLength <= LIMITS.frameBytesMax);
          }
        }
        const times = [90_000, 93_000, 96_000];
        const read = times.flatMap((timestamp, number) =>
          sentOf(codec, number, timestamp).flatMap((sent) => push(depacketizer, sent)),
        );
        read.push(...collect(depacketizer, depacketizer.finish()));
        assert.equal(depacketizer.waiting, "no");
        const sound = read.filter(({ timestamp }) => times.includes(timestamp));
        assert.deepEqual(
          sound.map(({ key, timestamp }) => [key, timestamp]),
          times.map((timestamp) => [true, timestamp]),
        );
      }),
      { numRuns: 600 },
    );
  });

  test(`${codec}: facts and roles of any payloads in any order are what they can be`, () => {
    const positions = fc.constantFrom<PacketPosition>("next", "after-loss", "late");
    fc.assert(
      fc.property(junkOf(codec), fc.infiniteStream(positions), (junk, places) => {
        const inspector = inspectorFor(codec) as Inspector;
        const follower = followerFor(codec) as PictureFollower;
        for (const { marker, payload, timestamp } of junk) {
          const facts = inspector.inspect(payload, places.next().value ?? "next");
          assert.ok(!(facts.announces === true && !facts.keyframe));
          assert.ok(
            !(facts.discardable && facts.keyframe && facts.announces !== true) || codec === "vp8",
          );
          if (timestamp === 0) follower.begin();
          if (payload.byteLength === 0) continue;
          assert.ok(["starts", "continues", "none"].includes(follower.role(payload, marker)));
        }
      }),
      { numRuns: 600 },
    );
  });
}
