import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom, VirtualClock } from "../../../base/index.ts";
import type { SourceReport } from "../../../reflector/index.ts";
import { encodeRtp } from "../../../wire/index.ts";
import { AUDIO, inputOptions, RecordingPublisher, SENDER } from "../../media.test.support.ts";
import { RtpIngest } from "./rtp-ingest.ts";

/** What left an ingest, in order: positions of reports, and packets by their timestamp and arrival. */
class Order extends RecordingPublisher {
  readonly left: ({ readonly report: SourceReport } | { readonly packet: Uint8Array })[] = [];

  override report(report: SourceReport): void {
    super.report(report);
    this.left.push({ report });
  }

  override packet(packet: Uint8Array): void {
    super.packet(packet);
    this.left.push({ packet });
  }
}

/** Plays `count` packets of 20 ms. @param ticksOf the timestamp of a packet. @returns how late each is by the last report before it */
function latenessOf(count: number, ticksOf: (index: number) => number): number[] {
  const clock = new VirtualClock(1_000);
  const publisher = new Order();
  const random = new SeededRandom(1);
  const ingest = new RtpIngest({
    input: inputOptions({ tracks: [AUDIO] }),
    sink: publisher,
    clock,
    random,
  });
  const lateness: number[] = [];
  for (let index = 0; index < count; index++) {
    clock.advance(20);
    const timestamp = ticksOf(index) >>> 0;
    const before = publisher.left.length;
    const bytes = encodeRtp({
      ...{ marker: false, payloadType: 97, sequence: index & 0xffff, timestamp, ssrc: 5 },
      ...{ csrcs: [], extensions: [], payload: Uint8Array.of(1) },
    });
    ingest.datagram(0, bytes, SENDER);
    assert.ok("packet" in (publisher.left.at(-1) ?? {}), "the report left after the packet");
    assert.ok(publisher.left.length <= before + 2);
    const report = publisher.reports.at(-1);
    assert.ok(report !== undefined, "a packet left before any report");
    const due = report.ingestMs + ((timestamp - report.rtpTimestamp) | 0) / 48;
    lateness.push(clock.now() - due);
  }
  ingest.close();
  return lateness;
}

const HOUR = 3_600 * 48_000;
const JUMPS = {
  "two hours ahead": 2 * HOUR,
  "ten seconds back": -10 * 48_000,
  "half a second ahead": 24_000,
  "a second and a half back": -72_000,
};

for (const [name, ticks] of Object.entries(JUMPS)) {
  test(`no packet is placed by the old time base when timestamps jump: ${name}`, () => {
    const lateness = latenessOf(400, (index) => index * 960 + (index >= 100 ? ticks : 0));
    for (const [index, late] of lateness.entries()) {
      assert.ok(Math.abs(late) < 20, `packet ${index} is ${late} ms late`);
    }
  });
}

test("one wrong timestamp moves its own packet and no other", () => {
  const lateness = latenessOf(400, (index) => index * 960 + (index === 100 ? HOUR : 0));
  for (const late of lateness) assert.ok(Math.abs(late) < 20);
});

test("a sender without reports whose clock is 4 % off is placed with a constant delay", () => {
  for (const drift of [-0.04, -0.02, -0.005, 0.005, 0.02, 0.04]) {
    const lateness = latenessOf(3_000, (index) => Math.round(index * 960 * (1 + drift)));
    const settled = lateness.slice(800);
    const spread = Math.max(...settled) - Math.min(...settled);
    assert.ok(spread < 60, `${drift}: the delay moves by ${spread} ms`);
    assert.ok(Math.max(...lateness.map(Math.abs)) < 130, `${drift}`);
  }
});

test("timestamps that go back for ever are placed where they arrive", () => {
  for (const step of [960, 48_000, 480_000]) {
    const lateness = latenessOf(500, (index) => -index * step);
    for (const late of lateness) assert.ok(Math.abs(late) < 2_020, `${step}: ${late} ms late`);
  }
});

test("a pause in which the media clock stood still, or ran, is over with its first packet", () => {
  for (const runs of [true, false]) {
    const clock = new VirtualClock(1_000);
    const publisher = new Order();
    const random = new SeededRandom(1);
    const input = inputOptions({ tracks: [AUDIO] });
    const ingest = new RtpIngest({ input, sink: publisher, clock, random });
    for (let index = 0; index < 200; index++) {
      clock.advance(index === 100 ? 6_020 : 20);
      const timestamp = index * 960 + (runs && index >= 100 ? 6_000 * 48 : 0);
      const bytes = encodeRtp({
        ...{ marker: false, payloadType: 97, sequence: index, timestamp, ssrc: 5 },
        ...{ csrcs: [], extensions: [], payload: Uint8Array.of(1) },
      });
      ingest.datagram(0, bytes, SENDER);
      const report = publisher.reports.at(-1);
      const due = (report?.ingestMs ?? 0) + (timestamp - (report?.rtpTimestamp ?? 0)) / 48;
      assert.ok(Math.abs(clock.now() - due) < 20, `packet ${index}`);
    }
    assert.equal(publisher.sources.length, 1);
    ingest.close();
  }
});
