import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { descriptionSchema } from "../description.ts";
import type { TrackFacts } from "../track-facts.ts";
import { parseSdp, type SdpTrack } from "./sdp.ts";
import { formatSdp } from "./sdp-writer.ts";

const u8 = fc.integer({ min: 0, max: 255 });
const pixels = fc.integer({ min: 1, max: 65_535 });
const colour = fc.record(
  { primaries: u8, transfer: u8, matrix: u8, fullRange: fc.boolean() },
  { noNullPrototype: true },
);
const facts: fc.Arbitrary<TrackFacts> = fc.record(
  {
    rotation: fc.constantFrom(90, 180, 270),
    mirrored: fc.constant(true),
    pixelAspect: fc.tuple(pixels, pixels),
    colour,
    language: fc.constantFrom("de", "pt-BR", "eng", "zh-Hant-TW"),
    title: fc.constantFrom("Kamera 1", "a=b; c", "übersetzt", "x".repeat(100)),
  },
  { requiredKeys: [], noNullPrototype: true },
);
const TRACK: SdpTrack = {
  ...{ kind: "video", codec: "vp8", payloadType: 96, clockRate: 90_000 },
  ...{ port: 5004, rtcpPort: 5005, rtcpMux: false },
};
const written = (each: TrackFacts): string =>
  formatSdp({ title: "t", host: "127.0.0.1", tracks: [{ ...TRACK, facts: each }] });

test("the facts of a track survive the way through an SDP and a description", () => {
  fc.assert(
    fc.property(facts, (each) => {
      const [track] = parseSdp(written(each)).tracks;
      assert.deepEqual(track?.facts ?? {}, each);
      const described = {
        ...{ medium: 2, kind: "video", source: 1, generation: 0 },
        ...{ codec: "vp8", payloadType: 96, clockRate: 90_000, ...track?.facts },
      };
      const tracks = [described];
      const parsed = descriptionSchema.parse({ revision: 1, ingest: "a", tracks });
      assert.deepEqual(parsed.tracks[0], described);
    }),
  );
});

test("facts that cannot be read are passed over, and the track is kept", () => {
  for (const line of [
    "a=x-meander-picture:",
    "a=x-meander-picture:rotation=45;pixel-aspect=0:1;colour=256,1,1,full;new=1",
    "a=x-meander-picture:rotation;pixel-aspect=1:70000;colour=1,1,1",
    "a=lang:",
    "a=lang:de_DE!",
    "i=",
  ]) {
    const { tracks } = parseSdp(`${written({})}${line}\r\n`);
    assert.equal(tracks.length, 1, line);
    assert.equal(tracks[0]?.facts, undefined, line);
  }
});

test("a language of the session is that of its tracks, but for those that have their own", () => {
  const text = written({ language: "fr" }).replace("t=0 0\r\n", "t=0 0\r\na=lang:de\r\n");
  const other = "m=video 6000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n";
  const { tracks } = parseSdp(text + other);
  assert.deepEqual(
    tracks.map((track) => track.facts?.language),
    ["fr", "de"],
  );
});
