import assert from "node:assert/strict";
import { test } from "node:test";
import { type ClipCodec, clipCodecOf } from "./clip-codecs.ts";

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

function codecOf(...args: Parameters<typeof clipCodecOf>): ClipCodec {
  const codec = clipCodecOf(...args);
  assert.ok(typeof codec !== "string", String(codec));
  return codec;
}

test("AAC is described by the file's decoder configuration", () => {
  const { codec, clockRate, channels, fmtp } = codecOf("aac", {
    codec: "mp4a.40.2",
    description: bytes("1210"),
  });
  assert.deepEqual([codec, clockRate, channels], ["mpeg4-generic", 44_100, 2]);
  assert.match(fmtp ?? "", /mode=AAC-hbr;sizelength=13;.*config=1210$/);
});

test("AAC with SBR has the clock rate of its output", () => {
  assert.equal(codecOf("aac", { codec: "", description: bytes("2b118800") }).clockRate, 48_000);
});

test("G.711 is split into packets of 20 ms, each with its time; the last may be shorter", () => {
  const { codec, clockRate, channels, framesOf } = codecOf("ulaw", {
    ...{ codec: "ulaw", sampleRate: 8_000, numberOfChannels: 2 },
  });
  assert.deepEqual([codec, clockRate, channels], ["pcmu", 8_000, 2]);
  const frames = framesOf(new Uint8Array(750), true);
  assert.deepEqual(
    frames.map(({ bytes: { byteLength }, afterSeconds }) => [byteLength, afterSeconds]),
    [
      [320, 0],
      [320, 0.02],
      [110, 0.04],
    ],
  );
});

test("VP9 and AV1 have profile and level as in their payload formats", () => {
  assert.equal(codecOf("vp9", { codec: "vp09.02.31.10" }).fmtp, "profile-id=2");
  assert.equal(codecOf("av1", { codec: "av01.0.09H.10" }).fmtp, "profile=0;level-idx=9;tier=1");
  assert.equal(codecOf("vp9", { codec: "vp09" }).fmtp, undefined);
});

test("H.265 becomes Annex B, key frames with their sets; a sample with wrong lengths has no frames", () => {
  const record = `01${"00".repeat(20)}0f01a0000100034001aa`;
  const { codec, framesOf, parameterSets } = codecOf("hevc", {
    ...{ codec: "hvc1", description: bytes(record) },
  });
  assert.deepEqual([codec, parameterSets], ["h265", [bytes("4001aa")]]);
  const sample = bytes("000000032601af");
  const annexB = (key: boolean) => framesOf(sample, key).map((frame) => Buffer.from(frame.bytes));
  assert.deepEqual(annexB(true), [Buffer.from("000000014001aa000000012601af", "hex")]);
  assert.deepEqual(annexB(false), [Buffer.from("000000012601af", "hex")]);
  assert.deepEqual(framesOf(bytes("000000ff26"), true), []);
});

test("unsupported codecs and descriptions that cannot be read are distinguished", () => {
  for (const name of ["mp3", "flac", null])
    assert.equal(clipCodecOf(name, { codec: "" }), "unknown");
  for (const name of ["avc", "hevc", "aac"]) {
    assert.match(
      String(clipCodecOf(name, { codec: "", description: bytes("ff") })),
      /cannot be read|without a sample rate/,
    );
  }
  assert.match(String(clipCodecOf("aac", { codec: "" })), /cannot be read|without a sample rate/);
  assert.match(
    String(clipCodecOf("alaw", { codec: "alaw" })),
    /cannot be read|without a sample rate/,
  );
});
