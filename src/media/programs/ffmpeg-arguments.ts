import { MeanderError } from "../../base/index.ts";
import { formatAacParameters, type SdpTrack } from "../../wire/index.ts";

/** What ffmpeg is to publish. */
export interface FfmpegSource {
  /**
   * Anything that ffmpeg opens: a file, a URL, a device path; or a test source of its own such as `testsrc2` or
   * `testsrc2=size=640x360:rate=30`.
   */
  readonly input: string;
  /**
   * Audio from another input, as above (`sine=frequency=440`). Undefined: that of `input`, or a tone with a test
   * source.
   */
  readonly audioInput?: string | undefined;
  /** `copy`: H.264 without transcoding; `none`: no video. */
  readonly video: "h264" | "h265" | "vp8" | "vp9" | "copy" | "none";
  readonly audio: "opus" | "aac" | "pcmu" | "pcma" | "none";
  /** H.264 and H.265: frames that refer to later ones, 0..16. Default 0, for latency. */
  readonly bFrames?: number | undefined;
  /** Default 2 000 000. */
  readonly videoBitsPerSecond?: number | undefined;
  /** Between key frames when encoding. Default 1. */
  readonly keyFrameSeconds?: number | undefined;
  /** Files: repeats without end. */
  readonly loop?: boolean | undefined;
}

/** Where its packets are sent. */
export interface FfmpegTarget {
  readonly host: string;
  /** For the tracks of {@link ffmpegTracks}, in their order. RTCP is sent to the next port. */
  readonly rtpPorts: readonly number[];
  /**
   * Wall clock at which it starts, ms. Given to all outputs: each has a clock of its own in its sender reports, and
   * they would otherwise differ by the time that encoders take to open.
   */
  readonly startedWallMs: number;
}

const TEST_SOURCE =
  /^(testsrc2?|smptebars|smptehdbars|pal75bars|rgbtestsrc|yuvtestsrc|color|mandelbrot|life|sine|aevalsrc|anoisesrc|anullsrc)(=|$)/;
const DEFAULT_TONE = "sine=frequency=440:sample_rate=48000";
const VIDEO_PAYLOAD_TYPE = 96;
const AUDIO_PAYLOAD_TYPE = 97;
/** AudioSpecificConfig of AAC-LC, 48 kHz, two channels (ISO/IEC 14496-3 §1.6.2.1). */
const AAC_CONFIG = Uint8Array.of(0x11, 0x90);

/** The track of each kind of audio. G.711 has static payload types (RFC 3551 §6). */
const AUDIO_TRACKS: Readonly<
  Record<
    Exclude<FfmpegSource["audio"], "none">,
    Pick<SdpTrack, "codec" | "payloadType" | "clockRate" | "channels" | "fmtp">
  >
> = {
  opus: {
    ...{ codec: "opus", payloadType: AUDIO_PAYLOAD_TYPE, clockRate: 48_000, channels: 2 },
    fmtp: "sprop-stereo=1",
  },
  aac: {
    ...{ codec: "mpeg4-generic", payloadType: AUDIO_PAYLOAD_TYPE, clockRate: 48_000, channels: 2 },
    fmtp: formatAacParameters(AAC_CONFIG),
  },
  pcmu: { codec: "pcmu", payloadType: 0, clockRate: 8_000, channels: 1 },
  pcma: { codec: "pcma", payloadType: 8, clockRate: 8_000, channels: 1 },
};

/** Arguments of audio encoders. G.711 in packets of 20 ms, or packets would be as large as possible. */
const AUDIO_ENCODERS: Readonly<Record<Exclude<FfmpegSource["audio"], "none">, readonly string[]>> =
  {
    opus: ["-c:a", "libopus", "-b:a", "64k", "-ar", "48000", "-ac", "2", "-frame_duration", "20"],
    aac: ["-c:a", "aac", "-b:a", "96k", "-ar", "48000", "-ac", "2"],
    pcmu: [
      "-c:a",
      "pcm_mulaw",
      "-af",
      "aresample=8000,asetnsamples=n=160",
      "-ar",
      "8000",
      "-ac",
      "1",
    ],
    pcma: [
      "-c:a",
      "pcm_alaw",
      "-af",
      "aresample=8000,asetnsamples=n=160",
      "-ar",
      "8000",
      "-ac",
      "1",
    ],
  };
/** Bytes of the whole packet: leaves room for Meander's header within 1472 bytes, and for tunnels. */
const PACKET_BYTES = 1_200;

/**
 * The tracks that ffmpeg will publish, for the SDP that opens the channel; ports are 0. Video first.
 *
 * @throws {MeanderError} `ffmpeg-options` when nothing is left to publish
 */
export function ffmpegTracks({ audio, video }: FfmpegSource): SdpTrack[] {
  const tracks: SdpTrack[] = [];
  const unset = { port: 0, rtcpPort: 0, rtcpMux: false };
  if (video !== "none") {
    const codec = video === "copy" ? "h264" : video;
    tracks.push({
      kind: "video",
      codec,
      payloadType: VIDEO_PAYLOAD_TYPE,
      clockRate: 90_000,
      fmtp: codec === "h264" ? "packetization-mode=1" : undefined,
      ...unset,
    });
  }
  if (audio !== "none") {
    tracks.push({ kind: "audio", ...AUDIO_TRACKS[audio], ...unset });
  }
  if (tracks.length === 0) {
    throw new MeanderError("ffmpeg-options", "there is neither video nor audio to publish", {
      expected: "at least one of them",
    });
  }
  return tracks;
}

/**
 * The arguments of an `ffmpeg` process that publishes `source` in real time to an ingest. Version 5 or later; H.264
 * needs libx264, H.265 libx265, VP8 and VP9 libvpx, Opus libopus.
 *
 * @throws {MeanderError} `ffmpeg-options`
 */
export function ffmpegPublishArguments(source: FfmpegSource, target: FfmpegTarget): string[] {
  const tracks = ffmpegTracks(source);
  const inputs = inputsOf(source);
  const outputs = tracks.map((track, index) => {
    const port = target.rtpPorts[index];
    if (port === undefined) {
      throw new MeanderError("ffmpeg-options", `no port for the ${track.kind} track`, {
        expected: `${tracks.length} ports`,
      });
    }
    const isVideo = track.kind === "video";
    const input = isVideo ? 0 : inputs.length - 1;
    // ffmpeg's RTP muxer takes one stream, so each track is an output of its own.
    return [
      "-map",
      `${input}:${isVideo ? "v" : "a"}:0`,
      ...(isVideo ? videoArguments(source) : audioArguments(source)),
      ...["-payload_type", String(track.payloadType), "-rtpflags", "send_bye"],
      ...["-start_time_realtime", String(Math.round(target.startedWallMs * 1000))],
      // Else each output is shifted separately until its first decoding time is not negative: video by its B-frames.
      ...["-avoid_negative_ts", "disabled"],
      ...["-f", "rtp", rtpUrl(target.host, port)],
    ];
  });
  return ["-hide_banner", "-nostdin", "-loglevel", "warning", ...inputs.flat(), ...outputs.flat()];
}

function inputsOf(source: FfmpegSource): string[][] {
  const { audio, input, loop, video } = source;
  const isTest = TEST_SOURCE.test(input);
  const beside = source.audioInput ?? (isTest && video !== "none" ? DEFAULT_TONE : undefined);
  const main = inputArguments(input, loop ?? false);
  return audio === "none" || beside === undefined
    ? [main]
    : [main, inputArguments(beside, loop ?? false)];
}

function inputArguments(input: string, loop: boolean): string[] {
  if (TEST_SOURCE.test(input)) return ["-re", "-f", "lavfi", "-i", input];
  // Network sources and devices set the pace themselves.
  const isFile = !/^(?!file:)[a-z][a-z0-9+.-]+:/i.test(input) && !input.startsWith("/dev/");
  return [
    ...(isFile && loop ? ["-stream_loop", "-1"] : []),
    ...(isFile ? ["-re"] : []),
    "-i",
    input,
  ];
}

function videoArguments(source: FfmpegSource): string[] {
  const { bFrames = 0, keyFrameSeconds = 1, video, videoBitsPerSecond = 2_000_000 } = source;
  if (video === "copy") {
    // Parameter sets are in the file once; later subscribers need them with each key frame.
    return ["-c:v", "copy", "-bsf:v", "h264_mp4toannexb,dump_extra=freq=keyframe"];
  }
  const keyFrames = `expr:gte(t,n_forced*${keyFrameSeconds})`;
  const rate = [
    ...["-b:v", String(videoBitsPerSecond), "-maxrate", String(videoBitsPerSecond)],
    ...["-bufsize", String(Math.round(videoBitsPerSecond / 2))],
    ...["-force_key_frames", keyFrames],
  ];
  if (video === "vp8" || video === "vp9") {
    // One thread, since threads of libvpx spin while they wait: on a busy machine two are slower than one.
    const threads = ["-threads", "1"];
    const fast = [...threads, "-deadline", "realtime", "-cpu-used", "8", "-error-resilient", "1"];
    const order = ["-lag-in-frames", "0", "-auto-alt-ref", "0"];
    // ffmpeg calls its VP9 payload format experimental, since it was written before RFC 9628.
    const encoder =
      video === "vp8"
        ? ["libvpx"]
        : ["libvpx-vp9", "-pix_fmt", "yuv420p", "-strict", "experimental"];
    return ["-c:v", ...encoder, ...fast, ...order, ...rate];
  }
  if (video === "h265") {
    // Without it, decoders cannot start at forced key frames.
    const keys = ["-forced-idr", "1", "-g", "600"];
    // To decide on B-frames it must look ahead as far.
    const ahead = bFrames === 0 ? "" : `:b-adapt=0:rc-lookahead=${bFrames + 1}`;
    const closed = "log-level=error:open-gop=0:scenecut=0";
    const x265 = ["-x265-params", `${closed}:bframes=${bFrames}${ahead}`];
    const order = ["-preset", "ultrafast", "-tune", "zerolatency"];
    return ["-c:v", "libx265", "-pix_fmt", "yuv420p", ...order, ...keys, ...x265, ...rate];
  }
  // Without it the encoder looks ahead by half a second, with B-frames or without.
  const order = ["-preset", "veryfast", "-tune", "zerolatency", "-bf", String(bFrames)];
  const x264 = ["-x264-params", "open-gop=0:scenecut=0"];
  return ["-c:v", "libx264", "-pix_fmt", "yuv420p", ...order, "-g", "600", ...x264, ...rate];
}

function audioArguments({ audio }: FfmpegSource): readonly string[] {
  return audio === "none" ? [] : AUDIO_ENCODERS[audio];
}

function rtpUrl(host: string, port: number): string {
  const name = host.includes(":") ? `[${host}]` : host;
  return `rtp://${name}:${port}?rtcpport=${port + 1}&pkt_size=${PACKET_BYTES}`;
}
