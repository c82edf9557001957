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
export { Segmenter } from "./segmenter.ts";
export type { SegmenterEvents, SegmenterOptions } from "./segmenter-options.ts";
export { SteadyClock } from "./steady-clock.ts";
export type { TrackBuffer } from "./track-buffer.ts";
