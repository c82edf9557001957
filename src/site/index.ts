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
  StreamEvent,
  StreamOptions,
  StreamRef,
  StreamView,
} from "../agent/index.ts";
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
export {
  connect,
  type PublishSettings,
  packageRoot,
  packageVersion,
  SiteClient,
  type SiteCredentials,
  type SiteView,
  type TokenRequest,
  type TokenView,
} from "../client/index.ts";
export { type DaemonPorts, runDaemon } from "./daemon.ts";
export { type Check, runChecks } from "./doctor/checks.ts";
export type { LinkTrace } from "./plane-control.ts";
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
  type RecordEvent,
  type RecordRequest,
  type RecordSettings,
  type RecordStatus,
  recordChannel,
} from "../client/record/index.ts";
export { Site, type SitePorts } from "./site.ts";
export {
  checkSettings,
  type LogLevel,
  parseConfigFile,
  type SiteOptions,
  type SiteSettings,
} from "./site-options.ts";
export type {
  ChannelView,
  DemoAction,
  DemoControl,
  HealthView,
  LogLevelView,
  OutputPorts,
  PublishAnswer,
  PublishRequest,
  SessionView,
  SiteService,
  StreamCounts,
  StreamsView,
  TraceView,
} from "./site-service.ts";
export { startSite } from "./start-site.ts";
export type { ChannelNow, SiteFigures, SlowNow, StatsView, Usage } from "../view/index.ts";
export { type WatchEvents, type WatchOptions, watchChannel } from "../client/watch/index.ts";
