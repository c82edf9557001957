import type { Counters } from "../../base/index.ts";
import type { Description } from "../../wire/index.ts";
import type { SourceReport } from "../channel/channel-publisher.ts";
import type { BundleMember } from "./bundle.ts";

/** A local receiver of a channel that is no site and no viewer, such as a plain RTP output. Calls never block and never throw. */
export interface PacketSink {
  /** Serves it while it is live; `packet` is then called only with what it has to catch up with. */
  readonly member?: BundleMember | undefined;
  /** Where it counts what did not leave, or nobody took; its subscriber's drops are counted there too. */
  readonly drops?: Counters | undefined;
  /** Whether it wants a packet; absent: all. */
  wants?(packet: Uint8Array): boolean;
  /** One rtp or data packet with our header; borrowed for ever, read only. */
  packet(packet: Uint8Array): void;
  description(description: Description): void;
  report(report: SourceReport): void;
  /** The channel or the output was closed. The last call. */
  close(reason: string): void;
}
