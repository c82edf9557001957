import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AssertionFailed, LIMITS } from "../base/index.ts";
import { depacketizerFor, inspectPayload, packetizerFor } from "./formats.ts";
import { h264CodecString, nalTypeOf, splitAnnexB } from "./h264.ts";
import type { Depacketizer, Frame, Packetizer } from "./media-format.ts";
import { decodeVp8Descriptor } from "./vp8.ts";

const CODECS = ["h264", "vp8", "opus"];

interface SentFrame {
  readonly bytes: Uint8Array;
  readonly key: boolean;
}

/** A NAL unit's data: no start code in it, no zero at its end. */
const nalData = fc
  .uint8Array({ minLength: 0, maxLength: 400 })
  .map((data) => Uint8Array.of(0x80, ...data.map((byte) => byte || 1)));
const nal = (...heads: number[]) =>
  fc.tuple(fc.constantFrom(...heads), nalData).map(([head, data]) => [head, ...data]);
const annexB = (nals: readonly (readonly number[])[]): Uint8Array =>
  Uint8Array.from(nals.flatMap((each) => [0, 0, 0, 1, ...each]));
const slices = fc.array(nal(0x41, 0x01, 0x61), { minLength: 1, maxLength: 4 });
const others = fc.array(nal(0x06, 0x0c), { maxLength: 2 });
const accessUnit: fc.Arbitrary<SentFrame> = fc.oneof(
  fc
    .tuple(others, slices)
    .map(([front, rest]) => ({ bytes: annexB([...front, ...rest]), key: false })),
  fc
    .tuple(nal(0x67), nal(0x68), others, fc.array(nal(0x65), { minLength: 1, maxLength: 3 }))
    .map(([sps, pps, front, rest]) => ({
      bytes: annexB([sps, pps, ...front, ...rest]),
      key: true,
    })),
);
const anyBytes = fc.uint8Array({ minLength: 1, maxLength: 1500 });
const vp8Frame: fc.Arbitrary<SentFrame> = anyBytes.map((bytes) => ({
  bytes,
  key: ((bytes[0] as number) & 1) === 0,
}));
const opusFrame: fc.Arbitrary<SentFrame> = anyBytes.map((bytes) => ({ bytes, key: true }));
const frameOf: Record<string, fc.Arbitrary<SentFrame>> = {
  h264: accessUnit,
  vp8: vp8Frame,
  opus: opusFrame,
};

for (const codec of CODECS) {
  const frames = fc.array(frameOf[codec] as fc.Arbitrary<SentFrame>, { maxLength: 6 });
  const sizes = fc.integer({ min: 5, max: 1200 });

  test(`${codec}: frames come back from their payloads, at any payload size`, () => {
    fc.assert(
      fc.property(frames, sizes, fc.boolean(), (sent, maxPayloadBytes, marked) => {
        const { packetizer, depacketizer } = pair(codec, maxPayloadBytes);
        const read: Frame[] = [];
        for (const [timestamp, frame] of sent.entries()) {
          const payloads = packetizer.packetize(frame);
          for (const [index, payload] of payloads.entries()) {
            if (codec !== "opus") assert(payload.length <= maxPayloadBytes);
            const marker = index === payloads.length - 1 && (marked || timestamp % 2 === 1);
            read.push(...push(depacketizer, { timestamp, marker, payload }));
          }
        }
        // A last frame without a marker is still open.
        const ended = sent.slice(0, read.length);
        assert(sent.length - read.length <= (marked || codec === "opus" ? 0 : 1));
        assert.deepEqual(
          read,
          ended.map((frame, timestamp) => ({ ...frame, timestamp })),
        );
        assert.equal(depacketizer.dropped, 0);
      }),
    );
  });

  test(`${codec}: whatever is lost, a frame that comes out is one that went in`, () => {
    fc.assert(
      fc.property(frames, sizes, fc.infiniteStream(fc.boolean()), (sent, maxPayloadBytes, kept) => {
        const { packetizer, depacketizer } = pair(codec, maxPayloadBytes);
        const read: Frame[] = [];
        const touched = new Set<number>();
        for (const [timestamp, frame] of sent.entries()) {
          const payloads = packetizer.packetize(frame);
          for (const [index, payload] of payloads.entries()) {
            const marker = index === payloads.length - 1;
            if (kept.next().value === true) {
              read.push(...push(depacketizer, { timestamp, marker, payload }));
            } else {
              touched.add(timestamp);
              depacketizer.lost();
            }
          }
        }
        for (const frame of read) {
          const original = sent[frame.timestamp] as SentFrame;
          if (codec === "h264") {
            // Parameter sets can be replaced by known ones, and what stands before the picture is not missed.
            const whole = picturesOf(original.bytes);
            assert.deepEqual(picturesOf(frame.bytes), whole.slice(-picturesOf(frame.bytes).length));
            assert.equal(frame.key, original.key);
          } else {
            assert.deepEqual(frame, { ...original, timestamp: frame.timestamp });
            assert(!touched.has(frame.timestamp));
          }
        }
      }),
    );
  });

  test(`${codec}: no payloads make a depacketizer or an inspection throw`, () => {
    const payload = fc
      .tuple(
        fc.constantFrom(0x78, 0x7c, 0x5c, 0x41, 0x67, 0x90, 0x80, 0xb0),
        fc.uint8Array({ maxLength: 20 }),
      )
      .map(([head, rest]) => Uint8Array.of(head, ...rest));
    const packet = fc.record({
      timestamp: fc.integer({ min: 0, max: 3 }),
      marker: fc.boolean(),
      payload: fc.oneof(payload, fc.uint8Array({ maxLength: 20 })),
      lost: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 30 }), (packets) => {
        const depacketizer = depacketizerFor(codec) as Depacketizer;
        let count = 0;
        for (const { lost, ...each } of packets) {
          if (lost) depacketizer.lost();
          count += push(depacketizer, each).length;
          assert.equal(typeof inspectPayload(codec, each.payload).begin, "boolean");
        }
        assert(count + depacketizer.dropped <= packets.length);
      }),
      { numRuns: 1000 },
    );
  });

  test(`${codec}: a frame does not change with the packet it came from`, () => {
    const payload = codec === "vp8" ? Uint8Array.of(0x10, 1, 2) : Uint8Array.of(0x41, 0x9a, 2);
    const [frame] = push(depacketizerFor(codec) as Depacketizer, {
      timestamp: 0,
      marker: true,
      payload,
    });
    assert(frame !== undefined);
    const before = frame.bytes.slice();
    payload.fill(0);
    assert.deepEqual(frame.bytes, before);
  });

  test(`${codec}: a frame without content has no payloads`, () => {
    const packetizer = packetizerFor(codec, { maxPayloadBytes: 100 });
    assert.deepEqual(packetizer?.packetize({ bytes: new Uint8Array(0), key: false }), []);
  });
}

for (const codec of ["h264", "vp8"]) {
  test(`${codec}: a frame beyond the limit is dropped, and the next one is not`, () => {
    const depacketizer = depacketizerFor(codec) as Depacketizer;
    const payload = new Uint8Array(60_000).fill(0x80);
    payload[0] = codec === "vp8" ? 0x10 : 0x41;
    for (let bytes = 0; bytes <= LIMITS.frameBytesMax; bytes += payload.length - 1) {
      assert.deepEqual(push(depacketizer, { timestamp: 0, marker: false, payload }), []);
    }
    const [frame] = push(depacketizer, { timestamp: 1, marker: true, payload });
    assert.equal(frame?.timestamp, 1);
    assert.equal(depacketizer.dropped, 1);
  });
}

test("one push can end two frames, in order", () => {
  const depacketizer = depacketizerFor("h264") as Depacketizer;
  push(depacketizer, { timestamp: 1, marker: false, payload: Uint8Array.of(0x41, 0x9a) });
  const frames = push(depacketizer, {
    timestamp: 2,
    marker: true,
    payload: Uint8Array.of(0x41, 0x9b),
  });
  assert.deepEqual(
    frames.map((frame) => frame.timestamp),
    [1, 2],
  );
});

test("a codec that is not known has no packetizer, no depacketizer and no facts", () => {
  assert.equal(packetizerFor("h265", { maxPayloadBytes: 1200 }), undefined);
  assert.equal(depacketizerFor("h265"), undefined);
  assert.deepEqual(inspectPayload("h265", Uint8Array.of(0x67)), {
    begin: false,
    keyframe: false,
    discardable: false,
    parameterSets: [],
  });
});

test("a payload size without room for data is refused", () => {
  assert.throws(() => packetizerFor("h264", { maxPayloadBytes: 2 }), AssertionFailed);
  assert.throws(() => packetizerFor("vp8", { maxPayloadBytes: 4 }), AssertionFailed);
});

test("picture ids of vp8 count frames and wrap at 15 bits", () => {
  const packetizer = packetizerFor("vp8", { maxPayloadBytes: 6 }) as Packetizer;
  const frame = { bytes: Uint8Array.of(0, 1, 2), key: true };
  const idsOf = (): (number | undefined)[] =>
    packetizer.packetize(frame).map((payload) => decodeVp8Descriptor(payload)?.pictureId);
  assert.deepEqual(idsOf(), [0, 0]);
  for (let count = 1; count < 0x7fff; count++) packetizer.packetize(frame);
  assert.deepEqual(idsOf(), [0x7fff, 0x7fff]);
  assert.deepEqual(idsOf(), [0, 0]);
});

test("small NAL units travel together, large ones in pieces of nearly equal size", () => {
  const packetizer = packetizerFor("h264", { maxPayloadBytes: 100 }) as Packetizer;
  const large = [0x65, ...new Uint8Array(300).fill(7)];
  const payloads = packetizer.packetize({
    bytes: annexB([[0x67, 1], [0x68, 2], large]),
    key: true,
  });
  assert.deepEqual(payloads[0], Uint8Array.of(0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 2));
  assert.deepEqual(
    payloads.slice(1).map((payload) => payload.length),
    [77, 77, 77, 77],
  );
});

test("Annex B is split at start codes of three and four bytes, without trailing zeros", () => {
  const bytes = Uint8Array.of(
    9,
    0,
    0,
    0,
    1,
    0x67,
    1,
    0,
    0,
    1,
    0x68,
    0,
    0,
    0,
    0,
    1,
    0,
    0,
    1,
    0x65,
    1,
    0,
  );
  assert.deepEqual(splitAnnexB(bytes), [
    Uint8Array.of(0x67, 1),
    Uint8Array.of(0x68),
    Uint8Array.of(0x65, 1),
  ]);
  assert.deepEqual(splitAnnexB(Uint8Array.of(0x67, 1, 2)), []);
});

test("the codec string names profile, constraints and level", () => {
  assert.equal(h264CodecString(Uint8Array.of(0x67, 0x42, 0xe0, 0x1f, 0xd9)), "avc1.42e01f");
  assert.equal(h264CodecString(Uint8Array.of(0x67, 0x64, 0x00, 0x0a)), "avc1.64000a");
});

/** The NAL units that are no parameter sets. */
function picturesOf(bytes: Uint8Array): Uint8Array[] {
  return splitAnnexB(bytes).filter((each) => ![7, 8].includes(nalTypeOf(each)));
}

function pair(
  codec: string,
  maxPayloadBytes: number,
): { packetizer: Packetizer; depacketizer: Depacketizer } {
  const packetizer = packetizerFor(codec, { maxPayloadBytes });
  const depacketizer = depacketizerFor(codec);
  assert(packetizer !== undefined && depacketizer !== undefined);
  return { packetizer, depacketizer };
}

function push(
  depacketizer: Depacketizer,
  packet: { timestamp: number; marker: boolean; payload: Uint8Array },
): Frame[] {
  const head = { payloadType: 96, sequence: 0, ssrc: 0, csrcs: [], extensions: [] };
  const frames: Frame[] = [];
  let frame = depacketizer.push({ ...head, ...packet });
  for (; frame !== undefined; frame = depacketizer.more()) frames.push(frame);
  return frames;
}
