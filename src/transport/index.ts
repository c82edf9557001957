/**
 * Connections over real networks, and one in memory.
 *
 * @module
 */
export {
  canonicalHost,
  familyOf,
  formatAddress,
  type HostPort,
  isLoopback,
  networkOf,
  parseAddress,
} from "./address.ts";
export {
  type DatagramRuntime,
  type DatagramSocketOptions,
  openDatagramSocket,
} from "./datagram-socket.ts";
export { type DatagramTotals, zeroTotals } from "./datagram-totals.ts";
export type {
  DatagramGroup,
  DatagramSocket,
  DatagramStats,
  MulticastControls,
  OnMissed,
  Remote,
} from "./datagrams.ts";
export { type GroupLinkOptions, GroupListener, GroupSender } from "./group-link.ts";
export { GroupMembership, type MembershipChange } from "./group-membership.ts";
export { findInterface, interfaceTowards, type ListInterfaces } from "./interfaces.ts";
export {
  MemoryConnection,
  type MemoryOptions,
  MemoryTransport,
  memoryPair,
} from "./memory.ts";
export {
  familyOfGroup,
  groupBinding,
  isMulticast,
  type MulticastGroup,
  type MulticastSending,
  setMulticastSending,
} from "./multicast.ts";
export { setNotSentLowWater } from "./native/descriptors.ts";
export { loadNative } from "./native/load-native.ts";
export type { NativeCalls } from "./native/native-calls.ts";
export { NativeStreams } from "./native/native-streams.ts";
export { WatchShutdown, type WatchShutdownEnd } from "./native/watch-shutdown.ts";
export { nodeCipher } from "./node-cipher.ts";
export {
  type Stranger,
  type StrangerFault,
  type StrangerLimits,
  StrangerQuota,
} from "./stranger-quota.ts";
export { acceptTcp, LINK_PATH, LINK_UPGRADE, TcpTransport } from "./tcp.ts";
export {
  connectTls,
  formatFingerprint,
  parseFingerprint,
  type TlsTrust,
  tlsConnector,
} from "./tls.ts";
export { type UdpOptions, UdpTransport } from "./udp.ts";
export { secureOptions, WebSocketTransport } from "./websocket.ts";
export { WebSocketAcceptor } from "./websocket-acceptor.ts";
