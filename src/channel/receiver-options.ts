import type { Clock, Counters } from "../base/index.ts";
import type { ControlMessage } from "../wire/index.ts";
import type { Refusal } from "./peer.ts";

/** Control messages that a source or the sending site puts into a channel. */
export type InBandMessage = Extract<
  ControlMessage,
  { type: "description" | "report" | "gap" | "bye" | "path" }
>;

/** What a {@link Receiver} tells its owner. */
export interface ReceiverEvents {
  /** A packet that is new by identity, in order of arrival. */
  onPacket(packet: Uint8Array): void;
  /** A message in band; a `path` only from the active alternative. */
  onInBand(message: InBandMessage, packet: Uint8Array): void;
  /** Another alternative is active now. */
  onSwitched(from: string | undefined, to: string, reason: string): void;
  /** An alternative refused the subscription. */
  onRefused(name: string, refusal: Refusal): void;
}

export interface ReceiverOptions {
  readonly channel: string;
  /** The receiver's own site name, to recognise a path that leads through it. */
  readonly self: string;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly events: ReceiverEvents;
  /** Silence of the media after which the next alternative is tried even though heartbeats arrive, ms. */
  readonly silenceMs: number;
  /** Asked when another connection continues the channel. False: live; true (default): with what was missed. */
  resumes?(): boolean;
}
