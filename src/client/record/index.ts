/**
 * Recording channels: in a process of its own, or, by a site's configuration, in threads.
 *
 * @module
 */
export { ChannelRecorder, type ChannelRecorderPorts } from "./channel-recorder.ts";
export { FilePattern, pathBelow } from "./file-pattern.ts";
export type { FromRecorder, RecordTarget, ToRecorder } from "./messages.ts";
export { openRecordWorker } from "./open-record-worker.ts";
export { type RecordSettings, recordChannel } from "./record-channel.ts";
export { describeDiskError, SegmentFiles } from "./segment-files.ts";
