/** The encoders and options that the table in docs/guides/encoders.md has a row for. */

/** How a row's video gets to a site. */
export type EncoderWay =
  /** ffmpeg encodes a file of that kind with these options, and sends it by RTP without encoding again. */
  | { readonly by: "ffmpeg"; readonly container: string; readonly args: readonly string[] }
  /** ffmpeg encodes a file, and `meander publish --file` sends it. */
  | { readonly by: "file"; readonly container: string; readonly args: readonly string[] }
  /** A GStreamer pipeline from raw video to RTP payloads. */
  | { readonly by: "gstreamer"; readonly codec: string; readonly pipeline: string }
  /** Chromium's WebCodecs encoder, by its name for the codec; a file of what it made is sent. */
  | { readonly by: "webcodecs"; readonly codec: string };

/** A row of the table. */
export interface EncoderRow {
  readonly encoder: string;
  readonly option: string;
  readonly way: EncoderWay;
  /** Pictures in a second. */
  readonly fps: number;
}

const FPS = 25;
const VFR = ["-vf", "select='lt(mod(n,25),15)'", "-fps_mode", "vfr"];
const VFR_FPS = 15;

const x264 = (params: string): string[] => [
  ...["-c:v", "libx264", "-preset", "ultrafast", "-threads", "1"],
  ...["-x264-params", `keyint=25:min-keyint=25:scenecut=0:repeat-headers=1:${params}`],
];
const x265 = (params: string): string[] => [
  ...["-c:v", "libx265", "-preset", "ultrafast"],
  ...[
    "-x265-params",
    `log-level=none:keyint=25:min-keyint=25:scenecut=0:repeat-headers=1:${params}`,
  ],
];
const vpx = (codec: string): string[] => [
  ...["-c:v", codec, "-deadline", "realtime", "-cpu-used", "8", "-g", "25", "-b:v", "300k"],
];

/** Makes rows of what ffmpeg encodes, sent `by` RTP or as a file. */
const rowBy =
  (by: "ffmpeg" | "file") =>
  (
    encoder: string,
    option: string,
    container: string,
    args: readonly string[],
    fps = FPS,
  ): EncoderRow => ({ encoder, option, fps, way: { by, container, args } });
const ffmpegRow = rowBy("ffmpeg");
const fileRow = rowBy("file");

function gstreamerRow(
  encoder: string,
  option: string,
  codec: string,
  pipeline: string,
): EncoderRow {
  return { encoder, option, fps: FPS, way: { by: "gstreamer", codec, pipeline } };
}

const PLAIN = "closed groups";

export const ENCODER_ROWS: readonly EncoderRow[] = [
  ffmpegRow("ffmpeg, x264", PLAIN, "ts", x264("bframes=0")),
  ffmpegRow("ffmpeg, x264", "B-frames", "ts", x264("bframes=2")),
  ffmpegRow("ffmpeg, x264", "open groups", "ts", x264("bframes=2:open-gop=1:b-pyramid=none")),
  ffmpegRow("ffmpeg, x264", "open groups, B-pyramid", "ts", x264("bframes=2:open-gop=1")),
  ffmpegRow("ffmpeg, x264", "intra refresh", "ts", x264("bframes=0:intra-refresh=1:keyint=25")),
  ffmpegRow("ffmpeg, x264", "4 slices", "ts", x264("bframes=0:slices=4")),
  ffmpegRow("ffmpeg, x264", "headers in the SDP alone", "mp4", [
    ...x264("bframes=0:repeat-headers=0"),
    ...["-flags", "+global_header"],
  ]),
  ffmpegRow("ffmpeg, x264", "variable rate", "ts", [...x264("bframes=0"), ...VFR], VFR_FPS),
  ffmpegRow("ffmpeg, x265", PLAIN, "ts", x265("bframes=0")),
  ffmpegRow("ffmpeg, x265", "open groups, B-frames", "ts", x265("bframes=2:open-gop=1")),
  ffmpegRow("ffmpeg, x265", "variable rate", "ts", [...x265("bframes=0"), ...VFR], VFR_FPS),
  ffmpegRow("ffmpeg, libvpx VP8", PLAIN, "webm", vpx("libvpx")),
  ffmpegRow("ffmpeg, libvpx VP9", PLAIN, "webm", vpx("libvpx-vp9")),
  ffmpegRow("ffmpeg, libvpx VP9", "variable rate", "webm", [...vpx("libvpx-vp9"), ...VFR], VFR_FPS),
  fileRow("ffmpeg, SVT-AV1", PLAIN, "mkv", ["-c:v", "libsvtav1", "-preset", "12", "-g", "25"]),
  fileRow("ffmpeg, SVT-AV1", "open groups", "mkv", [
    ...["-c:v", "libsvtav1", "-preset", "12", "-g", "25", "-svtav1-params", "irefresh-type=1"],
  ]),
  fileRow("ffmpeg, libaom AV1", PLAIN, "mkv", [
    ...["-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-g", "25"],
  ]),
  gstreamerRow(
    "GStreamer, x264enc",
    PLAIN,
    "h264",
    "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25",
  ),
  gstreamerRow(
    "GStreamer, x264enc",
    "sliced threads",
    "h264",
    "x264enc speed-preset=ultrafast sliced-threads=true threads=3 key-int-max=25 bframes=0",
  ),
  gstreamerRow(
    "GStreamer, x264enc",
    "intra refresh",
    "h264",
    "x264enc tune=zerolatency speed-preset=ultrafast intra-refresh=true key-int-max=25",
  ),
  gstreamerRow("GStreamer, openh264enc", PLAIN, "h264", "openh264enc gop-size=25 ! h264parse"),
  gstreamerRow("GStreamer, vp8enc", PLAIN, "vp8", "vp8enc deadline=1 keyframe-max-dist=25"),
  gstreamerRow(
    "GStreamer, vp9enc",
    PLAIN,
    "vp9",
    "vp9enc deadline=1 cpu-used=8 keyframe-max-dist=25",
  ),
  {
    encoder: "Chromium, WebCodecs VP8",
    option: PLAIN,
    fps: FPS,
    way: { by: "webcodecs", codec: "vp8" },
  },
  {
    encoder: "Chromium, WebCodecs VP9",
    option: PLAIN,
    fps: FPS,
    way: { by: "webcodecs", codec: "vp09.00.10.08" },
  },
  {
    encoder: "Chromium, WebCodecs AV1",
    option: PLAIN,
    fps: FPS,
    way: { by: "webcodecs", codec: "av01.0.04M.08" },
  },
];
