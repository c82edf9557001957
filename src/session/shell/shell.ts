import type {
  AgentDefinition,
  AgentModule,
  AgentRef,
  Appended,
  EventFilter,
  MessageStory,
  MoveResult,
  PolicyChange,
  PolicyModule,
  PolicyTrial,
  PolicyUpload,
  PolicyView,
  ShellPort,
  StreamOptions,
  StreamRef,
  StreamView,
} from "../../agent/define/index.ts";
import type { Author } from "../../trust/index.ts";
import { packValue } from "../../wire/index.ts";
import { AbortWatch } from "./abort-watch.ts";
import { EventReader } from "./event-reader.ts";
import { type Inspection, unpackInspection } from "./inspection.ts";
import {
  checkMs,
  type RegisterOptions,
  type ShellAppendOptions,
  ShellStream,
  uploadOf,
} from "./shell-stream.ts";
import { StreamGroup } from "./stream-group.ts";
import { vouch } from "./vouch.ts";

/**
 * Controls a session from outside: creates streams, attaches agents, appends, moves and inspects. It may close at any
 * time; what it created remains.
 *
 * ```ts
 * await using shell = await connect("http://127.0.0.1:7000");
 * await shell.createStream("foo");
 * await shell.registerAgent("foo", { on: { append: (ctx, message) => ctx.log(message) } });
 * await shell.append("foo", "Hello world");
 * ```
 *
 * Every method rejects with the MeanderError that the session answers, with `shell-closed` after `close`, and with
 * `shell-disconnected` when the connection is lost.
 */
export class Shell implements AsyncDisposable {
  /** [S1] Settles when it has ended: undefined after `close`, else why. */
  readonly closed: Promise<Error | undefined>;
  readonly #port: ShellPort;
  readonly #aborts = new AbortWatch();

  /** @param port owned from now on */
  constructor(port: ShellPort) {
    this.#port = port;
    this.closed = port.closed;
  }

  /** Its name as a sender of messages: `shell-1f3a`. */
  get name(): string {
    return this.#port.name;
  }

  /** The site that it is attached to. */
  get site(): string {
    return this.#port.site;
  }

  /** @throws {MeanderError} `stream-exists`, `stream-name-invalid`, `site-unknown`, `denied` */
  async createStream(name: string, options: StreamOptions = {}): Promise<ShellStream> {
    const { at, durability = { type: "none" }, failureManagers = [] } = options;
    await this.#port.createStream(name, { at, durability, failureManagers });
    return this.#stream(name);
  }

  /** A stream that exists. @throws {MeanderError} `stream-unknown` */
  async open(name: string): Promise<ShellStream> {
    await this.#port.stream(name);
    return this.#stream(name);
  }

  /** A group of streams to append to together; duplicate names are ignored. */
  group(members: readonly (string | StreamRef)[]): StreamGroup {
    const names = members.map((member) => (typeof member === "string" ? member : member.name));
    return new StreamGroup([...new Set(names)].map((name) => this.#stream(name)));
  }

  /** {@link StreamRef.registerAgent} of the stream of that name. */
  registerAgent<Briefcase extends object>(
    stream: string,
    agent: AgentDefinition<Briefcase> | AgentModule,
    options?: RegisterOptions,
  ): Promise<AgentRef> {
    return this.#stream(stream).registerAgent(agent, options);
  }

  /** {@link StreamRef.append} to the stream of that name. */
  append(stream: string, value: unknown, options?: ShellAppendOptions): Promise<Appended> {
    return this.#stream(stream).append(value, options);
  }

  /** {@link StreamRef.move} of the stream of that name. */
  move(
    stream: string,
    to: string,
    options?: { readonly deadlineMs?: number },
  ): Promise<MoveResult> {
    return this.#stream(stream).move(to, options);
  }

  /** {@link StreamRef.destroy} of the stream of that name. */
  destroy(stream: string): Promise<void> {
    return this.#stream(stream).destroy();
  }

  /** All streams of the session. */
  streams(): Promise<readonly StreamView[]> {
    return this.#port.streams();
  }

  /** Names of all sites of the session. */
  sites(): Promise<readonly string[]> {
    return this.#port.sites();
  }

  /** The inner state of a stream. @throws {MeanderError} `stream-unknown` */
  async inspect(stream: string): Promise<Inspection> {
    return unpackInspection(await this.#port.inspect(stream));
  }

  /** Where a message is, and why. @param id as `append` gave it: `foo>bar#17` */
  why(id: string): Promise<MessageStory> {
    return this.#port.why(id);
  }

  /** Messages that were set aside, oldest first. @throws {MeanderError} `stream-unknown` */
  async deadLetters(stream: string): Promise<Inspection["deadLetters"]> {
    return (await this.inspect(stream)).deadLetters;
  }

  /** Discards a dead letter, or skips the message that halted the stream. @throws {MeanderError} `message-unknown` */
  skip(stream: string, id: string): Promise<void> {
    return this.#port.deadLetter(stream, id, "skip", undefined);
  }

  /** Retries a dead letter, or the message that halted the stream. @throws {MeanderError} `message-unknown` */
  retry(stream: string, id: string): Promise<void> {
    return this.#port.deadLetter(stream, id, "retry", undefined);
  }

  /**
   * Replays a dead letter, behind the messages that wait.
   *
   * @param edited the payload to use instead; undefined: its own
   * @throws {MeanderError} `message-unknown`, `value-uncloneable`
   */
  async replay(stream: string, id: string, edited?: unknown): Promise<void> {
    const payload = edited === undefined ? undefined : packValue(edited);
    await this.#port.deadLetter(stream, id, "replay", payload);
  }

  /** Moves all streams away from a site. `failed`: those that stayed, with the reason. */
  evacuate(site: string): Promise<{ readonly moved: number; readonly failed: readonly string[] }> {
    return this.#port.evacuate(site);
  }

  /**
   * Replaces the policy of a scope, `session`, `sites/NAME` or `streams/NAME`, between two requests.
   *
   * @param policy rules, in order; none: there is no policy any more. Or code: a definition with a `judge` handler, or
   *   the text of a module that exports one, which `author` signs. The policy that was in force stays when the code cannot be started
   * @throws {MeanderError} `policy-invalid`, `denied`, `token-denied`, `code-…`, `agent-invalid`, `executor-failed`
   */
  async setPolicy<Briefcase extends object>(
    scope: string,
    policy: readonly unknown[] | AgentDefinition<Briefcase> | PolicyModule,
    options: { readonly author?: Author } = {},
  ): Promise<void> {
    if (isRules(policy)) return await this.#port.setPolicy(scope, policy);
    const upload = policyUpload(policy);
    const claim = { kind: "policy", source: upload.source, scope } as const;
    const signed = await vouch(this.#port, options.author, claim);
    await this.#port.setPolicy(scope, { ...upload, signed });
  }

  /** The policies in force, by scope: their rules, or what their code is. Scopes without one are left out. */
  policies(): Promise<Readonly<Record<string, PolicyView>>> {
    return this.#port.policies();
  }

  /**
   * The policies that a scope has and had, the newest first: when each was set, by whom, and what it is. Without a
   * scope: the one in force of each.
   *
   * @throws {MeanderError} `policy-invalid`, `denied`
   */
  policyHistory(scope?: string): Promise<readonly PolicyChange[]> {
    return this.#port.policyHistory(scope);
  }

  /**
   * Sets a policy of before again. It is checked like one that is set, and a change of its own: two in a row undo each
   * other.
   *
   * @param number which one, from {@link policyHistory}; undefined: the one before what is in force
   * @returns the number of what was set again; 0: the scope is without a policy, as before its first
   * @throws {MeanderError} `policy-invalid` when there is none, and what {@link setPolicy} throws
   */
  rollbackPolicy(scope: string, number?: number): Promise<number> {
    return this.#port.rollbackPolicy(scope, number);
  }

  /**
   * Tries a policy on the last requests that a scope's policy has judged, and tells what would have been different. It
   * is not in force for a moment. Requests of before stay known while the leader runs.
   *
   * @param last at most so many requests; undefined: all that are known
   * @throws {MeanderError} as {@link setPolicy}; `control-busy` while others are tried
   */
  tryPolicy<Briefcase extends object>(
    scope: string,
    policy: readonly unknown[] | AgentDefinition<Briefcase> | PolicyModule,
    last?: number,
  ): Promise<PolicyTrial> {
    return this.#port.tryPolicy(scope, isRules(policy) ? policy : policyUpload(policy), last);
  }

  /**
   * [S2] Events of streams from this call on, until the loop is left, `signal` is aborted, or the shell is closed. The
   * loop throws when the connection is lost.
   */
  events(filter: EventFilter = {}, options: { readonly signal?: AbortSignal } = {}): EventReader {
    return new EventReader(this.#port, filter, options.signal);
  }

  /** Wall clock of the site, ms since 1970. */
  now(): number {
    return this.#port.now();
  }

  /**
   * Resolves after that time on the clock of the site, which may be simulated.
   *
   * @throws {MeanderError} `option-invalid`
   */
  async sleep(ms: number, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    checkMs("sleep", ms);
    options.signal?.throwIfAborted();
    await this.#aborts.race(this.#port.sleep(ms), options.signal);
  }

  /** Detaches from the site. Messages that were appended are still delivered. */
  close(): Promise<void> {
    return this.#port.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #stream(name: string): ShellStream {
    return new ShellStream(this.#port, name, this.#aborts);
  }
}

function policyUpload<Briefcase extends object>(
  policy: AgentDefinition<Briefcase> | PolicyModule,
): PolicyUpload {
  const own = policy.briefcase === undefined ? {} : { briefcase: policy.briefcase };
  const { source, file, briefcase } = uploadOf(policy, own);
  return { source, file, briefcase: briefcase === undefined ? undefined : packValue(briefcase) };
}

function isRules(policy: object): policy is readonly unknown[] {
  return Array.isArray(policy);
}
