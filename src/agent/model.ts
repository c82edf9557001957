import type { CodeSource } from "../code/index.ts";
import type { Durability } from "../stream/index.ts";
import type { Author } from "../trust/index.ts";

/**
 * The events that an agent may handle, `append` for messages, `judge` for the requests that a policy decides: the one
 * list of them, which schemas and types are made from.
 */
export const HANDLER_NAMES = [
  "init",
  "append",
  "departure",
  "arrival",
  "failure",
  "siteJoined",
  "siteLeft",
  "siteFailed",
  "agentAttached",
  "agentDetached",
  "clientAttached",
  "clientDetached",
  "timer",
  "finalize",
  "judge",
] as const;
export type HandlerName = (typeof HANDLER_NAMES)[number];

/** Code of an agent as text: a module whose default export is a definition, made by `defineAgent`. */
export type AgentModule = CodeSource;

/** A policy as the text of a module, with the briefcase that it starts with in place of its own. */
export interface PolicyModule extends AgentModule {
  readonly briefcase?: object | undefined;
}

/** What becomes of a message whose handler throws. */
export interface ErrorPolicy {
  /** Attempts after the first one. 0..100 */
  readonly retry: number;
  /** Pause before the first of them, ms; doubles each time, up to 10 s. */
  readonly backoffMs: number;
  readonly then: "deadLetter" | "skip" | "halt";
}

/** Bounds of one agent. */
export interface AgentLimits {
  /** Longest run of one handler, ms; past it the handler is killed, and counts as failed. 1..600 000 */
  readonly handlerMs: number;
  /** Memory of the process that runs it, MiB: heap, ArrayBuffers and everything else, beyond what an empty one has. */
  readonly memoryMb: number;
  /** Packed briefcase, bytes. */
  readonly briefcaseBytes: number;
}

/**
 * Where an agent runs: in a process with the others of its owner (`process`), in one of its own (`thread`), or in the
 * site's main thread (`inline`), where the site allows it.
 */
export type Isolation = "inline" | "process" | "thread";

/**
 * An agent as it is stored and sent: everything but the content of its briefcase. Plain JSON. Code is found by its hash
 * in the directory's blobs and in each visited site's cache.
 */
export interface AgentSpec {
  /** One per stream. Letters, digits, `-`, `_`; 1 to 40. */
  readonly name: string;
  /** Of the prepared code ({@link PreparedCode.sha256}). */
  readonly code: string;
  /**
   * Replaced handlers: the event, and the hash of the prepared code whose default export is the handler; null: removed.
   */
  readonly replaced: Readonly<Partial<Record<HandlerName, string | null>>>;
  readonly isolation: Isolation;
  readonly limits: AgentLimits;
  readonly onError: ErrorPolicy;
  /** Who uploaded it: the shell or stream. Agents of one owner share a process. */
  readonly owner: string;
}

export const DEFAULT_LIMITS: AgentLimits = {
  handlerMs: 5_000,
  memoryMb: 64,
  briefcaseBytes: 1024 * 1024,
};
// biome-ignore lint/suspicious/noThenProperty: what is done then; a policy is never awaited
export const DEFAULT_ON_ERROR: ErrorPolicy = { retry: 3, backoffMs: 50, then: "deadLetter" };

/** An agent as part of a stream's state; travels. */
export interface AgentState {
  readonly spec: AgentSpec;
  /** Packed. */
  readonly briefcase: Uint8Array;
}

/** Options of a new stream. */
export interface StreamOptions {
  /** Site to put it on; the creator's home site by default. */
  readonly at?: string | undefined;
  readonly durability?: Durability | undefined;
  /** Sites to take it over when its own fails, best first; the leader is always the last. */
  readonly failureManagers?: readonly string[] | undefined;
}

/** A message's outcome for a sender that waited. */
export interface Appended {
  /**
   * The message's name: `foo>bar#17`. Empty for a handler that does not wait: the message has none before the handler
   * has ended.
   */
  readonly id: string;
  /** What the handler returned; undefined unless waited for. */
  readonly reply: unknown;
}

export interface AppendOptions {
  /** `buffered` (default): settled when it is kept for sending. `consumed`: when all handlers have ended. */
  readonly until?: "buffered" | "consumed" | undefined;
  /** Only for `consumed`; required inside a handler. The message stays on its way after the timeout. */
  readonly timeoutMs?: number | undefined;
}

/** A stream, as seen by a handler or a shell. */
export interface StreamRef {
  readonly name: string;
  /**
   * Appends a message.
   *
   * Inside a handler the message leaves when the handler has succeeded; with `until: "consumed"` at once, together with
   * the earlier ones to the same stream.
   *
   * @throws {MeanderError} `value-uncloneable`, `message-too-large`, `stream-unknown`, `append-denied`,
   *   `append-timeout`, `call-cycle`, `handler-failed`, `stream-destroyed`
   */
  append(value: unknown, options?: AppendOptions): Promise<Appended>;
  /** Moves it. Waits for the end of its current message. @throws {MeanderError} `move-…`, `site-unknown`, `denied` */
  move(to: string, options?: { readonly deadlineMs?: number }): Promise<MoveResult>;
  /** Attaches an agent: a definition, or the text of a module. `author`, at a shell, signs it. */
  registerAgent(
    // biome-ignore lint/suspicious/noExplicitAny: agents with any briefcase
    agent: AgentDefinition<any> | AgentModule,
    options?: { readonly name?: string; readonly briefcase?: object; readonly author?: Author },
  ): Promise<AgentRef>;
  agent(name: string): AgentRef;
  /** The site it is at. */
  location(): Promise<string>;
  destroy(): Promise<void>;
}

export interface MoveResult {
  readonly from: string;
  readonly to: string;
  readonly streamEpoch: number;
  /** How long it took, ms. */
  readonly ms: number;
}

/** An agent of a stream. */
export interface AgentRef {
  readonly name: string;
  readonly stream: string;
  /** Replaces one handler between two messages; null removes it. `author`, at a shell, signs it. */
  replaceHandler(
    event: HandlerName,
    handler: Handler | string | null,
    options?: { readonly author?: Author },
  ): Promise<void>;
  /** Detaches it: its finalize handler runs at every site it visited. */
  detach(): Promise<void>;
}

// biome-ignore lint/suspicious/noExplicitAny: handlers of all events, whose second arguments differ
export type Handler = (ctx: AgentContext<any>, argument: any) => unknown;

/**
 * The argument of `defineAgent`: data, and functions that use nothing but their arguments, each other through `ctx`,
 * and the language itself.
 */
export interface AgentDefinition<Briefcase extends object = Record<string, unknown>> {
  /** Letters, digits, `-`, `_`. Default: `agent`. */
  readonly name?: string;
  /** What it starts with: the only state that travels. */
  readonly briefcase?: Briefcase;
  /** `worker` is the earlier name of `process`. */
  readonly isolation?: Isolation | "worker";
  readonly limits?: Partial<AgentLimits>;
  readonly onError?: Partial<ErrorPolicy>;
  readonly on: {
    /** Once per visited site, before anything else there. */
    readonly init?: (ctx: AgentContext<Briefcase>) => unknown;
    /** A message. What it returns is the reply to a sender that waits. */
    // biome-ignore lint/suspicious/noExplicitAny: the message's type is between sender and handler
    readonly append?: (ctx: AgentContext<Briefcase>, message: any) => unknown;
    readonly departure?: (ctx: AgentContext<Briefcase>, event: { readonly to: string }) => unknown;
    readonly arrival?: (ctx: AgentContext<Briefcase>, event: { readonly from: string }) => unknown;
    readonly failure?: (
      ctx: AgentContext<Briefcase>,
      event: { readonly lostSite: string },
    ) => unknown;
    readonly siteJoined?: SiteHandler<Briefcase>;
    readonly siteLeft?: SiteHandler<Briefcase>;
    readonly siteFailed?: SiteHandler<Briefcase>;
    readonly agentAttached?: AgentHandler<Briefcase>;
    readonly agentDetached?: AgentHandler<Briefcase>;
    readonly clientAttached?: ClientHandler<Briefcase>;
    readonly clientDetached?: ClientHandler<Briefcase>;
    /** The value given to `ctx.timer`. */
    // biome-ignore lint/suspicious/noExplicitAny: chosen by the agent itself
    readonly timer?: (ctx: AgentContext<Briefcase>, value: any) => unknown;
    readonly finalize?: (ctx: AgentContext<Briefcase>) => unknown;
    /**
     * Of a policy: decides about a request. `true` allows; `false` denies, and so do an exception and everything that
     * is no verdict. Agents of streams are never asked.
     */
    readonly judge?: (
      ctx: AgentContext<Briefcase>,
      request: PolicyRequest,
    ) => boolean | Verdict | Promise<boolean | Verdict>;
  };
}

/** What a policy decides. */
export interface Verdict {
  readonly effect: "allow" | "deny";
  /** For the requester that was denied; at most 500 characters. */
  readonly reason?: string | undefined;
  /** Of an `open` that is allowed: how long that holds, ms; default and most: `LIMITS.grantMs`. */
  readonly forMs?: number | undefined;
}

/** What a request is about, besides stream and site, as far as that is known. */
export interface PolicyFacts {
  /** The agent that is attached or detached, or of which a handler is replaced. */
  readonly agent?: string | undefined;
  /** The event whose handler is replaced. */
  readonly handler?: string | undefined;
  /** Hash of the code that comes with it, prepared: what `policy show` and the audit log name it by. */
  readonly hash?: string | undefined;
  /** Hash of the code that this takes the place of: the handler's, else its agent's; a policy's. */
  readonly replaces?: string | undefined;
  /** Of the code that comes with it and of the briefcase that it starts with, bytes. */
  readonly size?: number | undefined;
  /** What the agent may use that is attached, or of which a handler is replaced. */
  readonly limits?: AgentLimits | undefined;
  /** Where a stream is that moves, or where it was before it is taken over. */
  readonly from?: string | undefined;
  /** Where it is going. */
  readonly to?: string | undefined;
  /** Of a `create`: how many streams who asks has, with those that it is creating. */
  readonly streams?: number | undefined;
  /** Of an `attach`: how many agents the stream has. */
  readonly agents?: number | undefined;
  /** Whose policy is set: `sites/NAME`, `streams/NAME`. */
  readonly scope?: string | undefined;
}

/** A request, as a policy sees it. */
export interface PolicyRequest extends PolicyFacts {
  /**
   * About a stream: `create`, `move`, `attach`, `detach`, `replace`, `destroy`, `inspect`, `dead-letter`, `open`. About
   * a site: `join`, `leave`, `client-attach`, `client-detach`, `configure`. `policy`: about either.
   */
  readonly action: string;
  /** When it was asked, ms since 1970. A policy that goes by time goes by this, so that it can be tried on the past. */
  readonly at: number;
  /** The principal that asks: `subject:alice`, `stream:radio`, `site:north`, `anonymous`. */
  readonly by: string;
  /** The name that a shell has chosen for itself: anybody may choose any. */
  readonly label?: string | undefined;
  /** Who signed the code that is brought or, where none is, that asks: `ed25519:KEY`. Undefined: it is not signed. */
  readonly author?: string | undefined;
  /** The stream it is about; undefined: it is about a site. */
  readonly stream?: string | undefined;
  /** The principal that created the stream; undefined: it is about to be created, or there is none. */
  readonly owner?: string | undefined;
  /** The site that the stream would be at, or that it is about. */
  readonly site: string;
}

type SiteHandler<B extends object> = (
  ctx: AgentContext<B>,
  event: { readonly site: string },
) => unknown;
type AgentHandler<B extends object> = (
  ctx: AgentContext<B>,
  event: { readonly agent: string },
) => unknown;
type ClientHandler<B extends object> = (
  ctx: AgentContext<B>,
  event: { readonly client: string },
) => unknown;

/** What a handler sees of the world; there is nothing else. */
export interface AgentContext<Briefcase extends object = Record<string, unknown>> {
  /** Travels with the stream; committed when the handler ends well, else as before. May be changed and replaced. */
  briefcase: Briefcase;
  /** Stays at this site; never travels, and is not rolled back. */
  readonly local: Record<string, unknown>;
  /** The stream's name. */
  readonly stream: string;
  readonly agent: string;
  /** The site it is at. */
  readonly location: string;
  /** The message being consumed; undefined for other events. */
  readonly message:
    | { readonly id: string; readonly from: string; readonly attempt: number }
    | undefined;
  /** A stream to append to. An unknown one fails the handler. */
  open(name: string): StreamRef;
  group(names: readonly string[]): GroupRef;
  /** Moves this stream when the handler has ended well. */
  relocate(site: string): void;
  /** Calls the `timer` handler with `value` in `delayMs`; the timer travels. */
  timer(delayMs: number, value?: unknown): void;
  createStream(name: string, options?: StreamOptions): Promise<StreamRef>;
  /** Detaches this agent after the handler. */
  exit(): void;
  /** To the site's log and to attached shells, with stream, agent and site. `console.log` does the same. */
  log(...values: unknown[]): void;
  /** Wall clock of the site, ms since 1970. */
  now(): number;
  /** From 0 inclusive to 1 exclusive. */
  random(): number;
}

/** Several streams. */
export interface GroupRef {
  /** To each member, in order. */
  append(value: unknown, options?: AppendOptions): Promise<ReadonlyMap<string, Appended | Error>>;
}
