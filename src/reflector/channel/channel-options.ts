import type { Clock, Log } from "../../base/index.ts";
import type { ChannelConfig } from "../../session/index.ts";
import type { PlaneEvent } from "../events.ts";

/** What a `Channel` works with. */
export interface ChannelOptions {
  readonly name: string;
  readonly id: number;
  readonly site: string;
  readonly config: ChannelConfig;
  readonly clock: Clock;
  readonly log: Log;
  /** An on-demand input is kept this long after its last subscriber left, ms. */
  readonly lingerMs: number;
  onEvent(event: PlaneEvent): void;
  /** For in-band messages that the site itself makes. */
  nextSequence(): number;
  /** What to add to our clock to get that of a neighbour, ms. */
  clockOffsetTo(site: string): number | undefined;
}
