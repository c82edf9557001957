import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FLAG, KNOWN_CODECS, packetizerFor, type RtpPacket } from "../../../wire/index.ts";
import { FrameFlags } from "./frame-flags.ts";

const SPS = [0x67, 0x42, 0xc0, 0x1e, 0x95];
const PPS = [0x68, 0xce, 0x3c, 0x80];

type Picture = "key" | "reference" | "b" | "delimited key";

function accessUnit(picture: Picture, size: number): Uint8Array {
  const slice = Array.from({ length: size }, (_, index) => (index % 250) + 2);
  const delimiter = picture === "delimited key" ? [0, 0, 0, 1, 0x09, 0xf0] : [];
  const start = [0, 0, 0, 1];
  if (picture === "reference") return Uint8Array.from([...start, 0x41, 0x9a, ...slice]);
  if (picture === "b") return Uint8Array.from([...start, 0x01, 0x9e, ...slice]);
  const sets = [...start, ...SPS, ...start, ...PPS];
  return Uint8Array.from([...delimiter, ...sets, ...start, 0x65, 0x88, ...slice]);
}

function vp8Frame(key: boolean, size: number): Uint8Array {
  const head = key ? [0x10, 2, 0, 0x9d, 1, 0x2a, 64, 0, 64, 0] : [0x11, 2, 0];
  return Uint8Array.from([...head, ...Array.from({ length: size }, () => 5)]);
}

function packetsOf(
  codec: string,
  frames: readonly { bytes: Uint8Array; key: boolean; timestamp: number }[],
): RtpPacket[] {
  const packetizer = packetizerFor(codec, { maxPayloadBytes: 100 });
  let sequence = 0;
  return frames.flatMap(({ timestamp, ...frame }) => {
    const payloads = packetizer?.packetize(frame) ?? [];
    return payloads.map((payload, index) => ({
      marker: index === payloads.length - 1,
      payloadType: 96,
      sequence: sequence++ & 0xffff,
      timestamp,
      ssrc: 1,
      csrcs: [],
      extensions: [],
      payload,
    }));
  });
}

const pictures = fc.array(
  fc.record(
    {
      picture: fc.constantFrom<Picture>("key", "reference", "b", "delimited key"),
      size: fc.integer({ min: 1, max: 500 }),
    },
    { noNullPrototype: true },
  ),
  { minLength: 1, maxLength: 20 },
);

test("H.264: every frame begins and ends, and all packets of a key frame from the SPS on are flagged", () => {
  fc.assert(
    fc.property(pictures, fc.nat(0xffff_ffff), (list, base) => {
      const frames = list.map(({ picture, size }, index) => ({
        bytes: accessUnit(picture, size),
        key: picture.endsWith("key"),
        timestamp: (base + index * 3000) >>> 0,
      }));
      const flags = new FrameFlags("h264");
      const flagged = packetsOf("h264", frames).map((packet) => {
        return { packet, flags: flags.flag(packet, "next").flags };
      });
      for (const [index, { timestamp }] of frames.entries()) {
        const own = flagged.filter(({ packet }) => packet.timestamp === timestamp);
        const isKey = frames[index]?.key === true;
        assert.ok(((own[0]?.flags ?? 0) & FLAG.begin) !== 0);
        assert.deepEqual(
          own.map((each) => (each.flags & FLAG.end) !== 0),
          own.map((_, at) => at === own.length - 1),
        );
        const entries = own.filter((each) => (each.flags & 9) === (FLAG.begin | FLAG.keyframe));
        assert.equal(entries.length, isKey ? 1 : 0);
        const from = own.findIndex((each) => (each.flags & FLAG.keyframe) !== 0);
        assert.ok(
          own.slice(Math.max(0, from)).every((each) => (each.flags & 8) === (isKey ? 8 : 0)),
        );
        const isDiscardable = list[index]?.picture === "b";
        assert.ok(own.every((each) => (each.flags & 16) === (isDiscardable ? 16 : 0)));
      }
    }),
  );
});

test("VP8: all packets of a key frame are flagged, although only the first one tells", () => {
  const frames = [true, false, false, true].map((key, index) => {
    return { bytes: vp8Frame(key, 350), key, timestamp: index * 3000 };
  });
  const flags = new FrameFlags("vp8");
  const packets = packetsOf("vp8", frames);
  const seen = packets.map((packet) => flags.flag(packet, "next").flags);
  const keys = packets.map(({ timestamp }) => timestamp === 0 || timestamp === 9000);
  assert.deepEqual(
    seen.map((each) => (each & FLAG.keyframe) !== 0),
    keys,
  );
  assert.equal(seen.filter((each) => (each & FLAG.begin) !== 0).length, 4);
});

test("after a loss, a key frame whose start is missing is not flagged as a beginning", () => {
  const frame = { bytes: accessUnit("key", 500), key: true, timestamp: 9000 };
  const packets = packetsOf("h264", [frame]);
  const flags = new FrameFlags("h264");
  const withoutSets = packets.slice(1);
  const seen = withoutSets.map((packet, index) => {
    return flags.flag(packet, index === 0 ? "after-loss" : "next").flags;
  });
  assert.ok(seen.every((each) => (each & FLAG.keyframe) !== 0));
  assert.ok(seen.every((each) => (each & FLAG.begin) === 0));
});

test("a late packet gets the flags of its frame", () => {
  const frames = [
    { bytes: accessUnit("key", 300), key: true, timestamp: 0 },
    { bytes: accessUnit("reference", 50), key: false, timestamp: 3000 },
  ];
  const packets = packetsOf("h264", frames);
  const late = packets[2] as RtpPacket;
  const flags = new FrameFlags("h264");
  for (const packet of packets.filter((each) => each !== late)) flags.flag(packet, "next");
  assert.equal(flags.flag(late, "late").flags, FLAG.keyframe);
});

test("an Opus packet is a frame, and of an unknown codec only the marker is used", () => {
  const packet = packetsOf("opus", [{ bytes: Uint8Array.of(1), key: true, timestamp: 0 }])[0];
  assert.ok(packet !== undefined);
  assert.equal(new FrameFlags("opus").flag(packet, "next").flags, FLAG.begin | FLAG.end);
  const opaque = new FrameFlags("h266");
  assert.equal(opaque.flag({ ...packet, marker: false }, "next").flags, 0);
  assert.equal(opaque.flag({ ...packet, marker: true }, "next").flags, FLAG.end);
});

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

/** Flags of packets with these payloads (hexadecimal); those with the same timestamp are a frame. */
function flagsOf(codec: string, payloads: readonly (readonly [number, string])[]): number[] {
  const flags = new FrameFlags(codec);
  return payloads.map(([timestamp, hex], index) => {
    const marker = payloads[index + 1]?.[0] !== timestamp;
    const head = { payloadType: 96, ssrc: 1, csrcs: [], extensions: [] };
    const packet = { ...head, marker, sequence: index, timestamp, payload: bytesOf(hex) };
    return flags.flag(packet, "next").flags;
  });
}

const { begin, discardable, end, keyframe } = FLAG;

test("VP9: all packets of a key frame are flagged, and all packets of an unreferenced frame are discardable", () => {
  const flags = flagsOf("vp9", [
    [0, "08824983420000"],
    [0, "04aabb"],
    [1, "0886004092"],
    [1, "04aabb"],
    [2, "0886000012"],
    [2, "04aabb"],
    [3, "0c86004092"],
  ]);
  assert.deepEqual(flags, [
    ...[begin | keyframe, keyframe | end, begin, end],
    ...[begin | discardable, discardable | end, begin | end],
  ]);
});

test("H.265: a decoder starts at the VPS; only the highest sub-layer has discardable pictures", () => {
  const vps = "40010c01ffff01600000030090000003000003001e959009";
  /** With one sub-layer, or with two. */
  const sps = (subLayers: string): string => `4201${subLayers}01600000030090`;
  const flagsWith = (subLayers: string) =>
    flagsOf("h265", [
      [0, vps],
      [0, sps(subLayers)],
      [0, "4401c1"],
      [0, "2601af"],
      [1, "0201d0"],
      [2, "0001e0"],
      [3, "0002e0"],
    ]);
  const key = [begin | keyframe, keyframe, keyframe, keyframe | end];
  const one = [begin | end, begin | end | discardable, begin | end];
  assert.deepEqual(flagsWith("01"), [...key, ...one]);
  const two = [begin | end, begin | end, begin | end | discardable];
  assert.deepEqual(flagsWith("03"), [...key, ...two]);
});

test("AV1: a sequence begins with N; a frame that refreshes nothing is discardable", () => {
  const sequence = "0a00000002aff19b5f2008".replace("0a", "08");
  // With this sequence header: shown inter frame, not resilient, one bit each of choices and size, order hint,
  // references.
  const inter = (refreshed: number): string => {
    const bits = `0011${"0"}${"0"}${"0"}${"0"}${"0000000"}${"000"}`;
    const text = `${bits}${refreshed.toString(2).padStart(8, "0")}`.padEnd(32, "0");
    const octets = text.match(/.{8}/g) ?? [];
    return octets.map((octet) => Number.parseInt(octet, 2).toString(16).padStart(2, "0")).join("");
  };
  const flags = flagsOf("av1", [
    [0, `280b${sequence}30100102`],
    [0, "10 20aabb".replace(" ", "")],
    [1, `1030${inter(1)}`],
    [2, `5030${inter(0)}`],
    [2, "90aabb"],
    [3, `1030${inter(128)}`],
  ]);
  assert.deepEqual(flags, [
    ...[begin | keyframe, keyframe | end, begin | end],
    ...[begin | discardable, discardable | end, begin | end],
  ]);
});

test("AAC begins with its timestamp and ends with the marker; each G.711 packet is a frame regardless of the marker", () => {
  const pieces = [
    [0, "00100030aabb"],
    [0, "00100030ccdd"],
    [1024, "00100010eeff"],
  ] as const;
  assert.deepEqual(flagsOf("mpeg4-generic", pieces), [begin, end, begin | end]);
  assert.deepEqual(flagsOf("pcmu", pieces), [begin | end, begin | end, begin | end]);
});

test("parameter sets are found in the packets of every codec that has them", () => {
  const setsOf = (codec: string, hex: string): string[] => {
    const head = { payloadType: 96, ssrc: 1, csrcs: [], extensions: [], marker: true };
    const packet = { ...head, sequence: 1, timestamp: 0, payload: bytesOf(hex) };
    const { parameterSets } = new FrameFlags(codec).flag(packet, "next");
    return parameterSets.map((set) => Buffer.from(set).toString("hex"));
  };
  assert.deepEqual(setsOf("h264", "780002674200026842"), ["6742", "6842"]);
  assert.deepEqual(setsOf("h265", "600100034001aa00034201bb"), ["4001aa", "4201bb"]);
  assert.deepEqual(setsOf("av1", "280208aa30100102"), ["08aa"]);
  assert.deepEqual(setsOf("vp9", "0c8249834200"), []);
});

test("flagging never throws, for any payload", () => {
  const codecs = fc.constantFrom(...KNOWN_CODECS, "other");
  const positions = fc.constantFrom("next" as const, "after-loss" as const, "late" as const);
  fc.assert(
    fc.property(codecs, positions, fc.uint8Array(), (codec, position, payload) => {
      const [packet] = packetsOf("opus", [{ bytes: Uint8Array.of(1), key: true, timestamp: 0 }]);
      const { flags } = new FrameFlags(codec).flag({ ...(packet as RtpPacket), payload }, position);
      assert.ok(flags >= 0 && flags < 32);
    }),
  );
});

/** Flags of NAL units (hexadecimal) in packets of their own; a star before one is the marker. */
function flagsOfNals(
  codec: string,
  frames: readonly (readonly string[])[],
  constant = false,
): string[] {
  const flags = new FrameFlags(codec);
  let sequence = 0;
  return frames.map((nals, index) =>
    nals
      .map((nal) => {
        const head = { payloadType: 96, ssrc: 1, csrcs: [], extensions: [] };
        const marker = nal.startsWith("*");
        const payload = bytesOf(nal.replace("*", ""));
        const timestamp = constant ? 0 : index * 3000;
        const packet = { ...head, marker, sequence: sequence++, timestamp, payload };
        const each = flags.flag(packet, "next").flags;
        const names = [
          each & keyframe ? "k" : "",
          each & begin ? "b" : "",
          each & end ? "e" : "",
          each & discardable ? "d" : "",
        ];
        return names.join("") || "-";
      })
      .join(" "),
  );
}

const H264_SPS = "6764000aacd9447b011000000300100000030320f1225960";
const H264_PPS = "68eaa3cb22c0";

test("H.264: a key frame with a recovery point is flagged from its parameter sets on", () => {
  const open = [H264_SPS, H264_PPS, "060601c480", "*418899811fdae397d3c4"];
  const p = ["*419aa97a251171df"];
  assert.deepEqual(flagsOfNals("h264", [open, p, open, p]), ["kb k k ke", "be", "kb k k ke", "be"]);
  // Without parameter sets, from the recovery point on.
  assert.deepEqual(flagsOfNals("h264", [open.slice(2), p]), ["kb ke", "be"]);
});

test("H.264: with parameter sets before every frame, only the pictures tell key frames after the first", () => {
  const sets = [H264_SPS, H264_PPS];
  const idr = [...sets, "*6588840057e9d7ad090c"];
  const p = [...sets, "*419aa97a251171df"];
  const open = [...sets, "060601c480", "*418899811fdae397d3c4"];
  assert.deepEqual(flagsOfNals("h264", [idr, p, p, idr, p, open]), [
    ...["kb k ke", "kb k ke", "b - e"],
    ...["b - kbe", "b - e", "b - kb ke"],
  ]);
});

test("H.264: periodic intra refresh has no entry but its IDR", () => {
  const refresh = [H264_SPS, H264_PPS, "06060209c480", "*419aa97a251171df"];
  const idr = [H264_SPS, H264_PPS, "*6588840057e9d7ad090c"];
  const flagged = flagsOfNals("h264", [idr, refresh, refresh, refresh]);
  assert.deepEqual(flagged, ["kb k ke", "kb k k ke", "b - - e", "b - - e"]);
});

test("markers inside pictures end nothing once they are known; those behind parameter sets never do", () => {
  const frame = ["*419a236477c8", "*414a236477c8", "*414a236477c8"];
  const key = [`*${H264_SPS}`, `*${H264_PPS}`, "*6588840057e9", "*6548840057e9"];
  assert.deepEqual(flagsOfNals("h264", [key, frame, frame]), ["kb k ke k", "b - -", "b - -"]);
});

test("pictures under one timestamp begin and end one by one", () => {
  const frame = ["419a236477c8", "*414a236477c8"];
  assert.deepEqual(flagsOfNals("h264", [frame, frame, frame], true), ["b e", "b e", "b e"]);
  const unmarked = frame.map((nal) => nal.replace("*", ""));
  assert.deepEqual(flagsOfNals("h264", [unmarked, unmarked], true), ["b -", "b -"]);
});

test("a codec that changes under its payload type, or a sender of anything, costs no exception", () => {
  const codecs = ["h264", "h265", "vp8", "vp9", "av1"];
  const frames = codecs.map((codec) => ({ codec, bytes: vp8Frame(true, 300) }));
  const plan = fc.array(fc.tuple(fc.nat(4), fc.boolean()), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(fc.constantFrom(...codecs), plan, (codec, list) => {
      const flags = new FrameFlags(codec);
      for (const [timestamp, [which, key]] of list.entries()) {
        const other = frames[which] as (typeof frames)[number];
        for (const packet of packetsOf(other.codec, [{ bytes: other.bytes, key, timestamp }])) {
          assert.ok(flags.flag(packet, "next").flags < 32);
        }
      }
    }),
  );
});
