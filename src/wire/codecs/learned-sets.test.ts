import assert from "node:assert/strict";
import { test } from "node:test";
import { annexB, obu } from "./formats.test.support.ts";
import { depacketizerFor } from "./formats.ts";
import type { Depacketizer, Frame } from "./media-format.ts";

const AV1_SEQUENCE = [0x00, 0x00, 0x00, 0x02, 0xaf, 0xff, 0x9b, 0x5f, 0x30, 0x08];
const H265_SPS =
  "42010102200000030090000003000003003ca00a480b9c94d96566924caf016808000003000800000300c840";

/** Of each codec with parameter sets: sets, payloads of frames, and the key frame with its sets. */
const CASES = [
  {
    codec: "h264",
    sets: [
      [0x67, 0x42, 0xc0, 0x1e, 0xd9],
      [0x68, 0xce],
    ],
    ...{ other: [0x41, 0x9a, 2], key: [0x65, 0x88, 4] },
    whole: annexB([
      [0x67, 0x42, 0xc0, 0x1e, 0xd9],
      [0x68, 0xce],
      [0x65, 0x88, 4],
    ]),
  },
  {
    codec: "h265",
    sets: [[0x40, 0x01, 0x0c], [...Buffer.from(H265_SPS, "hex")], [0x44, 0x01, 0xc1]],
    ...{ other: [0x02, 0x01, 0x9a], key: [0x26, 0x01, 0x9a] },
    whole: annexB([
      [0x40, 0x01, 0x0c],
      [...Buffer.from(H265_SPS, "hex")],
      [0x44, 0x01, 0xc1],
      [0x26, 0x01, 0x9a],
    ]),
  },
  {
    codec: "av1",
    sets: [[0x08, ...AV1_SEQUENCE]],
    ...{ other: [0x10, 0x30, 0x30, 1, 2, 3], key: [0x10, 0x30, 0x10, 1, 2, 3] },
    whole: Uint8Array.from([...obu(1, AV1_SEQUENCE), ...obu(6, [0x10, 1, 2, 3])]),
  },
];

for (const { codec, key, other, sets, whole } of CASES) {
  test(`${codec}: a key frame without parameter sets gets those of a later description`, () => {
    const depacketizer = depacketizerFor(codec) as Depacketizer;
    const frames = [
      ...push(depacketizer, 0, other),
      ...push(depacketizer, 1, key),
      ...push(depacketizer, 2, other),
    ];
    assert(frames.every((frame) => !frame.key));
    const learned = sets.map((set) => Uint8Array.from(set));
    depacketizer.learn?.(learned);
    for (const set of learned) set.fill(0);
    const [frame] = [
      ...push(depacketizer, 3, key),
      ...push(depacketizer, 4, other),
      ...push(depacketizer, 5, other),
    ].filter(({ timestamp }) => timestamp === 3);
    assert.deepEqual(frame, { bytes: whole, key: true, timestamp: 3 });
  });
}

test("what a description calls a parameter set and is none is not put into key frames", () => {
  const depacketizer = depacketizerFor("h264") as Depacketizer;
  const sets = CASES[0]?.sets.map((set) => Uint8Array.from(set)) ?? [];
  depacketizer.learn?.([Uint8Array.of(0x41, 1), new Uint8Array(0), ...sets, Uint8Array.of(0x65)]);
  const [frame] = [
    ...push(depacketizer, 0, CASES[0]?.key ?? []),
    ...push(depacketizer, 1, CASES[0]?.other ?? []),
  ];
  assert.deepEqual(frame?.bytes, CASES[0]?.whole);
});

test("a codec without parameter sets learns none", () => {
  for (const codec of ["vp8", "vp9", "opus"]) {
    const depacketizer = depacketizerFor(codec) as Depacketizer;
    depacketizer.learn?.([Uint8Array.of(0x67, 0x42, 0xc0, 0x1e, 0xd9)]);
    assert.equal(depacketizer.dropped, 0);
  }
});

function push(depacketizer: Depacketizer, timestamp: number, payload: readonly number[]): Frame[] {
  const head = { payloadType: 96, sequence: 0, ssrc: 0, csrcs: [], extensions: [] };
  const packet = { ...head, timestamp, marker: true, payload: Uint8Array.from(payload) };
  const frames: Frame[] = [];
  let frame = depacketizer.push(packet);
  for (; frame !== undefined; frame = depacketizer.more()) frames.push(frame);
  return frames;
}
