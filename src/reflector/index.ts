/**
 * The forwarding plane: channels, inputs with alternatives, subscribers at their own pace.
 *
 * @module
 */

export type { ChannelPublisher, SourceId, SourceReport } from "./channel/channel-publisher.ts";
export type { Departed } from "./departure.ts";
export type { Bundle, BundleMember } from "./egress/bundle.ts";
export type { PacketSink } from "./egress/packet-sink.ts";
export type { Neighbour, PlaneEvent } from "./events.ts";
export type { GroupAddress, GroupOutput, GroupSockets } from "./links/group-sockets.ts";
export { type LinkSecurity, plainLinks, siteProof } from "./links/link-security.ts";
export { Reflector } from "./reflector.ts";
export type { ReflectorOptions } from "./reflector-options.ts";
export { ChannelRouter, type ChannelRouterOptions } from "./routes/channel-router.ts";
export type { RoutedPlane } from "./routes/routed-plane.ts";
export type {
  ChannelSnapshot,
  InputSnapshot,
  PastCounts,
  PastSnapshot,
  PeerSnapshot,
  PlaneSnapshot,
  SubscriberSnapshot,
  SwitchSnapshot,
} from "./snapshot.ts";
export type {
  ChannelStats,
  ReflectorStats,
  SlowSubscriber,
  SubscriberCounts,
} from "./stats.ts";
export type { ViewerGate, ViewerVerdict } from "./viewer-admission.ts";
