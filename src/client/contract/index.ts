/**
 * The values of a site's HTTP API: requests and answers. Types only, for both sides.
 *
 * @module
 */
export type {
  AuditCounts,
  AuditPage,
  AuditQuestion,
  AuditRecord,
  AuditVerdict,
} from "./audit.ts";
export type { DemoAction } from "./demo-action.ts";
export type { LogLevel } from "./log-level.ts";
export type {
  ChannelSnapshot,
  InputSnapshot,
  LinkTrace,
  PeerSnapshot,
  PlaneSnapshot,
  SubscriberSnapshot,
  SwitchSnapshot,
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
  ResumptionView,
  SessionView,
  SiteView,
  StreamCounts,
  StreamsView,
  TraceView,
} from "./views.ts";
