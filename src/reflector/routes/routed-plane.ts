import type { ChannelConfig, ReshapingConfig } from "../../session/index.ts";
import type { PlaneEvent } from "../events.ts";
import type { PlaneSnapshot } from "../snapshot.ts";

/** What a router asks of a plane, which may run in another thread. Refusals are MeanderErrors. */
export interface RoutedPlane {
  /** New limits over all channels; they apply to new subscribers at once. */
  setLimits(options: {
    readonly maxSubscribers: number;
    readonly maxBitsPerSecond: number;
  }): Promise<void>;
  /** From whom channels are received when their routes fail; it applies at once. */
  setReshaping(reshaping: ReshapingConfig): Promise<void>;
  /** Opens a channel, or changes an open one without disturbing its subscribers. */
  openChannel(options: {
    readonly name: string;
    readonly id: number;
    readonly config: ChannelConfig;
    /** Sites at which it is ingested, as far as the directory knows. */
    readonly ingests: readonly string[];
  }): Promise<void>;
  /** Answers `channel-wanted` with a refusal. */
  refuseChannel(channel: string, code: string, message: string): Promise<void>;
  closeChannel(channel: string, reason: string): Promise<void>;
  snapshot(): Promise<Pick<PlaneSnapshot, "channels">>;
  onEvent(listener: (event: PlaneEvent) => void): void;
}
