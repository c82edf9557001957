import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatAacParameters, parseAacFormat } from "./aac.ts";
import { decodeAacConfig, decodeLatmConfig } from "./aac-config.ts";

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

test("AAC-LC, with and without an explicit statement that there is no SBR", () => {
  for (const hex of ["1190", "119056e500"]) {
    const config = decodeAacConfig(bytes(hex));
    assert.deepEqual(config, {
      ...{ objectType: 2, sampleRate: 48_000, outputRate: 48_000, channels: 2 },
      ...{ frameSamples: 1024, bytes: bytes(hex) },
    });
  }
  assert.equal(decodeAacConfig(bytes("1314"))?.frameSamples, 960);
});

test("SBR, signalled hierarchically or backward compatibly, doubles the output rate", () => {
  const front = decodeAacConfig(bytes("2b118800"));
  assert.deepEqual([front?.objectType, front?.sampleRate, front?.outputRate], [5, 24_000, 48_000]);
  const behind = decodeAacConfig(bytes("131056e598"));
  assert.deepEqual(
    [behind?.objectType, behind?.sampleRate, behind?.outputRate],
    [2, 24_000, 48_000],
  );
});

test("what decoders do not take is not read", () => {
  for (const hex of ["", "11", "1180", "1fff", "4990"]) {
    assert.equal(decodeAacConfig(bytes(hex)), undefined, hex);
  }
});

test("a StreamMuxConfig gives the AudioSpecificConfig in it, though its bits lie across bytes", () => {
  const ffmpeg = decodeLatmConfig(bytes("400023203fc0"));
  assert.deepEqual([ffmpeg?.config.bytes, ffmpeg?.subFrames], [bytes("1190"), 1]);
  const gstreamer = decodeLatmConfig(bytes("40002320adca00"));
  assert.deepEqual(gstreamer?.config.bytes, bytes("119056e500"));
  assert.equal(decodeLatmConfig(bytes("c00023203fc0")), undefined, "a later version");
  assert.equal(decodeLatmConfig(bytes("401023203fc0")), undefined, "two programs");
});

test("format parameters are read in any case, order and spacing, and what we write is read", () => {
  const config = bytes("1190");
  const generic = parseAacFormat({
    ...{ codec: "mpeg4-generic", clockRate: 48_000 },
    fmtp: "Config=1190; mode=AAC-hbr ;SizeLength=13;IndexLength = 3;IndexDeltaLength=3",
  });
  assert.equal(generic?.config.channels, 2);
  const own = { codec: "mpeg4-generic", clockRate: 44_100, fmtp: formatAacParameters(config) };
  assert.equal(parseAacFormat(own)?.payload, "generic");
});

test("other forms of AAC in RTP are refused", () => {
  const base = "sizelength=13;indexlength=3;indexdeltalength=3;config=1190";
  const of = (codec: string, fmtp?: string) => parseAacFormat({ codec, clockRate: 48_000, fmtp });
  assert.notEqual(of("mpeg4-generic", base), undefined);
  assert.equal(of("mpeg4-generic"), undefined);
  assert.equal(of("mpeg4-generic", base.replace("config=1190", "config=xy")), undefined);
  assert.equal(of("mpeg4-generic", base.replace("13", "99")), undefined);
  assert.equal(of("mpeg4-generic", `${base};constantsize=100`), undefined);
  assert.equal(of("mpeg4-generic", `${base};ctsdeltalength=8`), undefined);
  assert.equal(of("mp4a-latm", "config=400023203fc0"), undefined, "configuration in band");
});

test("any configuration is read or refused, never an exception", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), fc.string({ maxLength: 60 }), (any, text) => {
      decodeAacConfig(any);
      decodeLatmConfig(any);
      const hex = Buffer.from(any).toString("hex");
      for (const codec of ["mpeg4-generic", "mp4a-latm"]) {
        for (const fmtp of [text, `config=${hex}`, `cpresent=0;config=${hex};sizelength=${text}`]) {
          parseAacFormat({ codec, clockRate: 48_000, fmtp });
        }
      }
    }),
  );
});
