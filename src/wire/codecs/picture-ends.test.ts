import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { annexB, obu } from "./formats.test.support.ts";
import { depacketizerFor, packetizerFor } from "./formats.ts";
import type { Depacketizer, Frame } from "./media-format.ts";

// docs/spec/wire.md [W14]: where a picture ends.

/** Where a sender sets the marker: as it should, nowhere, on every packet, on every slice. */
const MARKERS = ["end", "none", "each", "slices"] as const;
type Markers = (typeof MARKERS)[number];

interface Sent {
  readonly timestamp: number;
  readonly marker: boolean;
  readonly payload: Uint8Array;
  readonly frame: number;
  readonly isLast: boolean;
}

/** A frame of `parts` slices, partitions or tiles with `size` bytes each, and the number of the frame in them. */
function frameOf(codec: string, number: number, key: boolean, parts: number, size: number) {
  const data = Array.from({ length: size }, (_, at) => 1 + ((number + at) % 250));
  const slice = (at: number): number[] => [at === 0 ? 0x88 : 0x48, 0x84, ...data];
  const slices = Array.from({ length: parts }, (_, at) => slice(at));
  switch (codec) {
    case "h264": {
      const sets = key
        ? [
            [0x67, 0x42, 0xc0, 0x1e, 0xd9],
            [0x68, 0xce, 0x3c, 0x80],
          ]
        : [];
      return annexB([...sets, ...slices.map((each) => [key ? 0x65 : 0x41, ...each])]);
    }
    case "h265": {
      const sets = key ? [32, 33, 34].map((type) => [type << 1, 1, 0x80, 0x40]) : [];
      return annexB([...sets, ...slices.map((each) => [key ? 0x26 : 0x02, 1, ...each])]);
    }
    case "vp8":
      return Uint8Array.of(key ? 0x10 : 0x11, ...slices.flat());
    case "vp9":
      return Uint8Array.of(key ? 0x82 : 0x86, ...slices.flat());
    default: {
      const sequence = [0x00, 0x00, 0x00, 0x02, 0xaf, 0xff, 0x9b, 0x5f, 0x30, 0x08];
      const tiles = slices.flatMap((each) => obu(4, each));
      return Uint8Array.of(
        ...(key ? obu(1, sequence) : []),
        ...obu(3, [key ? 0x10 : 0x30, 1]),
        ...tiles,
      );
    }
  }
}

const plans = fc.array(
  fc.record({
    key: fc.boolean(),
    parts: fc.integer({ min: 1, max: 4 }),
    size: fc.integer({ min: 1, max: 90 }),
  }),
  { minLength: 1, maxLength: 10 },
);

function sentOf(
  codec: string,
  plan: readonly { key: boolean; parts: number; size: number }[],
  markers: Markers,
) {
  const packetizer = packetizerFor(codec, { maxPayloadBytes: 60 });
  // The first frame, a key frame, has as many parts as any.
  const largest = { key: true, parts: 4, size: 90 };
  const frames = [largest, ...plan].map(({ key, parts, size }, number) => ({
    bytes: frameOf(codec, number, key, parts, size),
    key,
  }));
  const packets: Sent[] = frames.flatMap((frame, number) => {
    const payloads = packetizer?.packetize(frame) ?? [];
    return payloads.map((payload, index) => {
      const isLast = index === payloads.length - 1;
      const marker = isLast
        ? markers !== "none"
        : markers === "each" || isEndOfSlice(markers, codec, payload);
      return { timestamp: number * 3000, marker, payload, frame: number, isLast };
    });
  });
  return { frames, packets };
}

function isEndOfSlice(markers: Markers, codec: string, payload: Uint8Array): boolean {
  if (markers !== "slices") return false;
  // A whole slice, or the last fragment of one.
  const [first = 0, second = 0, third = 0] = payload;
  if (codec === "h264") {
    return [1, 5].includes(first & 31) || ((first & 31) === 28 && (second & 0x40) !== 0);
  }
  return codec !== "h265" || first >> 1 < 32 || (first >> 1 === 49 && (third & 0x40) !== 0);
}

function collect(depacketizer: Depacketizer, first: Frame | undefined): Frame[] {
  const frames: Frame[] = [];
  for (let frame = first; frame !== undefined; frame = depacketizer.more()) frames.push(frame);
  return frames;
}

function push(depacketizer: Depacketizer, { marker, payload, timestamp }: Sent): Frame[] {
  const head = { payloadType: 96, sequence: 0, ssrc: 0, csrcs: [], extensions: [] };
  return collect(depacketizer, depacketizer.push({ ...head, timestamp, marker, payload }));
}

for (const codec of ["h264", "h265", "vp8", "vp9", "av1"]) {
  for (const markers of MARKERS) {
    test(`${codec}, markers ${markers}: every frame comes out once and whole, from the first on`, () => {
      fc.assert(
        fc.property(plans, (plan) => {
          const { frames, packets } = sentOf(codec, plan, markers);
          const depacketizer = depacketizerFor(codec) as Depacketizer;
          const read = packets.flatMap((packet) => push(depacketizer, packet));
          read.push(...collect(depacketizer, depacketizer.finish()));
          const sent = frames.map((frame, number) => ({ ...frame, timestamp: number * 3000 }));
          assert.deepEqual(read, sent);
          assert.equal(depacketizer.dropped, 0);
        }),
      );
    });
  }

  test(`${codec}: with markers that end pictures, each frame comes with its marker, from the second on`, () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const { packets } = sentOf(codec, plan, "end");
        const depacketizer = depacketizerFor(codec) as Depacketizer;
        for (const packet of packets) {
          const read = push(depacketizer, packet).map(({ timestamp }) => timestamp);
          if (packet.isLast && packet.frame > 0) assert.equal(read.at(-1), packet.timestamp);
        }
      }),
    );
  });
}

for (const codec of ["h264", "h265", "vp8", "vp9"]) {
  test(`${codec}: a loss costs no frame but those that it touches`, () => {
    const kept = fc.infiniteStream(fc.integer({ min: 0, max: 7 }));
    fc.assert(
      fc.property(plans, fc.constantFrom(...MARKERS), kept, (plan, markers, fates) => {
        const { packets } = sentOf(codec, plan, markers);
        const depacketizer = depacketizerFor(codec) as Depacketizer;
        const read: Frame[] = [];
        const touched = new Set<number>();
        for (const packet of packets) {
          if (fates.next().value !== 0) {
            read.push(...push(depacketizer, packet));
            continue;
          }
          touched.add(packet.frame);
          const isFirst = packets.find(({ frame }) => frame === packet.frame) === packet;
          // Whether it was the last of the frame before is not known then.
          if (isFirst && markers !== "end") touched.add(packet.frame - 1);
          depacketizer.lost();
        }
        read.push(...collect(depacketizer, depacketizer.finish()));
        const whole = [0, ...plan.map((_, at) => at + 1)].filter((number) => !touched.has(number));
        const times = read.map(({ timestamp }) => timestamp / 3000);
        for (const number of whole) assert.ok(times.includes(number), `${number} of ${times}`);
        assert.deepEqual(
          times,
          [...new Set(times)].sort((a, b) => a - b),
        );
      }),
    );
  });
}

const H264_SPS = "6764000aacd9447b011000000300100000030320f1225960";
const H264_PPS = "68eaa3cb22c0";
const unhex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

/** Frames of NAL units in packets of their own. */
function framesOf(
  codec: string,
  packets: readonly (readonly [timestamp: number, marker: boolean, nal: string])[],
) {
  const depacketizer = depacketizerFor(codec) as Depacketizer;
  const read = packets.flatMap(([timestamp, marker, nal]) =>
    push(depacketizer, { timestamp, marker, payload: unhex(nal), frame: 0, isLast: false }),
  );
  read.push(...collect(depacketizer, depacketizer.finish()));
  return read.map(({ bytes }) => Buffer.from(bytes).toString("hex").split("00000001").slice(1));
}

test("pictures under one timestamp are told apart by their first slice; what stands between belongs to the second", () => {
  const sei = "0605ff";
  const [idr, second, rest] = ["658884005701", "419a23640002", "414a236403"];
  const sets = [H264_SPS, H264_PPS];
  for (const marker of [false, true]) {
    const nals = [...sets, idr, "09f0", sei, second, rest, sei].map(
      (nal) => [9, false, nal] as const,
    );
    const marked = nals.map(
      ([at, , nal]) => [at, marker && (nal === idr || nal === rest), nal] as const,
    );
    assert.deepEqual(framesOf("h264", marked), [
      [...sets, idr],
      ["09f0", sei, second, rest, ...(marker ? [] : [sei])],
    ]);
  }
});

test("H.265: another first slice segment begins another picture, one of a higher layer does not", () => {
  const packets = ["0201d0aa", "0209d0aa", "020150bb", "0201d0cc"].map(
    (nal) => [1, false, nal] as const,
  );
  assert.deepEqual(framesOf("h265", packets), [["0201d0aa", "0209d0aa", "020150bb"], ["0201d0cc"]]);
});

test("slices in any order are one picture, as long as the first comes once", () => {
  const packets = ["414a0101", "419a0102", "412a0103"].map((nal) => [1, false, nal] as const);
  assert.deepEqual(framesOf("h264", [[0, true, "419a0101"], ...packets]), [
    ["419a0101"],
    ["414a0101", "419a0102", "412a0103"],
  ]);
});

test("a sender that marks every NAL unit, parameter sets included, is not cut anywhere", () => {
  const key = [H264_SPS, H264_PPS, "658884005701", "654884005702"];
  const packets = [...key, "419a236401", "414a236402"].map(
    (nal, at) => [at < 4 ? 0 : 1, true, nal] as const,
  );
  assert.deepEqual(framesOf("h264", packets), [key, ["419a236401", "414a236402"]]);
});
