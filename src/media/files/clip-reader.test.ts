import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { MeanderError } from "../../base/index.ts";
import { parseSdp } from "../../wire/index.ts";
import { clipSdp } from "./clip-description.ts";
import { ClipReader } from "./clip-reader.ts";
import { clipSchedule, type ScheduledFrame } from "./clip-schedule.ts";
import { demoClipPath } from "./demo-clip.ts";

const SECOND = 1;

test("the demo's clip is 300 frames of H.264 with a key frame each second, and stereo Opus", async () => {
  const clip = await ClipReader.open(demoClipPath());
  const [video, audio] = clip.tracks;
  assert.deepEqual([video?.codec, video?.endSeconds], ["h264", 10]);
  assert.deepEqual([audio?.codec, audio?.channels], ["opus", 2]);
  const keys: number[] = [];
  let count = 0;
  for await (const frame of clip.frames(0)) {
    assert.deepEqual([...frame.bytes.subarray(0, 4)], [0, 0, 0, 1]);
    assert.equal(frame.decode, frame.presentation);
    if (frame.key) {
      keys.push(frame.presentation);
      assert.equal((frame.bytes[4] ?? 0) & 31, 7, "a key frame begins with its SPS");
    }
    count++;
  }
  assert.equal(count, 300);
  assert.deepEqual(keys, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  clip.close();
});

test("with a loop, frames of both tracks stay evenly spaced across rounds", async () => {
  const clip = await ClipReader.open(demoClipPath());
  const frames: ScheduledFrame[][] = [[], []];
  let last = Number.NEGATIVE_INFINITY;
  for await (const frame of clipSchedule(clip, { loop: true })) {
    assert.ok(frame.decode >= last);
    last = frame.decode;
    frames[frame.track]?.push(frame);
    if (frame.decode > 21 * SECOND) break;
  }
  for (const [track, period] of [1 / 30, 0.02].entries()) {
    const list = frames[track] ?? [];
    for (const [index, { presentation }] of list.entries()) {
      const expected = (list[0]?.presentation ?? 0) + index * period;
      assert.ok(Math.abs(presentation - expected) < 1e-6, `frame ${index} of track ${track}`);
    }
    assert.ok(list.length > 600);
  }
  clip.close();
});

test("without a loop the schedule ends with the file", async () => {
  const clip = await ClipReader.open(demoClipPath());
  let count = 0;
  for await (const _frame of clipSchedule(clip, { loop: false })) count++;
  assert.equal(count, 300 + 501);
  clip.close();
});

test("its SDP names codecs, profile and parameter sets", async () => {
  const clip = await ClipReader.open(demoClipPath());
  const text = clipSdp(clip.tracks, { title: "clip", host: "127.0.0.1", ports: [5004, 5006] });
  const { tracks } = parseSdp(text);
  assert.deepEqual(
    tracks.map(({ codec, payloadType, port }) => [codec, payloadType, port]),
    [
      ["h264", 96, 5004],
      ["opus", 97, 5006],
    ],
  );
  assert.match(tracks[0]?.fmtp ?? "", /packetization-mode=1; ?profile-level-id=4d40/);
  assert.equal(tracks[0]?.parameterSets?.length, 2);
  clip.close();
});

test("a clip that cannot be published is an error that says what can be", async () => {
  const opening = (path: string, code: string, message: RegExp) => {
    return assert.rejects(ClipReader.open(path), (error) => {
      assert.ok(error instanceof MeanderError);
      assert.equal(error.code, code);
      assert.match(error.message, message);
      return true;
    });
  };
  await opening(
    "/nowhere/clip.mp4",
    "clip-missing",
    /^\/nowhere\/clip\.mp4: the file does not exist/,
  );
  const self = fileURLToPath(import.meta.url);
  await opening(
    self,
    "clip-unsupported",
    /H\.264, H\.265.* video and Opus, AAC or G\.711 audio.*ffmpeg/,
  );
});
