import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { FFMPEG } from "../support/programs.ts";
import { probe } from "../support/recorded.ts";
import { ended, noFfmpeg, RecordingNetwork, until } from "../support/recording-network.ts";

const recording = RecordingNetwork.use({ clip: false });

/** Codecs by their names in `publish`, with a file format that holds them and their names in ffprobe. */
const CODECS = [
  { video: "vp8", audio: "opus", file: "vp8.webm", found: ["vp8", "opus"] },
  { video: "vp9", audio: "opus", file: "vp9.webm", found: ["vp9", "opus"] },
  { video: "h264", audio: "pcmu", file: "h264.mov", found: ["h264", "pcm_mulaw"] },
  { video: "h265", audio: "aac", file: "h265.mp4", found: ["hevc", "aac"] },
] as const;

test("what ffmpeg publishes is recorded, and the file is published again", {
  skip: noFfmpeg,
  concurrency: 2,
}, async (t) => {
  await Promise.all(
    CODECS.map((each) => t.test(`${each.video} and ${each.audio}`, () => assertRecords(each))),
  );
});

async function assertRecords({
  video,
  audio,
  file,
  found,
}: (typeof CODECS)[number]): Promise<void> {
  const input = ["--ffmpeg", "testsrc2=size=320x180:rate=30", "--bitrate", "500000"];
  const frames = video.startsWith("h26") ? ["--b-frames", "2"] : [];
  const publisher = recording.publish(
    video,
    ...input,
    ...frames,
    "--video",
    video,
    "--audio",
    audio,
  );
  await until(`the channel in ${video}`, () => recording.isDescribed(video, 2));
  const { drops } = await ended(recording.record(video, file, "--duration", "3s"));
  await publisher.stop();
  assert.deepEqual(drops, {});
  const { tracks, complaints, seconds } = probe(recording.fileOf(file));
  assert.equal(complaints, "");
  assert.deepEqual(
    tracks.map((track) => track.codec),
    found,
  );
  const [pictures, sounds] = tracks;
  assert.deepEqual([pictures?.width, pictures?.height], [320, 180]);
  assertAbout(pictures?.times, 90);
  assert.ok(Math.abs(seconds - 3) < 0.15, `${seconds} s`);
  // The file begins with what was first, and nothing that came is missing before the other one.
  const begins = [pictures?.times[0] as number, sounds?.times[0] as number];
  assert.ok(Math.abs(Math.min(...begins)) < 0.001, `${begins}`);
  assert.ok(Math.max(...begins) < 0.3, `${begins}`);
  await assertPlaysBack(file, video);
}

test("AV1 is published from a file and recorded", { skip: noFfmpeg }, async () => {
  const made = recording.fileOf("av1-made.webm");
  const { status } = spawnSync(FFMPEG as string, [
    ...["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30:duration=4"],
    ...["-f", "lavfi", "-i", "sine=duration=4", "-c:v", "libaom-av1", "-cpu-used", "8"],
    ...["-g", "30", "-c:a", "libopus", made],
  ]);
  if (status !== 0) return;
  await assertPlaysBack("av1-made.webm", "av1");
  for (const file of ["av1-made.webm.mkv", "av1-made.webm.mp4"]) {
    const { tracks, complaints } = probe(recording.fileOf(file));
    assert.equal(complaints, "");
    assert.equal(tracks[0]?.codec, "av1");
    assert.deepEqual([tracks[0]?.width, tracks[0]?.height], [320, 180]);
  }
});

/**
 * A file begins with its first frame, often of sound, so that pictures may be missing at its beginning. The last
 * B-frames need a frame that is presented after them.
 */
function assertAbout(times: readonly number[] | undefined, frames: number): void {
  const before = Math.round((times?.[0] ?? 0) * 30);
  const least = frames - before - 2;
  assert.ok(
    times !== undefined && times.length >= least && times.length <= frames + 3,
    `${times?.length} frames, the first at ${times?.[0]} s`,
  );
}

/** Publishes a file and records it again, to other formats where they hold its codecs. */
async function assertPlaysBack(file: string, codec: string): Promise<void> {
  const channel = `again-${codec}`;
  const playing = recording.publish(channel, "--file", recording.fileOf(file), "--loop");
  await until(`the recording in ${codec} as a channel`, () => recording.isDescribed(channel, 2));
  const kinds = file.endsWith(".mov") ? ["mov", "mkv"] : ["mkv", "mp4"];
  const fitting = codec === "vp8" ? ["mkv"] : kinds;
  const recorders = fitting.map((kind) =>
    recording.record(channel, `${file}.${kind}`, "--duration", "1500ms"),
  );
  for (const [index, recorder] of recorders.entries()) {
    await ended(recorder);
    const { tracks, complaints } = probe(`${recording.fileOf(file)}.${fitting[index]}`);
    assert.equal(complaints, "");
    assertAbout(tracks[0]?.times, 45);
    assert.ok((tracks[1]?.times.length as number) > 20);
  }
  await playing.stop();
}
