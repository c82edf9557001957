import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeParameterSets, encodeRtp, type Track } from "../../wire/index.ts";
import { type EncodedFrame, TrackFeed } from "./track-feed.ts";

const SPS = Uint8Array.of(0x67, 0x42, 0xc0, 0x1e, 0xd9);
const OTHER_SPS = Uint8Array.of(0x67, 0x42, 0xc0, 0x1f, 0xd9);
const PPS = Uint8Array.of(0x68, 0xce);
const KEY = Uint8Array.of(0x65, 0x88, 4);
const OTHER = Uint8Array.of(0x41, 0x9a, 2);
const FRAME_MS = 40;

/** A track of H.264, and what became of its frames. */
function openFeed(sets: readonly Uint8Array[]) {
  const track: Track = {
    ...{ medium: 0, kind: "video", source: 1, generation: 0 },
    ...{ codec: "h264", payloadType: 96, clockRate: 90_000 },
  };
  const described = (named: readonly Uint8Array[]): Track =>
    named.length === 0 ? track : { ...track, parameterSets: encodeParameterSets(named) };
  const frames: EncodedFrame[] = [];
  const feed = new TrackFeed(described(sets), 100, (frame) => frames.push(frame));
  let sequence = 0;
  return {
    frames,
    describe: (named: readonly Uint8Array[]) => feed.describe(described(named)),
    /** A frame in a packet of its own. */
    send(payload: Uint8Array): void {
      const index = sequence++;
      const head = { payloadType: 96, ssrc: 1, csrcs: [], extensions: [], marker: true };
      const rtp = { ...head, sequence: index, timestamp: index * 3_600, payload };
      feed.push(encodeRtp(rtp), index * FRAME_MS);
    },
    finish: () => feed.finish(),
  };
}

test("[W30] parameter sets that were sent once, and lost on their way, are taken from a later description", () => {
  const feed = openFeed([]);
  feed.send(KEY);
  feed.send(OTHER);
  feed.describe([SPS, PPS]);
  feed.send(OTHER);
  feed.send(KEY);
  feed.send(OTHER);
  feed.finish();
  assert.deepEqual(
    feed.frames.map(({ key, ticks }) => [key, ticks]),
    [
      [true, 3 * 3_600],
      [false, 4 * 3_600],
    ],
  );
});

test("each description's parameter sets hold from it on, also those of an earlier one again", () => {
  const feed = openFeed([SPS, PPS]);
  const spsOf = (frame: EncodedFrame | undefined): Uint8Array | undefined =>
    frame?.bytes.slice(4, 4 + SPS.byteLength);
  feed.send(KEY);
  feed.send(OTHER);
  feed.describe([OTHER_SPS, PPS]);
  feed.send(KEY);
  feed.send(OTHER);
  feed.describe([SPS, PPS]);
  feed.send(KEY);
  feed.send(OTHER);
  feed.finish();
  const keys = feed.frames.filter(({ key }) => key);
  assert.deepEqual(keys.map(spsOf), [SPS, OTHER_SPS, SPS]);
});

test("a description that only repeats does not undo what was sent since", () => {
  const feed = openFeed([SPS, PPS]);
  feed.send(OTHER_SPS);
  feed.describe([SPS, PPS]);
  feed.send(KEY);
  feed.send(OTHER);
  feed.finish();
  assert.deepEqual(feed.frames[0]?.bytes.slice(4, 4 + SPS.byteLength), OTHER_SPS);
});
