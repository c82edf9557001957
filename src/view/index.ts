/**
 * What a console derives from the reports of a session's sites: rates, the graph, tables, changes. No I/O and no clock;
 * runs
 * in browsers.
 *
 * @module
 */

export type {
  AuditPage,
  AuditRecord,
  ChannelNow,
  ProcessView,
  SessionView,
  SiteStats,
  SiteView,
  SlowNow,
  StatsView,
  Usage,
} from "../client/contract/index.ts";
export { ArrivalLog, type ArrivalWindow, type PathMark } from "./arrivals.ts";
export { type AuditWords, auditWords } from "./audit.ts";
export { type Change, changesBetween } from "./changes.ts";
export { channelNames, firstWatch, type Watch } from "./choices.ts";
export {
  formatBitRate,
  formatBytes,
  formatCodecs,
  formatCount,
  formatMs,
  formatPath,
  formatShare,
  formatSpan,
  UNKNOWN,
} from "./format.ts";
export {
  type Network,
  type Observation,
  type ObservedSite,
  observe,
  type SiteState,
  stateOf,
  UNKNOWN_NETWORK,
} from "./network.ts";
export type { Rate } from "./rates.ts";
export {
  formatReading,
  readingsOf,
  type StatsChart,
  type StatsUnit,
  statsCharts,
} from "./stats-charts.ts";
export {
  type ChannelRow,
  channelRows,
  type Drop,
  type InputRow,
  inputRows,
  type SubscriberRow,
  subscriberRows,
} from "./tables.ts";
export {
  type LinkChannel,
  type Topology,
  type TopologyLink,
  type TopologySite,
  type TopologySource,
  topologyOf,
} from "./topology.ts";
export { visibleLine, visibleText } from "./visible-text.ts";
export {
  formatHeldBack,
  formatOrigin,
  formatStall,
  isLearned,
  type WayEntry,
  waysOf,
} from "./ways.ts";
