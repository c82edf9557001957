import { MeanderError } from "../../base/index.ts";
import { isMulticast } from "../../transport/index.ts";
import type { SdpTrack } from "../../wire/index.ts";

/** Of the whole RTP packet. */
const PACKET_BYTES = 1_200;

/**
 * The description of a GStreamer pipeline (for `gst-launch-1.0`) that publishes test pictures and a tone to an ingest,
 * with sender reports.
 *
 * @param tracks with the ingest's ports; H.264, H.265, VP8, VP9, Opus, AAC (`mpeg4-generic`) and G.711
 * @param options.buffers frames of each track after which it ends; undefined: never
 * @param options.size of the picture; default 640x360
 * @throws {MeanderError} `track-unsupported`
 */
export function gstreamerPublishPipeline(
  tracks: readonly SdpTrack[],
  options: {
    readonly host: string;
    readonly buffers?: number | undefined;
    readonly size?: { readonly width: number; readonly height: number };
  },
): string {
  const { buffers, host, size = { width: 640, height: 360 } } = options;
  const parts = tracks.map((track, index) => {
    const { payloadType, port, rtcpPort } = track;
    const limit = buffers === undefined ? "" : ` num-buffers=${buffers}`;
    return [
      `${sourceOf(track, limit, size)} ! ${elementsOf(track).pay} pt=${payloadType} mtu=${PACKET_BYTES}`,
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
    const { host = "" } = track;
    const group = isMulticast(host) ? `address=${host} ` : "";
    return [
      `udpsrc ${group}port=${track.port} caps="${capsOf(track)}" ! rtp.recv_rtp_sink_${index}`,
      `udpsrc ${group}port=${track.rtcpPort} ! rtp.recv_rtcp_sink_${index}`,
      `rtp. ! ${elementsOf(track).receive} ! ${sink(track)} name=${track.kind}`,
    ].join(" ");
  });
  return [`rtpbin name=rtp latency=${latencyMs}`, ...parts].join(" ");
}

/** Elements for a codec: to encode, to put in packets, and to take out and decode. */
interface Elements {
  readonly encode: string;
  readonly pay: string;
  readonly receive: string;
}

const VP8_AND_9 = "deadline=1 keyframe-max-dist=30 target-bitrate=1000000";
const ELEMENTS: Readonly<Record<string, Elements>> = {
  h264: {
    encode: "x264enc tune=zerolatency speed-preset=veryfast key-int-max=30 bitrate=1000",
    pay: "rtph264pay config-interval=-1",
    receive: "rtph264depay ! avdec_h264",
  },
  h265: {
    encode: "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=30 bitrate=1000",
    pay: "rtph265pay config-interval=-1",
    receive: "rtph265depay ! avdec_h265",
  },
  vp8: {
    encode: `vp8enc ${VP8_AND_9}`,
    pay: "rtpvp8pay picture-id-mode=15-bit",
    receive: "rtpvp8depay ! vp8dec",
  },
  vp9: {
    encode: `vp9enc cpu-used=8 lag-in-frames=0 ${VP8_AND_9}`,
    pay: "rtpvp9pay picture-id-mode=15-bit",
    receive: "rtpvp9depay ! vp9dec",
  },
  opus: { encode: "opusenc", pay: "rtpopuspay", receive: "rtpopusdepay ! opusdec" },
  "mpeg4-generic": {
    encode: "avenc_aac bitrate=96000",
    pay: "rtpmp4gpay",
    receive: "rtpmp4gdepay ! avdec_aac",
  },
  pcmu: { encode: "mulawenc", pay: "rtppcmupay", receive: "rtppcmudepay ! mulawdec" },
  pcma: { encode: "alawenc", pay: "rtppcmapay", receive: "rtppcmadepay ! alawdec" },
};
/** Samples of AAC in a frame, which its encoder does not gather by itself. */
const AAC_SAMPLES = 1_024;

function sourceOf(
  track: SdpTrack,
  limit: string,
  { width, height }: { readonly width: number; readonly height: number },
): string {
  const { channels = 1, clockRate, codec, kind } = track;
  const { encode } = elementsOf(track);
  if (kind === "audio") {
    const samples = codec === "mpeg4-generic" ? AAC_SAMPLES : clockRate / 50;
    const raw = `audio/x-raw,rate=${clockRate},channels=${channels}`;
    return `audiotestsrc is-live=true samplesperbuffer=${samples}${limit} ! ${raw} ! ${encode}`;
  }
  const raw = `video/x-raw,format=I420,width=${width},height=${height},framerate=30/1`;
  return `videotestsrc is-live=true${limit} ! ${raw} ! ${encode}`;
}

function elementsOf(track: SdpTrack): Elements {
  const elements = ELEMENTS[track.codec];
  if (elements !== undefined) return elements;
  throw new MeanderError("track-unsupported", `no GStreamer elements for ${track.codec}`, {
    expected: `one of ${Object.keys(ELEMENTS).join(", ")}`,
  });
}

function capsOf({ clockRate, codec, fmtp, kind, payloadType }: SdpTrack): string {
  const name = codec.toUpperCase();
  const parameters = codec === "mpeg4-generic" ? capsParameters(fmtp ?? "") : "";
  return `application/x-rtp,media=${kind},clock-rate=${clockRate},encoding-name=${name},payload=${payloadType}${parameters}`;
}

/** Format parameters as caps have them: names in lower case, values as strings. */
function capsParameters(fmtp: string): string {
  return fmtp
    .split(";")
    .map((part) => /^\s*([\w-]+)=([\w-]+)\s*$/.exec(part))
    .map((found) => (found === null ? "" : `,${found[1]?.toLowerCase()}=(string)${found[2]}`))
    .join("");
}
