import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { msToNtp, ntpToMs } from "./ntp-time.ts";

test("the epoch of Unix is 2 208 988 800 s after that of NTP", () => {
  assert.equal(ntpToMs(2_208_988_800, 0), 0);
  assert.deepEqual(msToNtp(0), { seconds: 2_208_988_800, fraction: 0 });
});

test("half a second is half of the fraction", () => {
  assert.equal(ntpToMs(2_208_988_800, 0x8000_0000), 500);
  assert.deepEqual(msToNtp(500), { seconds: 2_208_988_800, fraction: 0x8000_0000 });
});

test("seconds that ran over in 2036 go on from there", () => {
  const turn = Date.UTC(2036, 1, 7, 6, 28, 16);
  assert.deepEqual(msToNtp(turn), { seconds: 0, fraction: 0 });
  assert.equal(ntpToMs(0, 0), turn);
  assert.equal(ntpToMs(0xffff_ffff, 0), turn - 1000);
});

test("times from 1970 to 2100 come back within a microsecond", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: Date.UTC(2100, 0), noNaN: true }), (ms) => {
      const { seconds, fraction } = msToNtp(ms);
      assert(Number.isInteger(seconds) && seconds >= 0 && seconds <= 0xffff_ffff);
      assert(Number.isInteger(fraction) && fraction >= 0 && fraction <= 0xffff_ffff);
      assert(Math.abs(ntpToMs(seconds, fraction) - ms) < 0.001);
    }),
  );
});
