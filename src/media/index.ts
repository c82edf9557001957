/**
 * Media from and to the outside: RTP in and out, messages, clips, recordings, and arguments for ffmpeg and GStreamer.
 * Node only, except for the frame counter.
 *
 * @module
 */

export type { IngestDoorPorts, IngestPorts, OpenIngest } from "./doors/ingest-door.ts";
export { type IngestOptions, openIngest } from "./doors/ingest-doors.ts";
export { RtpIngest } from "./doors/rtp/rtp-ingest.ts";
export type { IngestTrack, RtpIngestOptions, RtpOutputOptions } from "./doors/rtp/rtp-options.ts";
export type { RtpOutput } from "./doors/rtp/rtp-output.ts";
export { RtpOutputs } from "./doors/rtp/rtp-outputs.ts";
export { clipSdp, clipSdpTracks } from "./files/clip-description.ts";
export { type ClipFrame, ClipReader, type ClipTrack } from "./files/clip-reader.ts";
export { demoClipPath } from "./files/demo-clip.ts";
export { FilePublisher, type FilePublisherOptions } from "./files/file-publisher.ts";
export { FRAME_COUNTER, readFrameCounter } from "./files/frame-counter.ts";
export {
  type ClipPublication,
  type PublishClipOptions,
  publishClip,
} from "./files/publish-clip.ts";
export { ChannelInputs, type ChannelInputsOptions } from "./inputs/channel-inputs.ts";
export { PastInputs } from "./inputs/past-inputs.ts";
export { SourceGenerations } from "./inputs/source-generations.ts";
export type { OpenSocket } from "./open-socket.ts";
export {
  type FfmpegSource,
  type FfmpegTarget,
  ffmpegPublishArguments,
  ffmpegTracks,
} from "./programs/ffmpeg-arguments.ts";
export {
  gstreamerPublishPipeline,
  gstreamerReceivePipeline,
} from "./programs/gstreamer-pipelines.ts";
export {
  type Container,
  containerOf,
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
  type TrackBuffer,
} from "./record/index.ts";
