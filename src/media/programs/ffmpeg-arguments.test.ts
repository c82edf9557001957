import assert from "node:assert/strict";
import { test } from "node:test";
import { MeanderError } from "../../base/index.ts";
import { type FfmpegSource, ffmpegPublishArguments, ffmpegTracks } from "./ffmpeg-arguments.ts";
import { gstreamerPublishPipeline, gstreamerReceivePipeline } from "./gstreamer-pipelines.ts";

const FILE: FfmpegSource = { input: "film.mkv", video: "h264", audio: "opus" };
const TARGET = { host: "127.0.0.1", rtpPorts: [5004, 5006], startedWallMs: 1_700_000_000_000 };

function line(source: FfmpegSource): string {
  return ffmpegPublishArguments(source, TARGET).join(" ");
}

test("each track is an output of its own, on its port, with one clock for all", () => {
  const text = line(FILE);
  assert.match(
    text,
    /-re -i film\.mkv -map 0:v:0 .*rtp:\/\/127\.0\.0\.1:5004\?rtcpport=5005&pkt_size=1200/,
  );
  assert.match(text, /-map 0:a:0 -c:a libopus .*-payload_type 97 .*:5006\?rtcpport=5007/);
  assert.equal(text.match(/-start_time_realtime 1700000000000000/g)?.length, 2);
});

test("H.264 is encoded for latency, with B-frames on request", () => {
  assert.match(
    line(FILE),
    /-c:v libx264 .*-tune zerolatency -bf 0 .*-force_key_frames expr:gte\(t,n_forced\*1\)/,
  );
  assert.match(line({ ...FILE, bFrames: 2 }), /-bf 2/);
});

test("H.265 looks ahead as far as its B-frames need, and decoders can start at its forced key frames", () => {
  const text = line({ ...FILE, video: "h265" });
  assert.match(text, /-c:v libx265 .*-tune zerolatency -forced-idr 1 .*:bframes=0 -b:v/);
  assert.match(
    line({ ...FILE, video: "h265", bFrames: 3 }),
    /:bframes=3:b-adapt=0:rc-lookahead=4 /,
  );
});

test("VP9, AAC and G.711 are described as ffmpeg will send them", () => {
  const tracks = ffmpegTracks({ ...FILE, video: "vp9", audio: "aac" });
  assert.deepEqual(
    tracks.map(({ codec, clockRate, channels }) => [codec, clockRate, channels]),
    [
      ["vp9", 90_000, undefined],
      ["mpeg4-generic", 48_000, 2],
    ],
  );
  assert.match(tracks[1]?.fmtp ?? "", /config=1190$/);
  assert.match(line({ ...FILE, video: "vp9" }), /-c:v libvpx-vp9 .*-strict experimental/);
  for (const [audio, payloadType] of [
    ["pcmu", 0],
    ["pcma", 8],
  ] as const) {
    const [track] = ffmpegTracks({ ...FILE, video: "none", audio });
    assert.deepEqual(
      [track?.codec, track?.payloadType, track?.clockRate, track?.channels],
      [audio, payloadType, 8_000, 1],
    );
    assert.match(line({ ...FILE, audio }), /asetnsamples=n=160 -ar 8000 -ac 1 -payload_type [08] /);
  }
});

test("copied video carries its parameter sets with each key frame", () => {
  assert.match(
    line({ ...FILE, video: "copy" }),
    /-c:v copy -bsf:v h264_mp4toannexb,dump_extra=freq=keyframe/,
  );
});

test("a test source gets a tone; audio from elsewhere is a second input", () => {
  const text = line({ ...FILE, input: "testsrc2=rate=30", video: "vp8" });
  assert.match(
    text,
    /-re -f lavfi -i testsrc2=rate=30 -re -f lavfi -i sine=\S+ -map 0:v:0 -c:v libvpx/,
  );
  assert.match(text, /-map 1:a:0/);
  assert.match(
    line({ ...FILE, audioInput: "song.wav" }),
    /-i film\.mkv -re -i song\.wav .*-map 1:a:0/,
  );
});

test("files are read in real time, and repeatedly on request; live sources at their own pace", () => {
  assert.match(line({ ...FILE, loop: true }), /-stream_loop -1 -re -i film\.mkv/);
  assert.match(line({ ...FILE, input: "C:\\film.mkv" }), /-re -i C:\\film\.mkv/);
  assert.doesNotMatch(line({ ...FILE, input: "rtsp://camera/1", loop: true }), /-re|-stream_loop/);
});

test("the tracks are those that will be sent, and nothing to send is an error", () => {
  assert.deepEqual(
    ffmpegTracks({ ...FILE, video: "copy" }).map(({ codec, payloadType }) => [codec, payloadType]),
    [
      ["h264", 96],
      ["opus", 97],
    ],
  );
  assert.deepEqual(
    ffmpegTracks({ ...FILE, video: "none" }).map(({ kind }) => kind),
    ["audio"],
  );
  assert.throws(() => ffmpegTracks({ ...FILE, video: "none", audio: "none" }), MeanderError);
  const short = { ...TARGET, rtpPorts: [5004] };
  assert.throws(() => ffmpegPublishArguments(FILE, short), /no port for the audio track/);
});

test("GStreamer pipelines name the ports of every track, and refuse codecs without elements", () => {
  const tracks = ffmpegTracks({ ...FILE, video: "vp8" }).map((track, index) => {
    return { ...track, port: 5004 + 2 * index, rtcpPort: 5005 + 2 * index };
  });
  const publish = gstreamerPublishPipeline(tracks, { host: "127.0.0.1", buffers: 30 });
  for (const port of [5004, 5005, 5006, 5007]) assert.match(publish, new RegExp(`port=${port}\\b`));
  assert.match(publish, /vp8enc .* ! rtpvp8pay .*pt=96/);
  const receive = gstreamerReceivePipeline(tracks);
  assert.match(
    receive,
    /udpsrc port=5004 caps="application\/x-rtp,media=video,clock-rate=90000,encoding-name=VP8,payload=96"/,
  );
  assert.match(receive, /rtpopusdepay ! opusdec ! fakesink sync=true name=audio/);
  const strange = tracks.map((track) => ({ ...track, codec: "h266" }));
  assert.throws(() => gstreamerReceivePipeline(strange), /no GStreamer elements for h266/);
});
