/**
 * What crosses a site's HTTP API: the values that it answers, and what programs ask of it. Types alone, for both sides.
 *
 * @module
 */
export type { DemoAction } from "./demo-action.ts";
export type { LogLevel } from "./log-level.ts";
export type {
  ChannelSnapshot,
  InputSnapshot,
  LinkTrace,
  PeerSnapshot,
  PlaneSnapshot,
  SubscriberSnapshot,
} from "./plane-snapshot.ts";
export type { RecordEvent, RecordRequest, RecordStatus } from "./recording.ts";
export type { ChannelNow, SiteStats, SlowNow, StatsView, Usage } from "./site-stats.ts";
export type { ListedToken, MadeToken, TokenRequest } from "./tokens.ts";
export type {
  ChannelView,
  GroupSending,
  HealthView,
  LogLevelView,
  OutputPorts,
  ProcessView,
  PublishAnswer,
  SessionView,
  SiteView,
  StreamCounts,
  StreamsView,
  TraceView,
} from "./views.ts";
