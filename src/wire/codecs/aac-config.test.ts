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

// What ffmpeg writes for 2.1 and for four channels, and as the standard allows more.
const PROGRAM_2_1 = "118004c4010020000d4c61766335392e33372e31303056e500";
const PROGRAM_QUAD = "118004c4040021100d4c61766335392e33372e31303056e500";

test("channels that a program configuration describes are counted, whatever else it has", () => {
  for (const [hex, channels] of [
    [PROGRAM_2_1, 3],
    [PROGRAM_QUAD, 4],
  ] as const) {
    const config = decodeAacConfig(bytes(hex));
    assert.deepEqual(
      [config?.channels, config?.objectType, config?.sampleRate],
      [channels, 2, 48_000],
    );
    const fmtp = formatAacParameters(bytes(hex));
    const format = parseAacFormat({ codec: "mpeg4-generic", clockRate: 48_000, fmtp });
    assert.equal(format?.config.channels, channels);
  }
  // SBR behind it is found as well.
  assert.equal(decodeAacConfig(bytes(PROGRAM_2_1.replace("56e500", "56e598")))?.outputRate, 48_000);
  assert.equal(decodeAacConfig(bytes("1188"))?.channels, 1);
  assert.equal(decodeAacConfig(bytes("11d8"))?.channels, 7);
});

test("a program configuration at the bounds of each of its fields is counted, or is none", () => {
  const fields = fc.record({
    front: fc.array(fc.boolean(), { maxLength: 15 }),
    side: fc.array(fc.boolean(), { maxLength: 15 }),
    back: fc.array(fc.boolean(), { maxLength: 15 }),
    low: fc.nat(3),
    associated: fc.nat(7),
    coupling: fc.nat(15),
    mixdowns: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
    comment: fc.constantFrom(0, 1, 13, 255),
  });
  fc.assert(
    fc.property(fields, ({ associated, back, comment, coupling, front, low, mixdowns, side }) => {
      const number = (value: number, count: number): string =>
        value.toString(2).padStart(count, "0");
      const elements = [...front, ...side, ...back];
      let bits = `00010${number(3, 4)}0000000${number(0, 10)}`;
      bits += [front, side, back].map((list) => number(list.length, 4)).join("");
      bits += number(low, 2) + number(associated, 3) + number(coupling, 4);
      bits += mixdowns.map((has, at) => (has ? `1${"0".repeat(at < 2 ? 4 : 3)}` : "0")).join("");
      bits += elements.map((isPair) => `${isPair ? 1 : 0}0000`).join("");
      bits += "0".repeat(low * 4 + associated * 4 + coupling * 5);
      bits = bits.padEnd(Math.ceil(bits.length / 8) * 8, "0");
      bits += number(comment, 8) + "01000001".repeat(comment);
      const octets = bits.match(/.{8}/g) ?? [];
      const whole = Uint8Array.from(octets, (octet) => Number.parseInt(octet, 2));
      const channels = elements.reduce((sum, isPair) => sum + (isPair ? 2 : 1), low);
      const isSound = channels >= 1 && channels <= 64;
      assert.equal(decodeAacConfig(whole)?.channels, isSound ? channels : undefined);
      assert.equal(decodeAacConfig(whole.subarray(0, -1)), undefined);
    }),
  );
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
  for (const hex of ["", "11", "1180", "11c0", "1fff", "4990", PROGRAM_2_1.slice(0, 20)]) {
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
