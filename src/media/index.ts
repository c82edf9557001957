/**
 * Media from and for the outside: RTP in and out, messages, clips, and what to tell ffmpeg and GStreamer. Node only, but for
 * the frame counter.
 *
 * @module
 */
export { clipSdp, clipSdpTracks } from "./clip-description.ts";
export { type ClipFrame, ClipReader, type ClipTrack } from "./clip-reader.ts";
export { demoClipPath } from "./demo-clip.ts";
export {
  type FfmpegSource,
  type FfmpegTarget,
  ffmpegPublishArguments,
  ffmpegTracks,
} from "./ffmpeg-arguments.ts";
export { FilePublisher, type FilePublisherOptions } from "./file-publisher.ts";
export { FRAME_COUNTER, readFrameCounter } from "./frame-counter.ts";
export { gstreamerPublishPipeline, gstreamerReceivePipeline } from "./gstreamer-pipelines.ts";
export { IngestGroup, type IngestGroupOptions } from "./ingest-group.ts";
export type { OpenSocket } from "./open-socket.ts";
export { type ClipPublication, type PublishClipOptions, publishClip } from "./publish-clip.ts";
export {
  type Container,
  containerOf,
  type Lane,
  type OpenSegmentFile,
  openBlockingFile,
  type RecordedTotals,
  RecordTimeline,
  recordingRefusal,
  type SegmentEnd,
  Segmenter,
  type SegmentFacts,
  type SegmentFile,
  SteadyClock,
} from "./record/index.ts";
export { RtpIngest, type RtpIngestOptions } from "./rtp-ingest.ts";
export { type OpenIngest, openRtpIngest } from "./rtp-ingest-sockets.ts";
export type { RtpOutput } from "./rtp-output.ts";
export { RtpOutputs } from "./rtp-outputs.ts";
