import assert from "node:assert/strict";
import { test } from "node:test";
import { AssertionFailed } from "../../base/index.ts";
import { decodeAv1Payload } from "./av1-payload.ts";
import { annexB, obu } from "./formats.test.support.ts";
import { depacketizerFor, inspectPayload, packetizerFor } from "./formats.ts";
import { h264CodecString } from "./h264.ts";
import type { Packetizer } from "./media-format.ts";
import { splitAnnexB } from "./nal-format.ts";
import { decodeVp8Descriptor } from "./vp8.ts";
import { decodeVp9Descriptor } from "./vp9.ts";

test("a codec that is not known has no packetizer, no depacketizer and no facts", () => {
  assert.equal(packetizerFor("h266", { maxPayloadBytes: 1200 }), undefined);
  assert.equal(depacketizerFor("h266"), undefined);
  assert.deepEqual(inspectPayload("h266", Uint8Array.of(0x67)), {
    begin: false,
    first: false,
    keyframe: false,
    discardable: false,
    parameterSets: [],
  });
});

test("a payload size without room for data is refused", () => {
  assert.throws(() => packetizerFor("h264", { maxPayloadBytes: 2 }), AssertionFailed);
  assert.throws(() => packetizerFor("vp8", { maxPayloadBytes: 4 }), AssertionFailed);
});

test("vp9: key frames contain the size of the picture, and the picture ids count frames", () => {
  const packetizer = packetizerFor("vp9", { maxPayloadBytes: 40 }) as Packetizer;
  // Profile 0, key frame, shown; sync code; colours; 320x180.
  const head = [0x82, 0x49, 0x83, 0x42, 0x00, 0x13, 0xf0, 0x0b, 0x30];
  const key = { bytes: Uint8Array.from([...head, ...new Uint8Array(60)]), key: true };
  const described = packetizer.packetize(key).map(decodeVp9Descriptor);
  assert.deepEqual(described[0]?.sizes, [[320, 180]]);
  assert.deepEqual(
    described.map((each) => [each?.start, each?.end, each?.interPredicted, each?.pictureId]),
    [
      [true, false, false, 0],
      [false, false, false, 0],
      [false, true, false, 0],
    ],
  );
  const [next] = packetizer.packetize({ bytes: Uint8Array.of(0x86, 0), key: false });
  const { interPredicted, pictureId, sizes } = decodeVp9Descriptor(next as Uint8Array) ?? {};
  assert.deepEqual([interPredicted, pictureId, sizes], [true, 1, undefined]);
});

test("av1: OBUs of two layers do not share a payload, and up to three others have one length less", () => {
  const packetizer = packetizerFor("av1", { maxPayloadBytes: 1_000 }) as Packetizer;
  const elementsOf = (...obus: number[][]): number[] =>
    packetizer
      .packetize({ bytes: Uint8Array.from(obus.flat()), key: false })
      .map((payload) => decodeAv1Payload(payload)?.elements.length ?? 0);
  assert.deepEqual(elementsOf(obu(6, [1], 0), obu(6, [2], 1), obu(6, [3], 1)), [1, 2]);
  const sizes = [1, 2, 3, 4].map((count) => {
    const bytes = Uint8Array.from(Array.from({ length: count }, () => obu(6, [7, 7])).flat());
    const [payload] = packetizer.packetize({ bytes, key: false });
    return payload?.byteLength;
  });
  // An aggregation header, and three bytes for each OBU; lengths for all but the last of up to three.
  assert.deepEqual(sizes, [4, 8, 12, 17]);
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

/** The NAL units that are not parameter sets. */
