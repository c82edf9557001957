/**
 * Recording channels: in a process of its own, or, by a site's configuration, in threads.
 *
 * @module
 */
export { ChannelRecorder, type ChannelRecorderPorts } from "./channel-recorder.ts";
export type { RecordEvent, RecordRequest, RecordStatus } from "./model.ts";
export { type RecordSettings, recordChannel } from "./record-channel.ts";
export { checkRecordings } from "../../site/record/record-requests.ts";
export { RecordingDesk } from "../../site/record/recording-desk.ts";
