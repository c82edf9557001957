import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { videoCodecString } from "./codec-strings.ts";
import { KNOWN_CODECS } from "./formats.ts";

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

test("key frames name their codec as WebCodecs does", () => {
  const of = (codec: string, hex: string) => videoCodecString(codec, bytes(hex));
  assert.equal(of("h264", "0000000167428015"), "avc1.428015");
  const sps =
    "420101016000000300900000030000030 03ca00a080c1f3e59595293 0bc05a0200000300020000030 03c10";
  assert.equal(of("h265", `00000001${sps.replaceAll(" ", "")}`), "hev1.1.6.L60.90");
  assert.equal(of("vp8", "1002009d012a"), "vp8");
  assert.equal(of("vp9", "824983420013f00b30"), "vp09.00.11.08");
  assert.equal(of("av1", "0a0a00000002aff19b5f2008"), "av01.0.00M.08");
});

test("frames without codec parameters have no name, and nothing throws", () => {
  const codecs = fc.constantFrom(...KNOWN_CODECS, "mpv");
  fc.assert(
    fc.property(codecs, fc.uint8Array({ maxLength: 40 }), (codec, frame) => {
      const name = videoCodecString(codec, frame);
      assert.ok(name === undefined || /^[a-z0-9]+(\.[0-9A-Za-z]+)*$/.test(name), name);
    }),
  );
  assert.equal(videoCodecString("h265", bytes("0000000126 01af".replace(" ", ""))), undefined);
  assert.equal(videoCodecString("opus", bytes("00")), undefined);
});
