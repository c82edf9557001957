import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SeededRandom, VirtualClock } from "../../../base/index.ts";
import {
  decodeRtcp,
  encodeRtcp,
  encodeRtp,
  FLAG,
  KIND,
  msToNtp,
  payloadOf,
  type RtcpPacket,
} from "../../../wire/index.ts";
import {
  AUDIO,
  inputOptions,
  RecordingPublisher,
  RtpSource,
  SENDER,
  TRUSTED,
  VIDEO,
} from "../../media.test.support.ts";
import { RtpIngest } from "./rtp-ingest.ts";
import type { IngestTrack } from "./rtp-options.ts";

function open(tracks: readonly IngestTrack[] = [AUDIO]) {
  const clock = new VirtualClock(1_000);
  const publisher = new RecordingPublisher();
  const random = new SeededRandom(1);
  const ingest = new RtpIngest({ input: inputOptions({ tracks }), sink: publisher, clock, random });
  const push = (bytes: Uint8Array, from = TRUSTED): void => {
    clock.advance(20);
    ingest.datagram(0, bytes, { host: from, port: 40_000 });
  };
  return { clock, publisher, ingest, push };
}

function senderReport(ssrc: number, rtpTimestamp = 0): RtcpPacket {
  const { seconds: ntpSeconds, fraction: ntpFraction } = msToNtp(1_700_000_000_000);
  const counts = { packetCount: 1, octetCount: 3, reports: [] };
  return { type: "sender-report", ssrc, ntpSeconds, ntpFraction, rtpTimestamp, ...counts };
}

function goodbye(ssrc: number): Uint8Array {
  return encodeRtcp([senderReport(ssrc), { type: "bye", ssrcs: [ssrc], reason: "" }]);
}

test("a packet keeps its bytes and gets a header; the track is described before it", () => {
  const { ingest, publisher, push } = open();
  const source = new RtpSource(0xabc);
  const bytes = source.next();
  push(bytes);
  assert.deepEqual(payloadOf(publisher.published[0] as Uint8Array), bytes);
  const [header] = publisher.headers;
  assert.deepEqual(
    [header?.kind, header?.channel, header?.medium, header?.sequence, header?.flags],
    [KIND.rtp, 7, 1, 100, FLAG.begin | FLAG.end],
  );
  assert.deepEqual(publisher.descriptions[0], [
    {
      medium: 1,
      kind: "audio",
      source: header?.source,
      generation: 0,
      codec: "opus",
      payloadType: 97,
      clockRate: 48_000,
      channels: 2,
    },
  ]);
  assert.equal(ingest.packets, 1);
});

test("contributing sources and header extensions pass untouched", () => {
  const { publisher, push } = open();
  const bytes = encodeRtp({
    marker: false,
    payloadType: 97,
    sequence: 1,
    timestamp: 2,
    ssrc: 3,
    csrcs: [4, 5],
    extensions: [{ id: 1, data: Uint8Array.of(9) }],
    payload: Uint8Array.of(6),
  });
  push(bytes);
  assert.deepEqual(payloadOf(publisher.published[0] as Uint8Array), bytes);
});

test("untrusted, malformed and unexpected packets are counted and have no other effect", () => {
  const { ingest, publisher, push } = open();
  const source = new RtpSource(1);
  push(source.next(), "10.0.0.9");
  push(Uint8Array.of(0x80, 97));
  push(new RtpSource(1, { payloadType: 11 }).next());
  push(Uint8Array.of(0x80, 200, 0xff, 0xff));
  push(source.next(), "::ffff:127.0.0.1");
  assert.deepEqual(ingest.drops.toJSON(), {
    "malformed-rtcp": 1,
    "malformed-rtp": 1,
    "payload-type": 1,
    "untrusted-source": 1,
  });
  assert.equal(publisher.published.length, 1);
});

test("a sender that stays the same object is checked once; another object is checked again", () => {
  const { ingest, publisher } = open();
  const source = new RtpSource(1);
  const asked: string[] = [];
  const senderAt = (host: string) => ({
    get host() {
      asked.push(host);
      return host;
    },
    port: 1,
  });
  const known = senderAt(TRUSTED);
  for (let i = 0; i < 3; i++) ingest.datagram(0, source.next(), known);
  ingest.datagram(0, source.next(), senderAt("10.0.0.9"));
  ingest.datagram(0, source.next(), known);
  assert.deepEqual(asked, [TRUSTED, "10.0.0.9"]);
  assert.equal(ingest.drops.get("untrusted-source"), 1);
  assert.equal(publisher.published.length, 4);
});

test("no datagram makes it throw", () => {
  const { ingest } = open([AUDIO, VIDEO]);
  const headed = fc.uint8Array({ maxLength: 60 }).map((rest) => Uint8Array.of(0x80, 96, ...rest));
  fc.assert(
    fc.property(fc.nat(2), fc.oneof(fc.uint8Array(), headed), (track, bytes) => {
      ingest.datagram(track, bytes, SENDER);
    }),
  );
});

test("sequence numbers and timestamps wrap within one generation", () => {
  const { publisher, push } = open();
  const source = new RtpSource(1, { sequence: 65_530, timestamp: 0xffff_f000 });
  for (let count = 0; count < 20; count++) push(source.next());
  assert.equal(publisher.published.length, 20);
  assert.ok(publisher.generations.every((generation) => generation === 0));
  assert.equal(publisher.reports.length, 1);
});

test("a sender that restarts with the same SSRC is a new generation, and no packet is missing", () => {
  const { ingest, publisher, push } = open();
  const source = new RtpSource(1);
  push(source.next());
  source.sequence = 30_000;
  for (let count = 0; count < 3; count++) push(source.next());
  assert.deepEqual(publisher.sequences, [100, 30_000, 30_001, 30_002]);
  assert.deepEqual(publisher.generations, [0, 1, 1, 1]);
  assert.equal(publisher.descriptions.at(-1)?.[0]?.generation, 1);
  assert.deepEqual(ingest.drops.toJSON(), {});
});

test("a single stray number is dropped and counted", () => {
  const { ingest, publisher, push } = open();
  const source = new RtpSource(1);
  push(source.next());
  push(source.at(40_000));
  push(source.next());
  assert.deepEqual(publisher.sequences, [100, 101]);
  assert.equal(ingest.drops.get("sequence-jump"), 1);
});

test("a duplicate is dropped and counted", () => {
  const { ingest, publisher, push } = open();
  const source = new RtpSource(1);
  push(source.next());
  push(source.at(100));
  assert.equal(publisher.published.length, 1);
  assert.equal(ingest.drops.get("duplicate"), 1);
});

test("a single packet of another SSRC is dropped and counted when the source goes on", () => {
  const { clock, ingest, publisher, push } = open();
  const first = new RtpSource(1);
  const second = new RtpSource(2);
  push(first.next());
  push(second.next());
  for (let count = 0; count < 3; count++) push(first.next());
  assert.equal(ingest.drops.get("second-source"), 1);
  assert.equal(publisher.sources.length, 1);
  clock.advance(500);
  push(second.next());
  assert.equal(publisher.sources.length, 2);
  assert.deepEqual(
    publisher.byes.map(({ source }) => source),
    [publisher.sources[0]],
  );
});

test("another SSRC is accepted at once after a goodbye", () => {
  const { ingest, publisher, push } = open();
  push(new RtpSource(1).next());
  push(goodbye(1));
  assert.equal(publisher.byes.length, 1);
  push(new RtpSource(2).next());
  assert.equal(publisher.sources.length, 2);
  assert.equal(publisher.byes.length, 1);
  assert.deepEqual(ingest.drops.toJSON(), {});
});

test("the same SSRC returns after a goodbye as a new generation", () => {
  const { clock, publisher, push } = open();
  const source = new RtpSource(1);
  push(source.next());
  push(goodbye(1));
  push(source.next());
  assert.deepEqual(publisher.generations, [0, 0], "a straggler is of the old run");
  clock.advance(300);
  push(source.next());
  assert.deepEqual(publisher.generations, [0, 0, 1]);
});

test("packets that never arrive are announced as a gap, after time for reordering", () => {
  const { clock, publisher, push } = open();
  const source = new RtpSource(1, { sequence: 65_534 });
  push(source.next());
  source.skip(3);
  push(source.next());
  assert.deepEqual(publisher.gaps, []);
  push(source.at(0));
  clock.advance(60);
  assert.deepEqual(publisher.gaps, [], "they may have been overtaken");
  clock.advance(40);
  assert.deepEqual(publisher.gaps, [
    { sequence: 65_535, count: 1 },
    { sequence: 1, count: 1 },
  ]);
});

test("each second an ingest describes its tracks and reports their positions", () => {
  const { clock, publisher, push } = open();
  const source = new RtpSource(5, { timestamp: 4_000 });
  push(encodeRtcp([senderReport(5, 4_000), { type: "source-description", ssrc: 5, cname: "me" }]));
  push(source.next());
  const before = publisher.descriptions.length;
  clock.advance(1_000);
  assert.equal(publisher.descriptions.length, before + 1);
  const report = publisher.reports.at(-1);
  assert.deepEqual([report?.ingestMs, report?.rtpTimestamp, report?.medium], [1_040, 4_000, 1]);
  const rtcp = decodeRtcp(report?.rtcp ?? new Uint8Array(0));
  assert.ok(Array.isArray(rtcp));
  assert.deepEqual(
    rtcp.map(({ type }) => type),
    ["sender-report", "source-description"],
  );
});

test("parameter sets in band are described before the packet that contains them", () => {
  const { publisher, push } = open([{ ...VIDEO, fmtp: "sprop-parameter-sets=Z0LAHtoC,aM48gA==" }]);
  const source = new RtpSource(1, { payloadType: 96 });
  push(source.next(Uint8Array.of(0x41, 1, 2), true));
  assert.deepEqual(publisher.descriptions.at(-1)?.[0]?.parameterSets, ["Z0LAHtoC", "aM48gA=="]);
  push(source.next(Uint8Array.of(0x67, 0x4d, 0x40, 0x1e, 0xda, 0x02)));
  assert.deepEqual(publisher.descriptions.at(-1)?.[0]?.parameterSets, ["Z01AHtoC", "aM48gA=="]);
  const count = publisher.descriptions.length;
  push(source.next(Uint8Array.of(0x67, 0x4d, 0x40, 0x1e, 0xda, 0x02)));
  assert.equal(publisher.descriptions.length, count);
});

test("a receiver report tells the sender about loss, and when its own report arrived", () => {
  const { clock, ingest, push } = open();
  assert.equal(ingest.receiverReport(0), undefined);
  const source = new RtpSource(9, { sequence: 65_535 });
  push(encodeRtcp([senderReport(9)]));
  push(source.next());
  source.skip(2);
  push(source.next());
  clock.advance(1_000);
  const packets = decodeRtcp(ingest.receiverReport(0) ?? new Uint8Array(0));
  assert.ok(Array.isArray(packets) && packets[0]?.type === "receiver-report");
  const [report] = packets[0].reports;
  assert.equal(report?.ssrc, 9);
  assert.equal(report?.fractionLost, 128);
  assert.equal(report?.packetsLost, 2);
  assert.equal(report?.highestSequence, 0x1_0002);
  assert.equal(report?.delaySinceLastSenderReport, Math.round(1_040 * 65.536));
  assert.notEqual(report?.lastSenderReport, 0);
});

test("closing ends the source, stops the timer and ignores later datagrams", () => {
  const { clock, ingest, publisher, push } = open();
  const source = new RtpSource(1);
  push(source.next());
  ingest.close();
  ingest.close();
  push(source.next());
  assert.equal(publisher.published.length, 1);
  assert.equal(publisher.byes.length, 1);
  assert.deepEqual(clock.pending, []);
});
