import type { Description } from "../wire/index.ts";
import type { SourceReport } from "./channel-publisher.ts";

/** A local receiver of a channel that is no site and no viewer, such as a plain RTP output. Calls never block and never throw. */
export interface PacketSink {
  /** One rtp or data packet with our header; borrowed for ever, read only. */
  packet(packet: Uint8Array): void;
  description(description: Description): void;
  report(report: SourceReport): void;
  /** The channel or the output was closed. The last call. */
  close(reason: string): void;
}
