/**
 * Stream frames between sites over real sockets: TCP and UDP.
 *
 * @module
 */
export type { FramePeerStats, FrameSite, LiveFrameNetwork } from "./live-frame-network.ts";
export { TcpFrameNetwork } from "./tcp-frame-network.ts";
export { UdpFrameNetwork } from "./udp-frame-network.ts";
