/**
 * Media from and for the outside: RTP in and out, messages, clips, and what to tell ffmpeg and GStreamer. Node only, but for
 * the frame counter.
 *
 * @module
 */
export { FRAME_COUNTER, readFrameCounter } from "./frame-counter.ts";
export { IngestGroup, type IngestGroupOptions } from "./ingest-group.ts";
export { RtpIngest, type RtpIngestOptions } from "./rtp-ingest.ts";
export { type OpenIngest, openRtpIngest } from "./rtp-ingest-sockets.ts";
export { RtpOutput } from "./rtp-output.ts";
