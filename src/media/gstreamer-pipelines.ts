import { MeanderError } from "../base/index.ts";
import type { SdpTrack } from "../wire/index.ts";

/** Of the whole RTP packet. */
const PACKET_BYTES = 1_200;

/**
 * The description of a GStreamer pipeline (for `gst-launch-1.0`) that publishes test pictures and a tone to an ingest, with
 * sender reports.
 *
 * @param tracks with the ingest's ports; H.264, VP8 and Opus
 * @param options.buffers frames of each track after which it ends; undefined: never
 * @throws {MeanderError} `track-unsupported`
 */
export function gstreamerPublishPipeline(
  tracks: readonly SdpTrack[],
  options: { readonly host: string; readonly buffers?: number | undefined },
): string {
  const { buffers, host } = options;
  const parts = tracks.map((track, index) => {
    const { payloadType, port, rtcpPort } = track;
    const limit = buffers === undefined ? "" : ` num-buffers=${buffers}`;
    return [
      `${sourceOf(track, limit)} ! ${payloaderOf(track)} pt=${payloadType} mtu=${PACKET_BYTES}`,
      `! rtp.send_rtp_sink_${index}`,
      `rtp.send_rtp_src_${index} ! udpsink host=${host} port=${port}`,
      `rtp.send_rtcp_src_${index} ! udpsink host=${host} port=${rtcpPort} sync=false async=false`,
    ].join(" ");
  });
  return ["rtpbin name=rtp", ...parts].join(" ");
}

/**
 * The description of a GStreamer pipeline that receives the tracks of an output and decodes them. Each track ends in a
 * sink named `video` or `audio`.
 *
 * @param options.sink an element to end in, such as `autovideosink`; default `fakesink`
 * @throws {MeanderError} `track-unsupported`
 */
export function gstreamerReceivePipeline(
  tracks: readonly SdpTrack[],
  options: {
    readonly latencyMs?: number | undefined;
    readonly sink?: ((track: SdpTrack) => string) | undefined;
  } = {},
): string {
  const { latencyMs = 100, sink = () => "fakesink sync=true" } = options;
  const parts = tracks.map((track, index) => {
    return [
      `udpsrc port=${track.port} caps="${capsOf(track)}" ! rtp.recv_rtp_sink_${index}`,
      `udpsrc port=${track.rtcpPort} ! rtp.recv_rtcp_sink_${index}`,
      `rtp. ! ${depayloaderOf(track)} ! ${sink(track)} name=${track.kind}`,
    ].join(" ");
  });
  return [`rtpbin name=rtp latency=${latencyMs}`, ...parts].join(" ");
}

function sourceOf({ codec, kind }: SdpTrack, limit: string): string {
  if (kind === "audio") {
    return `audiotestsrc is-live=true samplesperbuffer=960${limit} ! audio/x-raw,rate=48000,channels=2 ! opusenc`;
  }
  const encoder =
    codec === "vp8"
      ? "vp8enc deadline=1 keyframe-max-dist=30 target-bitrate=1000000"
      : "x264enc tune=zerolatency speed-preset=veryfast key-int-max=30 bitrate=1000";
  return `videotestsrc is-live=true${limit} ! video/x-raw,width=640,height=360,framerate=30/1 ! ${encoder}`;
}

function payloaderOf(track: SdpTrack): string {
  switch (track.codec) {
    case "h264":
      return "rtph264pay config-interval=-1";
    case "vp8":
      return "rtpvp8pay picture-id-mode=15-bit";
    case "opus":
      return "rtpopuspay";
    default:
      throw unsupported(track);
  }
}

function depayloaderOf(track: SdpTrack): string {
  switch (track.codec) {
    case "h264":
      return "rtph264depay ! avdec_h264";
    case "vp8":
      return "rtpvp8depay ! vp8dec";
    case "opus":
      return "rtpopusdepay ! opusdec";
    default:
      throw unsupported(track);
  }
}

function capsOf({ clockRate, codec, kind, payloadType }: SdpTrack): string {
  const name = codec.toUpperCase();
  return `application/x-rtp,media=${kind},clock-rate=${clockRate},encoding-name=${name},payload=${payloadType}`;
}

function unsupported({ codec }: SdpTrack): MeanderError {
  return new MeanderError("track-unsupported", `no GStreamer elements for ${codec}`, {
    expected: "h264, vp8 or opus",
  });
}
