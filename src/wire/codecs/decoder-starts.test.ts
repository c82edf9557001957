import assert from "node:assert/strict";
import { test } from "node:test";
import { annexB } from "./formats.test.support.ts";
import { depacketizerFor } from "./formats.ts";
import type { Depacketizer } from "./media-format.ts";

// docs/spec/wire.md [W13]: with which frames a decoder can start, and which are leading.

// The fronts of what x264 made of 64x48 pixels with keyint=6, bframes=2, b-pyramid and open-gop.
const SPS = "6764000aacd9447b011000000300100000030320f1225960";
const PPS = "68eaa3cb22c0";
const RECOVERY = "060601c480";
const OPEN_GOP: readonly (readonly string[])[] = [
  [SPS, PPS, "6588840057e9d7ad090c"],
  ["419a236477c81b1bbd50"],
  ["419e417884bff814d5"],
  ["019e62442dfff85c6d"],
  [SPS, PPS, RECOVERY, "418899811fdae397d3c4"],
  ["419e8445112c25ffbce6fd9bd1"],
  ["019ea5442dfff85c6d"],
  ["419aa97a251171dfca0fff9b62d3fb837259803fd3998157f65a29f4a3"],
  ["419ec77884bf7340"],
  ["019ee8442dff7bc0"],
  [SPS, PPS, RECOVERY, "4188bb011fdae397efe4"],
  ["419f0a45152c2dffa66453"],
  ["019f2b442dffa8bff4"],
  ["419b2f7a251171dfcb9883387864656daa72fea57b1481a3f5f8baaca3d0940ce2bf"],
  ["419f4d7884bf7341"],
];

/** `K` a frame that a decoder can start with, `l` a leading one, `-` another. Frames in decoding order. */
function kindsOf(
  codec: string,
  units: readonly (readonly string[])[],
  timestampOf: (index: number) => number = (index) => index * 3000,
): string {
  const depacketizer = depacketizerFor(codec) as Depacketizer;
  const head = { payloadType: 96, sequence: 0, ssrc: 0, csrcs: [], extensions: [] };
  let kinds = "";
  const note = (first: ReturnType<Depacketizer["push"]>): void => {
    for (let frame = first; frame !== undefined; frame = depacketizer.more()) {
      kinds += frame.key ? "K" : frame.leading === true ? "l" : "-";
    }
  };
  for (const [index, nals] of units.entries()) {
    for (const [at, nal] of nals.entries()) {
      const payload = Uint8Array.from(Buffer.from(nal, "hex"));
      const marker = at === nals.length - 1;
      note(depacketizer.push({ ...head, timestamp: timestampOf(index), marker, payload }));
    }
  }
  note(depacketizer.finish());
  assert.equal(depacketizer.dropped, 0);
  return kinds;
}

test("H.264: a recovery point with an intra picture is an entry, and the pictures before it in output order lead", () => {
  assert.equal(kindsOf("h264", OPEN_GOP), "K---Kll---Kll--");
  // Wherever the receiver joins.
  assert.equal(kindsOf("h264", OPEN_GOP.slice(4)), "Kll---Kll--");
  assert.equal(kindsOf("h264", OPEN_GOP.slice(10)), "Kll--");
});

test("H.264: without picture order, the timestamps tell which pictures lead", () => {
  // The second parameter set is missing, so slices cannot be read beyond their type.
  const bare = OPEN_GOP.slice(4).map((nals) => nals.map((nal) => (nal === PPS ? "68bf" : nal)));
  const presented = [2, 1, 0, 5, 4, 3, 8, 7, 6, 11, 10];
  assert.equal(
    kindsOf("h264", bare, (index) => ((presented[index] ?? 0) * 3000 - 6000) >>> 0),
    "Kll---Kll--",
  );
});

test("H.264: exact, inexact and broken recovery points are entries; recovery after some frames is none", () => {
  const unit = (sei: string, slice: string): string => kindsOf("h264", [[SPS, PPS, sei, slice]]);
  const intra = "418899811fdae397d3c4";
  // recovery_frame_cnt 0, then exact_match_flag, broken_link_flag and changing_slice_group_idc.
  for (const body of ["80", "c0", "a0", "e0"]) assert.equal(unit(`060601${body}80`, intra), "K");
  // Behind another message in the same NAL unit.
  assert.equal(unit("060502aabb0601c480", intra), "K");
  // ue(v) 9: 0001010.
  assert.equal(unit("060602148080", intra), "-");
  // Its picture refers to others.
  assert.equal(unit(RECOVERY, "419aa97a251171dfca0f"), "-");
  // No recovery point, or one that is cut off.
  assert.equal(unit("060502aabb80", intra), "-");
  assert.equal(unit("060601", intra), "-");
  // What an IDR says is enough.
  assert.equal(unit("060602148080", "6588840057e9d7ad090c"), "K");
});

test("H.265: IDR, CRA and BLA are entries; RASL pictures lead, RADL pictures do not", () => {
  const sets = [32, 33, 34].map((type) => `${(type << 1).toString(16)}0180`);
  const nal = (type: number): string => `${(type << 1).toString(16).padStart(2, "0")}01d0aa`;
  const kinds = (...types: number[]): string =>
    kindsOf(
      "h265",
      types.map((type) => (type >= 16 ? [...sets, nal(type)] : [nal(type)])),
    );
  assert.equal(kinds(21, 8, 9, 6, 7, 1, 0), "Kll----");
  for (const type of [16, 17, 18, 19, 20, 21]) assert.equal(kinds(type, 1), "K-");
});

test("VP9 intra-only frames and AV1 switch and forward key frames are no entries", () => {
  // Frame marker, profile 0; not key, not shown, error resilient; intra-only.
  assert.equal(kindsOf("vp9", [["0c8249834200"], ["0c85400000"]]), "K-");
  const sequence = "0a0a00000002afff9b5f3008";
  /** A payload of OBUs behind their lengths. */
  const one = (...obus: string[]): string[] => {
    const behindLength = (each: string): string =>
      `${(each.length / 2).toString(16).padStart(2, "0")}${each}`;
    return [`00${obus.map(behindLength).join("")}`];
  };
  const [shownKey, hiddenKey, inter, again, change] = [
    "3010aa",
    "3000aa",
    "3030aa",
    "1888",
    "3070aa",
  ];
  assert.equal(kindsOf("av1", [one(sequence, shownKey), one(inter)]), "K-");
  assert.equal(kindsOf("av1", [one(sequence, hiddenKey, inter)]), "-");
  assert.equal(kindsOf("av1", [one(sequence, change)]), "-");
  // A hidden key frame that is shown at once.
  assert.equal(kindsOf("av1", [one(sequence, hiddenKey, again)]), "K");
});

test("an access unit in Annex B form keeps its recovery point, so that decoders see it too", () => {
  const depacketizer = depacketizerFor("h264") as Depacketizer;
  const head = { payloadType: 96, sequence: 0, ssrc: 0, csrcs: [], extensions: [], timestamp: 0 };
  const nals = [SPS, PPS, RECOVERY, "418899811fdae397d3c4"].map((hex) => Buffer.from(hex, "hex"));
  for (const payload of nals) depacketizer.push({ ...head, marker: false, payload });
  assert.deepEqual(depacketizer.finish()?.bytes, annexB(nals.map((nal) => [...nal])));
});
