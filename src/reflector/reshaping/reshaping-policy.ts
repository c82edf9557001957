/** How a site came to know that a channel can be received from another one. */
export type Origin =
  /** The route says so. */
  | { readonly kind: "configured" }
  /** A neighbour told: it receives the channel from there itself, or sends it there. */
  | { readonly kind: "learned"; readonly from: string; readonly agoMs: number }
  /** The directory says that the channel is ingested there, or lists it as a site of the session. */
  | { readonly kind: "directory"; readonly isIngest: boolean };

/** How near a candidate is to the place that this site has in the tree of the channel. */
export type Relation =
  /** A source of the route. */
  | "route"
  /** A source of a source of the route, or of one that is used. */
  | "source-of-source"
  /** Another client of such a source. */
  | "sibling"
  /** Another source of a client of this site. */
  | "source-of-client"
  /** Where the channel is ingested, or any site of the session. */
  | "session";

/** A site that a channel may be received from. */
export interface Candidate {
  readonly name: string;
  readonly relation: Relation;
  readonly origin: Origin;
  /** `unknown`: it is not connected for this channel. */
  readonly state: "active" | "standby" | "suspected" | "down" | "connecting" | "unknown";
  /** The path that it told; undefined: none, or too long ago; empty: the channel does not arrive there. */
  readonly path: readonly string[] | undefined;
  /** It receives the channel through this site, or did a short while ago. */
  readonly isThroughUs: boolean;
  /** It is shutting down. */
  readonly isLeaving: boolean;
  /** How often it was lost within the last minutes. */
  readonly failures: number;
  /** By the site's configuration; 1 unless given. */
  readonly cost: number;
  /** Round trip, ms. */
  readonly rttMs: number | undefined;
}

/** What a policy decides by. */
export interface ReshapingFacts {
  readonly self: string;
  readonly channel: string;
  /** Whether the channel is wanted here. */
  readonly isWanted: boolean;
  /** For how long it has not arrived although it is wanted, ms; 0: it arrives. */
  readonly lostMs: number;
  /** Each site once; those of the route in its order, then those that were learned, nearest first. */
  readonly candidates: readonly Candidate[];
  /** Rises every second while the channel is lost, to try others of many. */
  readonly attempt: number;
}

/** What a policy chooses. */
export interface ReshapingChoice {
  /** Sites besides those of the route to keep ready, best first. They are used after the route, in this order. */
  readonly learned: readonly string[];
}

/**
 * Decides from whom a site may receive a channel when its route fails: the place for rules, without I/O, time or
 * chance. A site's mechanisms carry the choice out: connections, standbys, make before break, resuming. [W47]
 */
export interface ReshapingPolicy {
  readonly name: string;
  /** False: a site that shuts down stops forwarding at once, as the first version of the Reflector paper did (Fig. 12). */
  readonly forwardsWhileLeaving: boolean;
  choose(facts: ReshapingFacts): ReshapingChoice;
  /** For how long a site of the route must have been well before it is used again, ms. @param failures of it */
  preferMs(failures: number): number;
}
