/**
 * Channels as their receivers see them: identity, history, failover, a viewer's client. Browser-ready.
 *
 * @module
 */
export type { AlternativeState } from "./alternative.ts";
export { ChannelClient } from "./channel-client.ts";
export type {
  ChannelClientEvents,
  ChannelClientOptions,
  ClientState,
  ClientStats,
} from "./client-types.ts";
export { describeStall } from "./describe-stall.ts";
export {
  FrameReceiver,
  type FrameReceiverOptions,
  type FrameReceiverStats,
} from "./frame-receiver.ts";
export { History, type HistoryEntry, isKeyStart } from "./history.ts";
export type { InBandEntry } from "./in-band-log.ts";
export {
  type DirectSends,
  Peer,
  type PeerEvents,
  type PeerIdentity,
  type Refusal,
} from "./peer.ts";
export { Receiver } from "./receiver.ts";
export type { InBandMessage, ReceiverEvents } from "./receiver-options.ts";
export { SequenceWindow, type Verdict } from "./sequence-window.ts";
export { SourceWindows } from "./source-windows.ts";
