import type { Durability, EndpointId, ExecutorDeath } from "../stream/index.ts";
import type { Envelope } from "../trust/index.ts";
import type { AgentSpec, HandlerName, MoveResult } from "./model.ts";

/**
 * What a shell or an agent can ask of its session. A site implements it, one object for each shell and for each stream
 * with agents; values are packed. A shell in another process implements it over a socket. All failures are
 * MeanderErrors.
 */
export interface SessionPort extends StreamPort, ChannelPort {
  /** The caller's name as a sender: `shell-1f3a`, or the name of the agent's stream. */
  readonly name: string;
  /** The site that answers. */
  readonly site: string;
}

/** Channels: where publishing and subscribing from shells and agents belongs. Empty so far. */
// biome-ignore lint/suspicious/noEmptyInterface: a place for what shells and agents will do with channels
export interface ChannelPort {}

/** Streams. */
export interface StreamPort {
  /** As {@link StreamRef.append}. For an agent only the form that waits. */
  append(request: AppendRequest): Promise<AppendAnswer>;
  createStream(name: string, options: PlacementRequest): Promise<StreamView>;
  move(stream: string, to: string, deadlineMs: number | undefined): Promise<MoveResult>;
  /** The site checks and stores the code. @throws {MeanderError} `code-…` */
  attachAgent(stream: string, request: AttachRequest): Promise<AgentSpec>;
  detachAgent(stream: string, agent: string): Promise<void>;
  /** `source`: text of one function expression, or of a module that exports it; null: removes the handler. */
  replaceHandler(
    stream: string,
    agent: string,
    event: HandlerName,
    source: string | null,
    about?: ReplaceAbout,
  ): Promise<void>;
  destroyStream(stream: string): Promise<void>;
  /** @throws {MeanderError} `stream-unknown` */
  stream(name: string): Promise<StreamView>;
  streams(): Promise<readonly StreamView[]>;
}

/** What only a shell can ask. */
export interface ShellPort extends SessionPort {
  /** Wall clock of the site, ms. */
  now(): number;
  /** Resolves after that time on the clock of the site, which may be simulated. */
  sleep(ms: number): Promise<void>;
  sites(): Promise<readonly string[]>;
  inspect(stream: string): Promise<StreamInspection>;
  why(message: string): Promise<MessageStory>;
  /**
   * Acts on a dead letter, or, with `skip` and `retry`, on the message that halted the stream.
   *
   * @throws {MeanderError} `message-unknown`
   */
  deadLetter(
    stream: string,
    message: string,
    action: "skip" | "retry" | "replay",
    edited: Uint8Array | undefined,
  ): Promise<void>;
  evacuate(site: string): Promise<{ readonly moved: number; readonly failed: readonly string[] }>;
  setPolicy(scope: string, policy: readonly unknown[] | PolicyUpload): Promise<void>;
  /** The policies in force, by scope; scopes without one are left out. */
  policies(): Promise<Readonly<Record<string, PolicyView>>>;
  /**
   * The policies that a scope has and had, the newest first. Without a scope: the one in force of each.
   *
   * @throws {MeanderError} `policy-invalid`, `denied`
   */
  policyHistory(scope: string | undefined): Promise<readonly PolicyChange[]>;
  /**
   * Sets a policy of before again; without a number, the one before what is in force.
   *
   * @returns the number of what was set again; 0: the scope is without a policy again
   * @throws {MeanderError} `policy-invalid` when there is none, and what {@link setPolicy} throws
   */
  rollbackPolicy(scope: string, number: number | undefined): Promise<number>;
  /**
   * Tries a policy on the last requests that the scope's policy has judged. It is not in force for a moment.
   *
   * @throws {MeanderError} as {@link setPolicy}; `control-busy`
   */
  tryPolicy(
    scope: string,
    policy: readonly unknown[] | PolicyUpload,
    last: number | undefined,
  ): Promise<PolicyTrial>;
  /** Calls `listener` with events from now on. Returns an unsubscribe function. */
  onEvent(filter: EventFilter, listener: (event: StreamEvent) => void): () => void;
  /** Detaches. What was buffered is still delivered. Later calls fail with `shell-closed`. */
  close(): Promise<void>;
  /** Resolves when the port has ended: to undefined after `close`, else to the reason. */
  readonly closed: Promise<Error | undefined>;
}

export interface AppendRequest {
  readonly stream: string;
  /** Packed. */
  readonly payload: Uint8Array;
  /**
   * Packed messages to append to the same stream first: those that the agent's handler had appended before. Only for
   * `consumed`.
   */
  readonly before?: readonly Uint8Array[] | undefined;
  readonly until: "buffered" | "consumed";
  readonly timeoutMs: number | undefined;
  /** Only for `consumed`: rejects the append when it is aborted. The message is still delivered. */
  readonly signal?: AbortSignal | undefined;
  /** Only for `consumed` inside a handler: the streams that wait for it, the sender last. For finding cycles. */
  readonly chain?: readonly EndpointId[] | undefined;
}

export interface AppendAnswer {
  /** The message's name: `foo>bar#17`. */
  readonly id: string;
  /** Packed; undefined unless waited for. */
  readonly reply: Uint8Array | undefined;
}

export interface PlacementRequest {
  /** The answering site by default. */
  readonly at: string | undefined;
  readonly durability: Durability;
  readonly failureManagers: readonly string[];
}

export interface AttachRequest {
  /** A module whose default export is the definition. */
  readonly source: string;
  readonly file: string | undefined;
  /** Overrides the definition's. */
  readonly name: string | undefined;
  /** Packed; overrides the definition's. */
  readonly briefcase: Uint8Array | undefined;
  /** Only from agents: whose they are. Default: the caller. */
  readonly owner?: string | undefined;
  /** What the author of the source has signed. */
  readonly signed?: Envelope | undefined;
}

/** Besides the source of a handler. */
export interface ReplaceAbout {
  /** Only from agents: whose they are. Default: the caller. */
  readonly owner?: string | undefined;
  /** What the author of the source has signed. */
  readonly signed?: Envelope | undefined;
}

/** Code of a policy: a module whose default export is a definition with a `judge` handler. */
export interface PolicyUpload {
  readonly source: string;
  readonly file: string | undefined;
  /** Packed; overrides the definition's. */
  readonly briefcase: Uint8Array | undefined;
  /** What the author of the source has signed. */
  readonly signed?: Envelope | undefined;
}

/** A policy in force: its rules, in order, or what its code is. */
export type PolicyView =
  | readonly unknown[]
  | {
      readonly code: string;
      readonly file?: string | undefined;
      /** Who signed it. */
      readonly author?: string | undefined;
    };

/** A policy that a scope has or had. */
export interface PolicyChange {
  readonly scope: string;
  /** Counts the changes of its scope, from 1. */
  readonly number: number;
  /** When it was set, ms since 1970. Undefined, as is `by`: before changes were kept. */
  readonly at?: number | undefined;
  /** The principal that set it. */
  readonly by?: string | undefined;
  /** The name that its shell had chosen for itself. */
  readonly label?: string | undefined;
  /** How many rules it has, none: the scope had no policy; or what its code is. */
  readonly policy:
    | { readonly rules: number }
    | { readonly code: string; readonly file?: string | undefined };
  /** The number of the one that was set again; 0: the scope was without a policy again. */
  readonly restores?: number | undefined;
  readonly isInForce: boolean;
}

/** What a policy would have changed, had it judged the requests of before. */
export interface PolicyTrial {
  readonly scope: string;
  /** The requests of before that it was tried on. */
  readonly requests: number;
  /** Those that there was no time for. */
  readonly left: number;
  /** When the oldest was asked, ms since 1970; undefined: there is none. */
  readonly since?: number | undefined;
  /** How many would be refused that were allowed. */
  readonly refused: number;
  /** How many would be allowed that were refused. */
  readonly allowed: number;
  /** About how many it gave no verdict, because it threw or took too long: they are refused. */
  readonly failed: number;
  /** The longest that it took for a verdict, ms. */
  readonly slowestMs: number;
  /** The newest requests whose verdict would be another, the oldest of them first. */
  readonly changes: readonly {
    readonly at: number;
    readonly by: string;
    readonly label?: string | undefined;
    readonly action: string;
    readonly stream?: string | undefined;
    readonly site: string;
    readonly was: TriedVerdict;
    readonly would: TriedVerdict;
  }[];
}

/** What became of a request, or would. */
export interface TriedVerdict {
  readonly effect: "allow" | "deny";
  /** What denied it: `policy session, rule 1`, or the stream, when it is another's. */
  readonly rule?: string | undefined;
  readonly reason?: string | undefined;
}

/** A stream, as listed. */
export interface StreamView {
  readonly name: string;
  readonly id: number;
  readonly site: string;
  readonly streamEpoch: number;
  readonly status: "live" | "lost";
  readonly why: string | undefined;
  readonly durability: Durability;
  readonly failureManagers: readonly string[];
  readonly agents: readonly string[];
  /** Who wrote the agents whose code is signed, by agent: `ed25519:KEY`. Undefined: none is. */
  readonly authors?: Readonly<Record<string, string>> | undefined;
}

/** The inner state of a stream, as its site reports it. */
export interface StreamInspection extends StreamView {
  /** Messages waiting, in order; at most 100 of them. */
  readonly mailbox: readonly { readonly id: string; readonly bytes: number }[];
  readonly waiting: number;
  /** Whether a handler relocated it and the move has not ended yet. */
  readonly moving: boolean;
  /** Why it runs nothing, like all streams of its site; undefined: it does. */
  readonly halted: string | undefined;
  /** The message or event that runs, is retried, or halted the stream. */
  readonly current:
    | {
        readonly id: string;
        readonly attempt: number;
        readonly state: "running" | "retrying" | "halted";
        readonly forMs: number;
        readonly error: string | undefined;
      }
    | undefined;
  readonly senders: readonly { readonly name: string; readonly consumed: number }[];
  readonly receivers: readonly {
    readonly name: string;
    readonly next: number;
    readonly unacknowledged: number;
    readonly window: number;
    readonly roundTripMs: number;
  }[];
  readonly deadLetters: readonly {
    readonly id: string;
    readonly error: string;
    readonly attempts: number;
    /** The executors that ended while it ran. */
    readonly deaths: readonly ExecutorDeath[];
    /** Packed. */
    readonly payload: Uint8Array;
  }[];
  readonly counts: Readonly<Record<string, number>>;
  /** Packed, by agent. */
  readonly briefcases: Readonly<Record<string, Uint8Array>>;
}

/** Where a message is, and why. */
export interface MessageStory {
  readonly id: string;
  readonly state:
    | "unknown"
    | "held"
    | "sent"
    | "waiting"
    | "running"
    | "retrying"
    | "halted"
    | "consumed"
    | "dead-lettered"
    | "discarded";
  /** Sentences for people, from the sender to the receiver. */
  readonly steps: readonly string[];
}

export interface EventFilter {
  /** Only of this stream. */
  readonly stream?: string | undefined;
  readonly types?: readonly StreamEvent["type"][] | undefined;
}

/** What happens to streams, reported by the site that observes it. `at`: wall clock, ms; `site`: the reporting site. */
export type StreamEvent = {
  readonly at: number;
  readonly site: string;
  readonly stream: string;
} & (
  | { readonly type: "created" | "destroyed" }
  | {
      readonly type: "moved";
      readonly from: string;
      readonly to: string;
      readonly streamEpoch: number;
      readonly ms: number;
    }
  | { readonly type: "move-aborted"; readonly to: string; readonly reason: string }
  | {
      readonly type: "recovered";
      readonly lostSite: string;
      readonly to: string;
      readonly streamEpoch: number;
    }
  | { readonly type: "agent-attached" | "agent-detached"; readonly agent: string }
  | { readonly type: "handler-replaced"; readonly agent: string; readonly event: string }
  | { readonly type: "consumed"; readonly message: string; readonly ms: number }
  | {
      readonly type: "failed";
      readonly message: string;
      readonly attempt: number;
      readonly error: string;
      readonly then: string;
    }
  | {
      readonly type: "dead-lettered" | "discarded";
      readonly message: string;
      readonly reason: string;
    }
  | {
      readonly type: "denied";
      readonly action: string;
      readonly by: string;
      readonly reason: string;
    }
  | { readonly type: "output"; readonly agent: string; readonly line: string }
  /** `count` events were dropped, because their reader was too slow. `stream`: the one that it filters by, or empty. */
  | { readonly type: "missed"; readonly count: number }
);
