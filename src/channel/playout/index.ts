/**
 * Playing received media: timelines, playout clock, frame queue, audio schedule, a channel's tracks, and their
 * composition, which has decoders, audio output and connections as ports. Used by players and recorders.
 *
 * @module
 */
export {
  ChannelTracks,
  type ChannelTracksEvents,
  type ChannelTracksOptions,
} from "./channel-tracks.ts";
export {
  Playback,
  type PlaybackEvents,
  type PlaybackOptions,
} from "./playback.ts";
export type { PlayerState } from "./player-state.ts";
export { NO_STATS, type PlayerStats } from "./player-stats.ts";
export type { Shown } from "./playout.ts";
export type {
  AudioDecoders,
  DecoderEvents,
  EncodedChunk,
  MediaDecoder,
  MediaDecoders,
  Picture,
  PlaybackPorts,
  Sound,
  SoundConfiguration,
  SoundOutput,
  VideoDecoders,
} from "./ports.ts";
export { RateMeter } from "./rate-meter.ts";
export { SlidingMinimum } from "./sliding-minimum.ts";
export { type IngestReport, type SenderTime, SourceTimeline } from "./source-timeline.ts";
export { type EncodedFrame, TrackFeed } from "./track-feed.ts";
