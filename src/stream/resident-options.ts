import type { Consumer, LifecycleEvent } from "./consumer.ts";
import type { Durability, EndpointId } from "./model.ts";
import type { RunMarks } from "./run-mark.ts";
import type { Sender } from "./sender.ts";
import type { StreamState } from "./stream-state.ts";

/** Why a sender may not append; undefined: it may. A promise: it is being judged, and its messages wait. */
export type Denies = (sender: Sender) => Denial | Promise<Denial>;

/** Why a sender may not append; undefined: it may. {@link UNDECIDED}: nothing can say so now. */
export type Denial = string | typeof UNDECIDED | undefined;

/** Whoever is to judge cannot be asked: nothing is taken, nothing refused, and the sender sends it again. */
export const UNDECIDED: unique symbol = Symbol("undecided");

/** How a stream is installed at a site. */
export interface ResidentOptions {
  readonly id: EndpointId;
  readonly name: string;
  readonly streamEpoch: number;
  readonly durability: Durability;
  readonly consumer: Consumer;
  readonly state: StreamState;
  /** Writes the record to its keeper. Rejects with `record-fenced` when the keeper has a higher stream epoch. */
  readonly keep: (state: Uint8Array) => Promise<void>;
  /** Notes what is about to run in the process of the site. Undefined: it is not noted. */
  readonly marks?: RunMarks | undefined;
  /** The event that its agents handle before the first message. */
  readonly first: LifecycleEvent | undefined;
  /** It accepts messages and runs none, nor any event, until {@link StreamHalt.resume}. Default false. */
  readonly isHalted?: boolean;
  readonly denies: Denies;
}
