import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LIMITS } from "../../base/index.ts";
import { annexB, obu } from "./formats.test.support.ts";
import { depacketizerFor, inspectPayload, packetizerFor } from "./formats.ts";
import { nalTypeOf } from "./h264-nal.ts";
import { h265TypeOf } from "./h265.ts";
import type { Depacketizer, Frame, Packetizer } from "./media-format.ts";
import { splitAnnexB } from "./nal-format.ts";

const CODECS = ["h264", "h265", "vp8", "vp9", "av1", "opus", "pcmu", "pcma", "mpeg4-generic"];
/** Their frames lie in one packet each. */
const UNCUT = ["opus", "pcmu", "pcma"];
const AUDIO = [...UNCUT, "mpeg4-generic"];
const AAC = {
  clockRate: 48_000,
  fmtp: "sizelength=13;indexlength=3;indexdeltalength=3;config=1190",
};

/** A payload that is a whole frame, the last of its kind of header. */
const WHOLE_FRAME: Readonly<Record<string, readonly number[]>> = {
  h264: [0x41, 0x9a, 2],
  h265: [0x02, 0x01, 0x9a],
  vp8: [0x10, 1, 2],
  vp9: [0x0c, 0x86, 0, 0],
  av1: [0x18, 0x30, 0x30, 0],
  "mpeg4-generic": [0, 16, 0, 3 << 3, 1, 2, 3],
};

/** What does not begin another frame. */
const PART_OF_FRAME: Readonly<Record<string, readonly number[]>> = {
  h264: [0x41, 0x5a, 2],
  h265: [0x02, 0x01, 0x5a],
  av1: [0x10, 0x20, 0x30, 0],
};

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
/** Only the first of them is the first of its picture. */
const withRest = (units: fc.Arbitrary<number[]>, headBytes: number, max: number) =>
  fc
    .array(units, { minLength: 1, maxLength: max })
    .map((all) =>
      all.map((unit, at) =>
        unit.map((byte, index) => (at > 0 && index === headBytes ? 0x40 : byte)),
      ),
    );
const slices = withRest(nal(0x41, 0x01, 0x61), 1, 4);
const others = fc.array(nal(0x06, 0x0c), { maxLength: 2 });
const accessUnit: fc.Arbitrary<SentFrame> = fc.oneof(
  fc
    .tuple(others, slices)
    .map(([front, rest]) => ({ bytes: annexB([...front, ...rest]), key: false })),
  fc
    .tuple(nal(0x67), nal(0x68), others, withRest(nal(0x65), 1, 3))
    .map(([sps, pps, front, rest]) => ({
      bytes: annexB([sps, pps, ...front, ...rest]),
      key: true,
    })),
);

/** H.265: a type, in the layer 0 and the sub-layer 0 or 1. */
const nal265 = (...types: number[]) =>
  fc
    .tuple(fc.constantFrom(...types), fc.constantFrom(1, 2), nalData)
    .map(([type, subLayer, data]) => [type << 1, subLayer, ...data]);
const sets265 = fc.tuple(nal265(32), nal265(33), nal265(34));
const unit265: fc.Arbitrary<SentFrame> = fc.oneof(
  fc
    .tuple(fc.array(nal265(39), { maxLength: 2 }), withRest(nal265(0, 1, 8, 9), 2, 4))
    .map(([front, rest]) => ({ bytes: annexB([...front, ...rest]), key: false })),
  fc
    .tuple(sets265, withRest(nal265(19, 20, 21), 2, 3))
    .map(([sets, rest]) => ({ bytes: annexB([...sets, ...rest]), key: true })),
);

const anyBytes = fc.uint8Array({ minLength: 1, maxLength: 1500 });
const vp8Frame: fc.Arbitrary<SentFrame> = anyBytes.map((bytes) => ({
  bytes,
  key: ((bytes[0] as number) & 1) === 0,
}));
/** Frame marker 2, profile 0, then whether it is another than a key frame. */
const vp9Frame: fc.Arbitrary<SentFrame> = fc
  .tuple(fc.boolean(), anyBytes)
  .map(([key, bytes]) => ({ bytes: Uint8Array.of(key ? 0x82 : 0x86, ...bytes), key }));

const SEQUENCE = [0x00, 0x00, 0x00, 0x02, 0xaf, 0xff, 0x9b, 0x5f, 0x30, 0x08];
const obuData = fc.uint8Array({ maxLength: 500 }).map((data) => [...data]);
const unitAv1: fc.Arbitrary<SentFrame> = fc
  .tuple(
    fc.boolean(),
    fc.array(fc.tuple(fc.constantFrom(4, 5, 15), obuData), { maxLength: 5 }),
    fc.constantFrom(undefined, 0x00, 0x28),
  )
  .map(([key, rest, layer]) => {
    const head = [key ? 0x10 : 0x30, ...[1, 2, 3]];
    const sequence = key ? obu(1, SEQUENCE) : [];
    const bytes = [
      ...sequence,
      ...obu(6, head),
      ...rest.flatMap(([type, data]) => obu(type, data, layer)),
    ];
    return { bytes: Uint8Array.from(bytes), key };
  });

const audioFrame: fc.Arbitrary<SentFrame> = anyBytes.map((bytes) => ({ bytes, key: true }));
const frameOf: Record<string, fc.Arbitrary<SentFrame>> = {
  h264: accessUnit,
  h265: unit265,
  vp8: vp8Frame,
  vp9: vp9Frame,
  av1: unitAv1,
  ...Object.fromEntries(AUDIO.map((codec) => [codec, audioFrame])),
};

for (const codec of CODECS) {
  const frames = fc
    .array(frameOf[codec] as fc.Arbitrary<SentFrame>, { maxLength: 6 })
    // Only the start of a sequence shows that no packet of its unit is missing.
    .filter(([first]) => codec !== "av1" || first?.key !== false);
  const sizes = fc.integer({ min: 5, max: 1200 });

  test(`${codec}: frames come back from their payloads, at any payload size`, () => {
    fc.assert(
      fc.property(frames, sizes, fc.boolean(), (sent, maxPayloadBytes, marked) => {
        const { packetizer, depacketizer } = pair(codec, maxPayloadBytes);
        const read: Frame[] = [];
        for (const [timestamp, frame] of sent.entries()) {
          const payloads = packetizer.packetize(frame);
          for (const [index, payload] of payloads.entries()) {
            if (!UNCUT.includes(codec)) assert(payload.length <= maxPayloadBytes);
            const isEnd = index === payloads.length - 1;
            const marker = packetizer.marksEnd && isEnd && (marked || timestamp % 2 === 1);
            read.push(...push(depacketizer, { timestamp, marker, payload }));
          }
        }
        // The last frame is still open, without a marker or as the first one.
        assert(sent.length - read.length <= 1);
        read.push(...finish(depacketizer));
        assert.deepEqual(
          read.map(({ leading: _, ...frame }) => frame),
          sent.map((frame, timestamp) => ({ ...frame, timestamp })),
        );
        assert.equal(depacketizer.dropped, 0);
      }),
    );
  });

  test(`${codec}: whatever is lost, every frame that comes out was put in`, () => {
    fc.assert(
      fc.property(frames, sizes, fc.infiniteStream(fc.boolean()), (sent, maxPayloadBytes, kept) => {
        const { packetizer, depacketizer } = pair(codec, maxPayloadBytes);
        const read: Frame[] = [];
        const touched = new Set<number>();
        for (const [timestamp, frame] of sent.entries()) {
          const payloads = packetizer.packetize(frame);
          for (const [index, payload] of payloads.entries()) {
            const marker = packetizer.marksEnd && index === payloads.length - 1;
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
          if (codec === "h264" || codec === "h265") {
            // Parameter sets can be replaced by known ones, and what stands before the picture is not missed.
            const whole = picturesOf(codec, original.bytes);
            const read = picturesOf(codec, frame.bytes);
            assert.deepEqual(read, whole.slice(-read.length));
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
        fc.constantFrom(0x78, 0x7c, 0x5c, 0x41, 0x67, 0x90, 0x80, 0xb0, 0x60, 0x62, 0x0c, 0xfe, 0),
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
        const depacketizer = depacketizerFor(codec, AAC) as Depacketizer;
        let count = 0;
        for (const { lost, ...each } of packets) {
          if (lost) depacketizer.lost();
          count += push(depacketizer, each).length;
          assert.equal(typeof inspectPayload(codec, each.payload).begin, "boolean");
        }
        const perPacket = codec === "mpeg4-generic" ? 20 : 1;
        assert(count + depacketizer.dropped <= packets.length * perPacket);
      }),
      { numRuns: 1000 },
    );
  });

  test(`${codec}: a frame does not change with the packet it came from`, () => {
    const payload = Uint8Array.of(...(WHOLE_FRAME[codec] ?? [1, 2, 3]));
    const depacketizer = depacketizerFor(codec, AAC) as Depacketizer;
    const pushed = push(depacketizer, { timestamp: 0, marker: true, payload });
    const [frame] = [...pushed, ...finish(depacketizer)];
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

for (const codec of ["h264", "h265", "vp8", "vp9", "av1"]) {
  test(`${codec}: a frame beyond the limit is dropped, and the next one is not`, () => {
    const depacketizer = depacketizerFor(codec) as Depacketizer;
    const payload = new Uint8Array(60_000).fill(0x80);
    const whole = WHOLE_FRAME[codec] as readonly number[];
    payload.set(PART_OF_FRAME[codec] ?? whole);
    for (let bytes = 0; bytes <= LIMITS.frameBytesMax; bytes += payload.length - 4) {
      assert.deepEqual(push(depacketizer, { timestamp: 0, marker: false, payload }), []);
    }
    const last = { timestamp: 1, marker: true, payload: Uint8Array.from(whole) };
    const [frame] = [...push(depacketizer, last), ...finish(depacketizer)];
    assert.equal(frame?.timestamp, 1);
    assert.equal(depacketizer.dropped, 1);
  });
}

test("pieces of AAC without an end are dropped long before they fill memory", () => {
  const depacketizer = depacketizerFor("mp4a-latm", {
    clockRate: 48_000,
    fmtp: "cpresent=0;config=400023203fc0",
  }) as Depacketizer;
  const piece = { timestamp: 0, marker: false, payload: new Uint8Array(1_000).fill(1) };
  for (let count = 0; count < 200; count++) assert.deepEqual(push(depacketizer, piece), []);
  assert.equal(depacketizer.dropped, 1);
  const whole = { timestamp: 1024, marker: true, payload: Uint8Array.of(2, 7, 7) };
  assert.deepEqual(push(depacketizer, whole), [
    { bytes: Uint8Array.of(7, 7), timestamp: 1024, key: true },
  ]);
});

test("one push can end two frames, in order", () => {
  const depacketizer = depacketizerFor("vp9") as Depacketizer;
  const payload = Uint8Array.of(0x0c, 0x86, 0);
  push(depacketizer, { timestamp: 1, marker: false, payload });
  const frames = push(depacketizer, { timestamp: 2, marker: true, payload });
  assert.deepEqual(
    frames.map((frame) => frame.timestamp),
    [1, 2],
  );
});

function picturesOf(codec: string, bytes: Uint8Array): Uint8Array[] {
  const isSet = (unit: Uint8Array): boolean =>
    codec === "h264" ? [7, 8].includes(nalTypeOf(unit)) : [32, 33, 34].includes(h265TypeOf(unit));
  return splitAnnexB(bytes).filter((each) => !isSet(each));
}

function pair(
  codec: string,
  maxPayloadBytes: number,
): { packetizer: Packetizer; depacketizer: Depacketizer } {
  const packetizer = packetizerFor(codec, { maxPayloadBytes });
  const depacketizer = depacketizerFor(codec, AAC);
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

function finish(depacketizer: Depacketizer): Frame[] {
  const frames: Frame[] = [];
  let frame = depacketizer.finish();
  for (; frame !== undefined; frame = depacketizer.more()) frames.push(frame);
  return frames;
}
