import assert from "node:assert/strict";
import { test } from "node:test";
import type { DecoderEvents, Picture, VideoDecoders } from "./ports.ts";
import { type TimedVideo, VideoTrack } from "./video-track.ts";

const frame = (ownMs: number, kind: "key" | "leading" | "other"): TimedVideo => ({
  ...{ bytes: Uint8Array.of(1), ticks: ownMs * 90, ownMs },
  key: kind === "key",
  leading: kind === "leading",
});

/** A track whose decoders note what they are given, µs. */
function trackWith(lateMs: () => number) {
  const decoded: number[] = [];
  let events: DecoderEvents<Picture> | undefined;
  const decoders: VideoDecoders<Picture> = {
    openVideo(its) {
      events = its;
      return {
        queueLength: 0,
        configure() {},
        decode: ({ timestamp }) => void decoded.push(timestamp / 1_000),
        flush: () => Promise.resolve(),
        close() {},
      };
    },
    supportsVideo: () => Promise.resolve(true),
  };
  const track = new VideoTrack(
    { codec: "vp8", decoders },
    { onPicture() {}, onUnsupported() {}, waitingPictures: () => 0, lateMs },
  );
  return { track, decoded, fail: () => events?.onFailed("broken") };
}

test("a decoder that goes on decodes leading frames; one that starts again leaves them out", () => {
  const { decoded, fail, track } = trackWith(() => 0);
  track.push(frame(0, "key"));
  track.push(frame(120, "key"));
  track.push(frame(80, "leading"));
  assert.deepEqual(decoded, [0, 120, 80]);
  fail();
  for (const each of [frame(240, "key"), frame(200, "leading"), frame(280, "other")])
    track.push(each);
  for (const each of [frame(360, "key"), frame(320, "leading")]) track.push(each);
  assert.deepEqual(decoded.slice(3), [240, 280, 360, 320]);
  // That which failed, and the leading one.
  assert.equal(track.framesDropped, 2);
});
