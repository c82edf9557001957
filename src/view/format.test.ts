import assert from "node:assert/strict";
import { test } from "node:test";
import {
  formatBitRate,
  formatBytes,
  formatCodecs,
  formatCount,
  formatMs,
  formatPath,
  formatShare,
  formatSpan,
} from "./format.ts";

test("numbers are short, with decimal prefixes", () => {
  assert.deepEqual([0, 999, 1_000, 12_340, 2_405_000, 9.9e9].map(formatBitRate), [
    "0 b/s",
    "999 b/s",
    "1.00 kb/s",
    "12.3 kb/s",
    "2.41 Mb/s",
    "9.90 Gb/s",
  ]);
  assert.equal(formatBytes(84_200_000), "84.2 MB");
  assert.deepEqual([412.4, 9_999, 12_345].map(formatCount), ["412", "9999", "12.3 k"]);
  assert.deepEqual([0.42, 38.4, 1_240].map(formatMs), ["0.4 ms", "38 ms", "1.2 s"]);
  assert.deepEqual([0.0712, 0.5, 1.31].map(formatShare), ["7.1 %", "50 %", "131 %"]);
});

test("what would be rounded up to four digits takes the next prefix", () => {
  assert.equal(formatBitRate(999_999), "1.00 Mb/s");
  assert.equal(formatBitRate(999.7), "1.00 kb/s");
});

test("what is not known is a dash", () => {
  for (const format of [formatBitRate, formatBytes, formatCount, formatMs, formatShare]) {
    assert.equal(format(undefined), "–");
  }
});

test("codecs and paths are written as people do", () => {
  assert.equal(formatCodecs(["h264", "opus", "x-odd"]), "H.264 + Opus + x-odd");
  assert.equal(formatPath(["origin", "south"]), "origin › south");
  assert.equal(formatPath([]), "no way to it");
});

test("spans are told as people do, from tenths of seconds to hours", () => {
  assert.deepEqual(
    [0, 440, 5_040, 9_960, 59_400, 119_000, 120_000, 7_140_000, 7_200_000].map((ms) =>
      formatSpan(ms),
    ),
    ["0 s", "0.4 s", "5 s", "10 s", "59 s", "119 s", "2 min", "119 min", "2 h"],
  );
  assert.equal(formatSpan(3_400, 0), "3 s");
});
