import type { Counters } from "../../base/index.ts";
import type { Description } from "../../wire/index.ts";
import type { SourceReport } from "../channel/channel-publisher.ts";
import type { BundleMember } from "./bundle.ts";

/** A receiver of a channel in this process, such as a plain RTP output. Its methods never block and never throw. */
export interface PacketSink {
  /** Its membership in the bundle that serves it while it is live; `packet` is then called only while it catches up. */
  readonly member?: BundleMember | undefined;
  /** Counts what was not sent, or was refused by its receiver; its subscriber's drops are counted there too. */
  readonly drops?: Counters | undefined;
  /** Whether it wants a packet; absent: all. */
  wants?(packet: Uint8Array): boolean;
  /** One rtp or data packet with Meander's header; retained, read only. */
  packet(packet: Uint8Array): void;
  description(description: Description): void;
  report(report: SourceReport): void;
  /** The channel or the output was closed. The last call. */
  close(reason: string): void;
}
