import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeRtcp, msToNtp, type RtcpPacket } from "../../../wire/index.ts";
import { MediaClock } from "./media-clock.ts";
import { SenderReports } from "./sender-reports.ts";

const WALL = Date.UTC(2026, 0, 1);
const SSRC = 9;

/** A sender of 25 pictures a second, its clock, and its reports. */
function sender() {
  let clock = new MediaClock(90_000);
  const reports = new SenderReports();
  let [now, timestamp] = [1_000, 0];
  const tell = (ntp: { seconds: number; fraction: number }, rtpTimestamp: number): void => {
    const times = { ntpSeconds: ntp.seconds, ntpFraction: ntp.fraction, rtpTimestamp };
    const packet: RtcpPacket = {
      ...{ type: "sender-report", ssrc: SSRC, ...times },
      ...{ packetCount: 1, octetCount: 1, reports: [] },
    };
    reports.add([packet], { now, wall: WALL + now, clockOf: () => clock });
  };
  return {
    reports,
    get clock() {
      return clock;
    },
    /** The same SSRC begins another run. */
    restart(): void {
      clock = new MediaClock(90_000);
      timestamp = (timestamp + 777_777_777) >>> 0;
    },
    play(seconds: number): void {
      for (let frame = 0; frame < seconds * 25; frame++) {
        now += 40;
        timestamp = (timestamp + 3_600) >>> 0;
        clock.arrived(timestamp, now);
      }
    },
    jump(ms: number): void {
      timestamp = (timestamp + ms * 90) >>> 0;
    },
    /** A report that is wrong by `off` ms. */
    report(off = 0): number {
      const ms = WALL + now + off;
      tell(msToNtp(ms), timestamp);
      return msToNtp(ms).seconds;
    },
    tell: (ntp: { seconds: number; fraction: number }) => tell(ntp, timestamp),
    believed: () => reports.believedOf(SSRC, clock)?.ntpSeconds,
  };
}

test("a report that contradicts the others is not passed on, however wrong it is", () => {
  const offs = fc.integer({ min: 300, max: 2_000_000_000 }).map((off) => off * (off % 2 ? 1 : -1));
  fc.assert(
    fc.property(offs, fc.nat(5), (off, before) => {
      const each = sender();
      for (let count = 0; count <= before + 2; count++) {
        each.play(5);
        each.report();
      }
      const { bytes } = each.reports.believedOf(SSRC, each.clock) ?? { bytes: undefined };
      each.play(5);
      each.report(off);
      assert.equal(each.reports.believedOf(SSRC, each.clock)?.bytes, bytes);
      each.play(5);
      assert.equal(each.report(), each.believed());
    }),
    { seed: 31, numRuns: 50 },
  );
});

test("a lasting change is believed with the third report in a row", () => {
  const each = sender();
  for (let count = 0; count < 4; count++) {
    each.play(2);
    each.report();
  }
  for (let count = 1; count <= 3; count++) {
    each.play(2);
    const seconds = each.report(3_600_000);
    assert.equal(each.believed() === seconds, count === 3, `report ${count}`);
  }
});

test("a time that cannot be the time of day is none, and zero never is one", () => {
  const impossible = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2_208_988_799 }));
  fc.assert(
    fc.property(impossible, fc.nat(0xffff_ffff), (seconds, fraction) => {
      const each = sender();
      // Always the same time: the sender's clock stands still.
      for (let count = 0; count < 5; count++) {
        each.play(2);
        each.tell({ seconds, fraction });
        assert.equal(each.believed(), undefined);
        assert.equal(each.reports.lastOf(SSRC)?.ntpSeconds, seconds);
      }
    }),
    { seed: 32, numRuns: 50 },
  );
});

test("a clock that counts from the start of the sender is believed with the third report in a row", () => {
  const each = sender();
  for (let seconds = 1; seconds <= 13; seconds += 4) {
    each.play(4);
    each.tell({ seconds, fraction: 7 });
    assert.equal(each.believed(), seconds < 9 ? undefined : seconds);
  }
});

test("a report from before a jump of the media is of no use after it, and the next one is", () => {
  const each = sender();
  each.play(5);
  each.report();
  assert.notEqual(each.believed(), undefined);
  each.jump(7_200_000);
  each.play(1);
  assert.equal(each.believed(), undefined);
  assert.equal(each.report(), each.believed());
});

test("a report from before the first packet counts until the next one", () => {
  const each = sender();
  const first = each.report();
  each.play(1);
  assert.equal(each.believed(), first);
  each.play(4);
  assert.equal(each.report(), each.believed());
});

test("a name that is no text is left out, and a report has one name at most", () => {
  const names = fc.array(fc.string({ unit: "binary", maxLength: 300 }), { maxLength: 5 });
  fc.assert(
    fc.property(
      names,
      fc.nat(0xffff_ffff),
      fc.nat(0xffff_ffff),
      (cnames, ntpSeconds, rtpTimestamp) => {
        const reports = new SenderReports();
        const counts = { ntpFraction: 0, packetCount: 0, octetCount: 0, reports: [] };
        const report = {
          type: "sender-report",
          ssrc: SSRC,
          ntpSeconds,
          rtpTimestamp,
          ...counts,
        } as const;
        const described = cnames.map((cname) => {
          return { type: "source-description", ssrc: SSRC, cname } as const;
        });
        reports.add([report, ...described], { now: 0, wall: WALL, clockOf: () => undefined });
        const decoded = decodeRtcp(reports.lastOf(SSRC)?.bytes ?? new Uint8Array());
        assert.ok(Array.isArray(decoded) && decoded.length <= 2);
      },
    ),
    { seed: 33 },
  );
});

test("a report about the run before says nothing about the one that the same SSRC has begun", () => {
  const each = sender();
  for (let second = 0; second < 5; second++) {
    each.play(1);
    each.report();
  }
  each.restart();
  each.play(1);
  assert.equal(each.believed(), undefined);
  assert.equal(each.report(), each.believed());
});
