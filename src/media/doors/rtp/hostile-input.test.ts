import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SeededRandom, VirtualClock } from "../../../base/index.ts";
import { decodeControl, encodeControl, encodeRtcp, encodeRtp } from "../../../wire/index.ts";
import {
  AUDIO,
  inputOptions,
  RecordingPublisher,
  SENDER,
  VIDEO,
} from "../../media.test.support.ts";
import { RtpIngest } from "./rtp-ingest.ts";
import type { IngestTrack } from "./rtp-options.ts";

const u8 = bounds(8);
const u16 = bounds(16);
const u32 = bounds(32);

/** Numbers of a width: the bounds, what is beside them, and any. */
function bounds(bits: number) {
  const most = 2 ** bits - 1;
  const half = 2 ** (bits - 1);
  return fc.oneof(
    fc.constantFrom(0, 1, half - 1, half, half + 1, most - 1, most),
    fc.nat(most),
    fc.nat(Math.min(most, 20)),
  );
}

const rtp = fc
  .record({
    marker: fc.boolean(),
    payloadType: fc.oneof(fc.constantFrom(96, 97), fc.nat(127)),
    sequence: u16,
    timestamp: u32,
    ssrc: fc.oneof(fc.nat(3), u32),
    csrcs: fc.array(u32, { maxLength: 15 }),
    payload: fc.uint8Array({ maxLength: 80 }),
  })
  .map((packet) => encodeRtp({ ...packet, extensions: [] }));

const counts = { packetCount: u32, octetCount: u32 };
const ssrcs = fc.oneof(fc.nat(3), u32);
const senderReport = fc
  .record({ ssrc: ssrcs, ntpSeconds: u32, ntpFraction: u32, rtpTimestamp: u32, ...counts })
  .map((report) => ({ type: "sender-report" as const, reports: [], ...report }));
const name = fc
  .record({ ssrc: ssrcs, cname: fc.string({ maxLength: 60 }) })
  .map((each) => ({ type: "source-description" as const, ...each }));
const goodbye = fc
  .record({ ssrcs: fc.array(ssrcs, { maxLength: 31 }), reason: fc.string({ maxLength: 60 }) })
  .map((each) => ({ type: "bye" as const, ...each }));
const rtcp = fc
  .array(fc.oneof(senderReport, name, goodbye), { minLength: 1, maxLength: 4 })
  .map((packets) => encodeRtcp(packets));

/** Bytes of a valid datagram, some of which are others. */
const damaged = fc
  .tuple(fc.oneof(rtp, rtcp), fc.array(fc.tuple(fc.nat(200), u8), { maxLength: 6 }), fc.nat(200))
  .map(([bytes, changes, cut]) => {
    const copy = bytes.slice(0, cut > 100 ? undefined : cut);
    for (const [at, value] of changes) if (at < copy.byteLength) copy[at] = value;
    return copy;
  });

const arrivals = fc.array(
  fc.record({
    track: fc.nat(8),
    bytes: fc.oneof(rtp, rtp, rtcp, damaged, fc.uint8Array({ maxLength: 60 })),
    passedMs: fc.oneof(fc.constant(0), fc.nat(60), fc.nat(100_000)),
  }),
  { maxLength: 250 },
);

const TRACKS: readonly IngestTrack[] = [
  VIDEO,
  AUDIO,
  { ...VIDEO, codec: "h265" },
  { ...VIDEO, codec: "vp8" },
  { ...VIDEO, codec: "vp9" },
  { ...VIDEO, codec: "av1" },
  { ...AUDIO, codec: "mpeg4-generic", fmtp: "mode=AAC-hbr;config=1190;sizeLength=13" },
  { ...VIDEO, kind: "application", codec: "unknown", clockRate: 1 },
];

test("whatever eight tracks are sent, each packet is published or counted, and none twice", () => {
  fc.assert(
    fc.property(arrivals, (datagrams) => {
      const clock = new VirtualClock(1_000);
      const publisher = new RecordingPublisher();
      const random = new SeededRandom(1);
      const input = inputOptions({ tracks: TRACKS });
      const ingest = new RtpIngest({ input, sink: publisher, clock, random });
      let given = 0;
      for (const { bytes, passedMs, track } of datagrams) {
        clock.advance(passedMs);
        if (ingest.datagram(track, bytes, SENDER) !== "rtcp" && track < TRACKS.length) given++;
        const report = ingest.receiverReport(track);
        assert.ok(report === undefined || report.byteLength > 0);
      }
      clock.advance(3_000);
      ingest.close();
      const { "malformed-rtcp": _rtcp, ...drops } = ingest.drops.toJSON();
      const dropped = Object.values(drops).reduce((sum, count) => sum + count, 0);
      // Control of a sender that is not known yet is refused, too.
      assert.ok(publisher.published.length + dropped >= given);
      assert.ok(publisher.published.length <= given);
      assert.equal(ingest.packets, publisher.published.length);
      const identities = publisher.headers.map(({ medium, sequence, source, sourceGeneration }) => {
        return `${medium}/${source}/${sourceGeneration}/${sequence}`;
      });
      // Numbers of 16 bits come again when a source has sent them all.
      assert.equal(new Set(identities).size, identities.length);
      for (const report of publisher.reports) {
        const { ingestMs, rtcp: bytes, rtpTimestamp } = report;
        assert.ok(Number.isFinite(ingestMs));
        const message = { type: "report", ingestMs, rtpTimestamp, rtcp: bytes } as const;
        assert.deepEqual(decodeControl(encodeControl(message)), message);
      }
      assert.deepEqual(clock.pending, []);
    }),
    { seed: 51, numRuns: 150 },
  );
});

test("reports and goodbyes of sources that do not exist change nothing", () => {
  const clock = new VirtualClock(1_000);
  const publisher = new RecordingPublisher();
  const random = new SeededRandom(1);
  const input = inputOptions({ tracks: [AUDIO] });
  const ingest = new RtpIngest({ input, sink: publisher, clock, random });
  for (let index = 0; index < 2_000; index++) {
    clock.advance(20);
    ingest.datagram(0, flowing(index), SENDER);
    const strange = { ntpSeconds: 3_900_000_000, ntpFraction: 0, rtpTimestamp: index * 77 };
    const report = { type: "sender-report", ssrc: 1_000 + index, ...strange } as const;
    const bytes = encodeRtcp([
      { ...report, packetCount: 1, octetCount: 1, reports: [] },
      { type: "bye", ssrcs: [1_000 + index], reason: "" },
    ]);
    ingest.datagram(0, bytes, SENDER);
  }
  assert.equal(publisher.published.length, 2_000);
  assert.deepEqual(publisher.byes, []);
  assert.ok(publisher.reports.every(({ rtcp: bytes }) => bytes.byteLength === 0));
  assert.deepEqual(ingest.drops.toJSON(), {});
  ingest.close();
});

test("a codec that changes under the same payload type leaves the track open", () => {
  const clock = new VirtualClock(1_000);
  const publisher = new RecordingPublisher();
  const random = new SeededRandom(1);
  const tracks = [VIDEO, { ...VIDEO, codec: "vp8" }, { ...VIDEO, codec: "av1" }];
  const ingest = new RtpIngest({ input: inputOptions({ tracks }), sink: publisher, clock, random });
  const payloads = [
    Uint8Array.of(0x67, 0x42, 0xc0, 0x1e, 0x95),
    Uint8Array.of(0x10, 0x50, 0, 0, 0x9d, 1, 0x2a),
    Uint8Array.of(0x08, 0x0a, 0x0b),
    Uint8Array.of(),
    Uint8Array.of(0xff),
  ];
  for (let index = 0; index < 500; index++) {
    clock.advance(40);
    for (let track = 0; track < tracks.length; track++) {
      const packet = encodeRtp({
        ...{ marker: true, payloadType: 96, sequence: index, timestamp: index * 3_600, ssrc: 5 },
        ...{ csrcs: [], extensions: [], payload: payloads[index % 5] as Uint8Array },
      });
      ingest.datagram(track, packet, SENDER);
    }
  }
  assert.equal(publisher.published.length, 1_500);
  ingest.close();
});

function flowing(index: number): Uint8Array {
  return encodeRtp({
    ...{ marker: false, payloadType: 97, sequence: index, timestamp: index * 960, ssrc: 5 },
    ...{ csrcs: [], extensions: [], payload: Uint8Array.of(1) },
  });
}
