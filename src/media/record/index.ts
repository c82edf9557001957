/**
 * Recording: frames of a channel's tracks into WebM, Matroska and MP4 files.
 *
 * @module
 */
export { type Container, containerOf } from "./container.ts";
export type { RecordedTotals, SegmentEnd } from "./open-segments.ts";
export { RecordTimeline } from "./record-timeline.ts";
export { recordingRefusal } from "./recordable.ts";
export type { SegmentFacts } from "./segment.ts";
export { type OpenSegmentFile, openBlockingFile, type SegmentFile } from "./segment-file.ts";
export { Segmenter, type SegmenterEvents, type SegmenterOptions } from "./segmenter.ts";
export { SteadyClock } from "./steady-clock.ts";
export type { TrackBuffer } from "./track-buffer.ts";
