import assert from "node:assert/strict";
import { test } from "node:test";
import { annexBOf, decodeAvcConfiguration, decodeHevcConfiguration } from "../files/avc-samples.ts";
import {
  encodeAvcConfiguration,
  encodeHevcConfiguration,
  isInstantRefresh,
  lengthPrefixed,
} from "./nal-samples.ts";

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
const annexB = (...nals: readonly Uint8Array[]): Uint8Array =>
  annexBOf(new Uint8Array(), 4, nals) as Uint8Array;

const AVC = {
  sps: bytes("677a000db6cd941519e222f011000003000100000300320f142996"),
  pps: bytes("68ea8ccb22c0"),
  delimiter: bytes("09f0"),
  slice: bytes("65888400ff"),
};
const HEVC = {
  vps: bytes("40010c01ffff022000000300900000030000030 03c959809".replace(" ", "")),
  sps: bytes(
    "42010102200000030090000003000003003ca00a480b9c94d96566924caf016808000003000800000300c840",
  ),
  pps: bytes("4401c172b46240"),
  idr: bytes("2601af09"),
  cra: bytes("2a01af09"),
};

test("an H.264 key frame can be restored from its configuration and sample", () => {
  const { sps, pps, delimiter, slice } = AVC;
  const frame = annexB(delimiter, sps, pps, slice);
  const record = encodeAvcConfiguration(frame);
  const read = record && decodeAvcConfiguration(record);
  assert.deepEqual(read?.parameterSets, [sps, pps]);
  // High 4:2:2: the record has sampling and depths after the sets.
  assert.deepEqual([...(record ?? [])].slice(-4), [0xfe, 0xfa, 0xfa, 0]);
  const sample = lengthPrefixed(frame, "h264", [sps, pps]);
  assert.deepEqual(sample, Uint8Array.of(0, 0, 0, slice.byteLength, ...slice));
  assert.deepEqual(annexBOf(sample, 4, read?.parameterSets ?? []), annexB(sps, pps, slice));
});

test("an H.265 key frame can be restored from its configuration and sample", () => {
  const { vps, sps, pps, idr } = HEVC;
  const frame = annexB(vps, sps, pps, idr);
  const record = encodeHevcConfiguration(frame);
  assert.deepEqual(record && decodeHevcConfiguration(record)?.parameterSets, [vps, sps, pps]);
  assert.deepEqual(
    lengthPrefixed(frame, "h265", [vps, sps, pps]),
    Uint8Array.of(0, 0, 0, 4, ...idr),
  );
});

test("without parameter sets there is no configuration", () => {
  assert.equal(encodeAvcConfiguration(annexB(AVC.slice)), undefined);
  assert.equal(encodeAvcConfiguration(annexB(AVC.sps, AVC.slice)), undefined);
  assert.equal(encodeHevcConfiguration(annexB(HEVC.sps, HEVC.pps, HEVC.idr)), undefined);
  assert.equal(encodeHevcConfiguration(new Uint8Array()), undefined);
});

test("a file can begin only with an instant refresh", () => {
  assert.equal(isInstantRefresh(annexB(HEVC.idr), "h265"), true);
  assert.equal(isInstantRefresh(annexB(HEVC.cra), "h265"), false);
});
