import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { SiteClient } from "../../src/client/index.ts";
import { FFMPEG, FFPROBE } from "../support/programs.ts";
import { ended, noFfmpeg, RecordingNetwork, until } from "../support/recording-network.ts";

const recording = RecordingNetwork.use({ clip: false });

interface ProbedTrack {
  readonly codec_type: string;
  readonly sample_aspect_ratio?: string;
  readonly color_primaries?: string;
  readonly color_transfer?: string;
  readonly tags?: { readonly language?: string; readonly title?: string; readonly name?: string };
  readonly side_data_list?: readonly { readonly rotation?: number }[];
}

function run(program: string | undefined, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program as string, args, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return stdout;
}

function tracksOf(path: string): readonly ProbedTrack[] {
  const text = run(FFPROBE, "-v", "error", "-show_streams", "-of", "json", path);
  return (JSON.parse(text) as { streams: ProbedTrack[] }).streams;
}

/** A file whose pixels are not square, and that says whose it is. */
function make(name: string, codecs: readonly string[], facts: readonly string[]): string {
  const path = recording.fileOf(name);
  const made = recording.fileOf(`made-${name}`);
  run(
    FFMPEG,
    ...["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=4"],
    ...["-f", "lavfi", "-i", "sine=duration=4", "-vf", "setsar=16/11,format=yuv420p"],
    ...["-g", "25", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"],
    ...["-metadata:s:v:0", "language=deu", "-metadata:s:a:0", "language=fra"],
    ...[...codecs, made],
  );
  // A turn is written only where the picture is copied.
  run(FFMPEG, ...["-v", "error", "-i", made, "-c", "copy", ...facts, path]);
  return path;
}

/** The SDP for a plain RTP receiver of the channel. */
async function receiverSdp(channel: string): Promise<string> {
  const ports = { video: 46_010, audio: 46_012 };
  const client = new SiteClient(recording.origin.url);
  const { id, sdp } = await client.addOutput(channel, "127.0.0.1", ports);
  await client.removeOutput(id);
  return sdp;
}

const SOURCES = [
  {
    // Of MP4, this ffmpeg writes the turn; of Matroska, the title.
    source: "turned.mp4",
    codecs: ["-c:v", "libx264", "-c:a", "aac"],
    facts: ["-metadata:s:v:0", "rotate=90"],
    files: ["turned-1.mkv", "turned-2.mp4"],
    title: undefined,
  },
  {
    source: "named.webm",
    codecs: ["-c:v", "libvpx-vp9", "-cpu-used", "8", "-c:a", "libopus"],
    facts: ["-metadata:s:v:0", "title=Kamera 1"],
    files: ["named-1.webm", "named-2.mkv", "named-3.mp4"],
    title: "Kamera 1",
  },
] as const;

for (const { codecs, facts, files, source, title } of SOURCES) {
  test(`what ${source} says of its tracks is described, told to RTP receivers, and recorded`, {
    skip: noFfmpeg,
  }, async () => {
    const channel = source.replace(".", "-");
    const made = make(source, codecs, facts);
    const rotationOf = (track?: ProbedTrack): number =>
      track?.side_data_list?.find(({ rotation }) => rotation)?.rotation ?? 0;
    const turned = rotationOf(tracksOf(made)[0]);
    assert.equal(turned !== 0, source === "turned.mp4");
    const publisher = recording.publish(channel, "--file", made, "--loop");
    await until(`the channel ${channel}`, () => recording.isDescribed(channel, 2));
    const sdp = await receiverSdp(channel);
    assert.match(sdp, /a=lang:deu/);
    assert.match(sdp, /a=lang:fra/);
    assert.match(sdp, /a=x-meander-picture:.*pixel-aspect=16:11/);
    if (title !== undefined) assert.match(sdp, new RegExp(`i=${title}`));
    for (const file of files) {
      const { drops } = await ended(recording.record(channel, file, "--duration", "2s"));
      assert.deepEqual(drops, {});
      const [video, audio] = tracksOf(recording.fileOf(file));
      assert.equal(rotationOf(video), turned, file);
      assert.equal(video?.sample_aspect_ratio, "16:11", file);
      assert.equal(video?.color_primaries, "bt709", file);
      assert.equal(video?.tags?.language, "deu", file);
      assert.equal(audio?.tags?.language, "fra", file);
      // This ffprobe does not read the titles of tracks in MP4.
      if (!file.endsWith(".mp4")) assert.equal(video?.tags?.title, title, file);
      const path = recording.fileOf(file);
      assert.equal(run(FFMPEG, "-v", "error", "-i", path, "-f", "null", "-"), "", file);
    }
    await publisher.stop();
  });
}
