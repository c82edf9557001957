/**
 * The daemon: everything below it composed into a running site, and its HTTP API from both sides.
 *
 * @module
 */

export type {
  AgentContext,
  AgentDefinition,
  AgentModule,
  AgentRef,
  Appended,
  EventFilter,
  MessageStory,
  MoveResult,
  PolicyModule,
  StreamEvent,
  StreamOptions,
  StreamRef,
  StreamView,
} from "../agent/index.ts";
export type {
  AuditPage,
  AuditQuestion,
  AuditRecord,
  ChannelNow,
  ChannelView,
  DemoAction,
  HealthView,
  LinkTrace,
  LogLevel,
  LogLevelView,
  OutputPorts,
  PublishAnswer,
  RecordEvent,
  RecordRequest,
  RecordStatus,
  SessionView,
  SiteStats,
  SiteView,
  SlowNow,
  StatsView,
  StreamCounts,
  StreamsView,
  TokenRequest,
  TraceView,
  Usage,
} from "../client/contract/index.ts";
export {
  connect,
  type PublishSettings,
  packageRoot,
  packageVersion,
  readyPolicy,
  SiteClient,
  type SiteCredentials,
  type TokenView,
} from "../client/index.ts";
export {
  type Publication,
  type PublishOptions,
  publishFfmpeg,
  publishFile,
  publishLines,
  publishSdpFile,
} from "../client/publish/index.ts";
export {
  ChannelRecorder,
  type RecordSettings,
  recordChannel,
} from "../client/record/index.ts";
export { type WatchEvents, type WatchOptions, watchChannel } from "../client/watch/index.ts";
export {
  type ConnectOptions,
  defineAgent,
  EventReader,
  type Inspection,
  type RegisterOptions,
  Shell,
  type ShellAppendOptions,
  type ShellStream,
  type StreamGroup,
} from "../session/shell/index.ts";
export type { Durability } from "../stream/index.ts";
export { type Author, AuthorKey } from "../trust/index.ts";
export { type DaemonPorts, runDaemon } from "./daemon.ts";
export { type Check, runChecks } from "./doctor/checks.ts";
export type { ReadSettings } from "./operations/reload.ts";
export { Site } from "./site.ts";
export {
  checkSettings,
  parseConfigFile,
  type SiteOptions,
  type SiteSettings,
} from "./site-options.ts";
export type { SitePorts } from "./site-ports.ts";
export type {
  DemoControl,
  PublishRequest,
  SiteService,
} from "./site-service.ts";
export { startSite } from "./start-site.ts";
