/**
 * The forwarding plane: channels, inputs with alternatives, subscribers at their own pace.
 *
 * @module
 */
export type { ChannelPublisher, SourceId, SourceReport } from "./channel-publisher.ts";
export type { Neighbour, PlaneEvent } from "./events.ts";
export type {
  IngestOptions,
  IngestPorts,
  IngestTrack,
  RtpOutputOptions,
} from "./ingest-options.ts";
export type { PacketSink } from "./packet-sink.ts";
export { Reflector, type ReflectorOptions } from "./reflector.ts";
export type {
  ChannelSnapshot,
  InputSnapshot,
  PeerSnapshot,
  PlaneSnapshot,
  SubscriberSnapshot,
} from "./snapshot.ts";
