import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { av1CodecString, av1SampleOf, decodeAv1Sequence } from "./av1-sequence.ts";
import { decodeH264Sps } from "./h264-sps.ts";
import { decodeH265Sps, h265CodecString } from "./h265-sps.ts";
import { decodeVp8KeyFrame, decodeVp9KeyFrame, vp9CodecString } from "./vp-key-frames.ts";

// Made with x264, x265, libvpx and SVT-AV1 from pictures of 322x182 where nothing else is said.
const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
const HIGH_422 = bytes("677a000db6cd941519e222f011000003000100000300320f142996");
const INTERLACED_320X184 = bytes("67640015acd941433f78088000000300800000190f8a14cb");
const BASELINE_640X360 = bytes(
  "674d401edb0280bfe5c0440000030004000003 00f03c58bb80".replace(" ", ""),
);
const MAIN_10 = bytes(
  "42010102200000030090000003000003003ca00a480b9c94d96566924caf016808000003000800000300c840",
);
const VP9 = bytes("824983420014100b560438241c184a00");
const VP9_10_BIT = bytes("92498342000a0805ab011c120e0c2c00");
const VP8 = bytes("f067009d012a4201b6000007");
const AV1 = bytes("12000a0b000000043d06d4fbf9004032");

test("an H.264 parameter set contains size, sampling and depth, cropped, of frames and of fields", () => {
  assert.deepEqual(decodeH264Sps(HIGH_422), {
    ...{ width: 322, height: 182 },
    ...{ chromaFormat: 2, bitDepthLuma: 10, bitDepthChroma: 10 },
  });
  const eight = { chromaFormat: 1, bitDepthLuma: 8, bitDepthChroma: 8 };
  assert.deepEqual(decodeH264Sps(INTERLACED_320X184), { width: 320, height: 184, ...eight });
  assert.deepEqual(decodeH264Sps(BASELINE_640X360), { width: 640, height: 360, ...eight });
});

test("an H.265 parameter set contains size, depth and codec string", () => {
  const sps = decodeH265Sps(MAIN_10);
  assert.ok(sps !== undefined);
  assert.deepEqual([sps.width, sps.height], [322, 182]);
  assert.deepEqual([sps.chromaFormat, sps.bitDepthLuma, sps.bitDepthChroma], [1, 10, 10]);
  assert.equal(h265CodecString(sps.profileTierLevel), "hvc1.2.4.L60.90");
});

test("VP8 and VP9 key frames contain their size, and other frames do not", () => {
  assert.deepEqual(decodeVp8KeyFrame(VP8), { width: 322, height: 182 });
  assert.equal(decodeVp8KeyFrame(bytes("f167009d012a4201b6000007")), undefined);
  const head = decodeVp9KeyFrame(VP9);
  assert.deepEqual(head, { profile: 0, bitDepth: 8, width: 322, height: 182 });
  assert.equal(head && vp9CodecString(head), "vp09.00.11.08");
  const deep = decodeVp9KeyFrame(VP9_10_BIT);
  assert.equal(deep && vp9CodecString(deep), "vp09.02.11.10");
  assert.equal(decodeVp9KeyFrame(bytes("86004092")), undefined);
});

test("an AV1 sequence header contains size and codec string", () => {
  const sequence = decodeAv1Sequence(AV1.subarray(0, 15));
  assert.deepEqual([sequence?.width, sequence?.height, sequence?.bitDepth], [322, 182, 8]);
  assert.equal(sequence && av1CodecString(sequence), "av01.0.00M.08");
});

test("an AV1 sample has no temporal delimiter", () => {
  assert.deepEqual(av1SampleOf(AV1.subarray(0, 15)), AV1.subarray(2, 15));
  assert.deepEqual(av1SampleOf(AV1.subarray(2, 15)), AV1.subarray(2, 15));
  assert.equal(av1SampleOf(bytes("0a0b00")), undefined);
});

test("what is cut off has no facts, and nothing throws", () => {
  const decoders = [
    { decode: decodeH264Sps, whole: HIGH_422.subarray(0, 7) },
    { decode: decodeH265Sps, whole: MAIN_10.subarray(0, 20) },
    { decode: decodeVp8KeyFrame, whole: VP8.subarray(0, 9) },
    { decode: decodeVp9KeyFrame, whole: VP9.subarray(0, 7) },
    { decode: decodeAv1Sequence, whole: AV1.subarray(0, 11) },
  ];
  for (const { decode, whole } of decoders) {
    for (let length = 0; length <= whole.byteLength; length++)
      assert.equal(decode(whole.subarray(0, length)), undefined);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (junk) => {
        const facts = decode(junk);
        assert.ok(facts === undefined || (facts.width > 0 && facts.height > 0));
      }),
    );
  }
});
