/**
 * When received media is to be played: timelines, playout clock, frame queue, audio schedule, a channel's tracks. Pure;
 * used by players and recorders.
 *
 * @module
 */
export { AudioSchedule } from "./audio-schedule.ts";
export {
  ChannelTracks,
  type ChannelTracksEvents,
  type ChannelTracksOptions,
} from "./channel-tracks.ts";
export { FrameQueue, type TimedFrame } from "./frame-queue.ts";
export { JitterEstimate } from "./jitter-estimate.ts";
export { MediaTimeline } from "./media-timeline.ts";
export { PlayoutClock } from "./playout-clock.ts";
export { PresentationLog } from "./presentation-log.ts";
export { RateMeter } from "./rate-meter.ts";
export { type IngestReport, type SenderTime, SourceTimeline } from "./source-timeline.ts";
export { type EncodedFrame, TrackFeed } from "./track-feed.ts";
