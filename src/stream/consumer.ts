import type { EndpointId } from "./model.ts";

/** A message as a stream's consumer gets it. */
export interface Delivery {
  /** The sender. */
  readonly from: EndpointId;
  /** Its name, for people and handlers: `foo`, `shell-1f3a`. */
  readonly fromName: string;
  /** Of its last segment; with the two ends it names the message. */
  readonly seq: number;
  /** 1 for the first time. */
  readonly attempt: number;
  /** Of the earlier attempts, those that ended their executor. */
  readonly deaths: number;
  /** A value in the form of `packValue`. Not to be changed. */
  readonly payload: Uint8Array;
  /** The streams whose handlers wait for this message: for finding cycles of synchronous appends. */
  readonly chain: readonly EndpointId[];
}

/** A message that a handler sends. */
export interface Append {
  /** Name of the stream. */
  readonly to: string;
  readonly payload: Uint8Array;
}

/** A timer that a handler sets: the `timer` event comes with this value, wherever the stream is by then. */
export interface TimerRequest {
  readonly agent: string;
  readonly delayMs: number;
  readonly payload: Uint8Array;
}

/** What a message or an event led to; takes effect as one, or not at all. */
export interface Effects {
  /** In the order of the calls. */
  readonly appends: readonly Append[];
  readonly timers: readonly TimerRequest[];
  /** The site to move to. */
  readonly relocate: string | undefined;
  /** What the append handler returned, for a sender that waits; packed. */
  readonly reply: Uint8Array | undefined;
  /** Whether {@link Consumer.snapshot} differs from before. */
  readonly changed: boolean;
  /** False: no agent had an append handler, and the message is counted as `noHandler`. */
  readonly handled: boolean;
  /** Of an event: the handlers that failed, and took no part in these effects. Absent: none. */
  readonly failures?: readonly EventFailure[];
}

export const NO_EFFECTS: Effects = {
  appends: [],
  timers: [],
  relocate: undefined,
  reply: undefined,
  changed: false,
  handled: true,
};

/** Why a handler failed, for people and for a sender that waits. */
export interface Fault {
  /** `handler-failed`, `handler-deadline`, `executor-failed`, `stream-unknown`, … */
  readonly code: string;
  readonly message: string;
  /** The agent whose handler it was. */
  readonly agent: string;
  /**
   * What ran the handler ended while it ran: killed at its deadline or its memory bound, or ended by the engine. The
   * same call may do the same again. Absent: it did not.
   */
  readonly endedExecutor?: true;
}

/** How often something was tried before. */
export interface Tries {
  /** Which attempt the next one is; 1 for the first. */
  readonly attempt: number;
  /** Of the earlier ones, those that ended their executor. */
  readonly deaths: number;
  /** Of the earlier ones, those that failed for no fault of the handler. */
  readonly spared: number;
}

/** Handlers of events that are tried again when they fail. */
export const EVENT_HANDLERS: readonly LifecycleEvent["type"][] = [
  ...(["departure", "arrival", "failure", "siteJoined", "siteLeft", "siteFailed"] as const),
  ...(["agentAttached", "agentDetached", "clientAttached", "clientDetached", "timer"] as const),
];

/** One agent's handler of an event, and what it is called with. */
export interface EventCall {
  readonly agent: string;
  readonly handler: LifecycleEvent["type"] | "finalize";
  /** Packed. */
  readonly argument: Uint8Array;
}

/** A handler of an event that failed; its agent is as it was before. */
export interface EventFailure {
  readonly call: EventCall;
  readonly fault: Fault;
  readonly then: FailureAction;
  /** It is not the handler's fault: its agent did not start, or was ended because of another. Default false. */
  readonly isSpared?: boolean;
}

/** What became of one delivery. */
export type Outcome =
  | { readonly type: "consumed"; readonly effects: Effects }
  /** Every agent is as it was before the delivery. */
  | { readonly type: "failed"; readonly fault: Fault; readonly then: FailureAction }
  /**
   * Not begun, because of {@link Consumer.interrupt}; or what ran it ended because of another call, and it never
   * happened.
   */
  | { readonly type: "interrupted" };

/** What the agent's error policy says for this attempt. */
export type FailureAction =
  | { readonly type: "retry"; readonly afterMs: number }
  | { readonly type: "dead-letter" }
  | { readonly type: "skip" }
  | { readonly type: "halt" };

/** What happens to a stream besides messages. */
export type LifecycleEvent =
  | { readonly type: "departure"; readonly to: string }
  | { readonly type: "arrival"; readonly from: string }
  | { readonly type: "failure"; readonly lostSite: string }
  | { readonly type: "siteJoined" | "siteLeft" | "siteFailed"; readonly site: string }
  | { readonly type: "agentAttached" | "agentDetached"; readonly agent: string }
  | { readonly type: "clientAttached" | "clientDetached"; readonly client: string }
  /** Only for the agent that set it. */
  | { readonly type: "timer"; readonly agent: string; readonly payload: Uint8Array };

/**
 * What consumes the messages of a stream: its agents. The kernel never has two calls running at once for one stream,
 * and changes the configuration only between them (atomic handler execution).
 */
export interface Consumer {
  /** How many deliveries it takes at once with use; 1 when several agents have to keep in step. */
  readonly batchMax: number;
  /** Whether what it runs next could end the process of its site. Default false. */
  readonly sharesProcess?: boolean;
  /**
   * Runs the deliveries in order, one at a time. `done` is called once for each, in order, perhaps before this returns.
   * After a failure the rest are `interrupted`. `more`: the next outcome follows before anything else happens, and
   * {@link snapshot} may be ahead until the last of them.
   */
  consume(
    batch: readonly Delivery[],
    done: (index: number, outcome: Outcome, more?: boolean) => void,
  ): void;
  /** Those not begun yet end as `interrupted`. */
  interrupt(): void;
  /**
   * Runs the handlers of an event; those that fail are told as {@link Effects.failures}. `done` is called once, perhaps
   * before this returns.
   */
  notify(event: LifecycleEvent, done: (effects: Effects) => void): void;
  /**
   * Runs one handler that failed again, as {@link notify}. Without that agent or handler it is over.
   *
   * @param tries its attempt is 2 for the second run
   */
  recall(call: EventCall, tries: Tries, done: (effects: Effects) => void): void;
  /** The committed state of all agents, packed. Borrowed: it is never changed. */
  snapshot(): Uint8Array;
  /**
   * Frees what it holds; nothing is called any more, running handlers are left to their end or killed, and what they
   * did is void.
   */
  close(): void;
}
