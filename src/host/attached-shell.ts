import type {
  AppendAnswer,
  AppendRequest,
  EventFilter,
  MessageStory,
  PolicyChange,
  PolicyTrial,
  PolicyUpload,
  PolicyView,
  ShellPort,
  StreamEvent,
  StreamInspection,
  StreamView,
} from "../agent/index.ts";
import { delay, LIMITS, MeanderError, messageOf } from "../base/index.ts";
import {
  type Asker,
  type AskerClaim,
  allowsStream,
  checkScope,
  type JudgeAnswer,
  type ShellIdentity,
  type StreamRecord,
  signature,
} from "../session/index.ts";
import {
  type EndpointId,
  formatMessageName,
  parseMessageName,
  type ShellEndpoint,
  type StreamKernel,
} from "../stream/index.ts";
import { type Audit, type AuditOutcome, auditOutcome } from "../trust/index.ts";
import { packValue, unpackValue } from "../wire/index.ts";
import { awaitReply } from "./await-reply.ts";
import type { EventFeed } from "./event-feed.ts";
import { EventReader } from "./event-reader.ts";
import type { PolicyGuard } from "./policy-guard.ts";
import type { SiteCalls } from "./ports.ts";
import type { SessionSites } from "./session-sites.ts";
import { askerOf, claimOf } from "./shell-identity.ts";
import { ShellPolicies } from "./shell-policies.ts";
import { type SessionAccess, SiteSessionPort } from "./site-session-port.ts";

/** What an {@link AttachedShell} uses. */
export interface ShellAccess extends SessionAccess {
  readonly sessionSites: Pick<SessionSites, "all" | "instanceOf" | "leader">;
  readonly calls: SiteCalls;
  readonly kernel: Pick<StreamKernel, "turn" | "openShell" | "closeShell">;
  readonly events: Pick<EventFeed, "listen">;
  readonly policy: Pick<PolicyGuard, "authorise" | "reportDenial" | "mayRead">;
  readonly audit: Audit;
  /** Whether the site has stopped, and delivers nothing any more. */
  isStopped(): boolean;
}

/**
 * How long the messages of a detached shell are still delivered, and how often the shell checks whether they are
 * consumed, ms.
 */
const DRAIN_MS_MAX = 600_000;
const DRAIN_MS = 1_000;

/** Events that say no more than the list of streams does. */
const PUBLIC_EVENTS: readonly StreamEvent["type"][] = [
  "created",
  "destroyed",
  "moved",
  "move-aborted",
  "recovered",
];

/**
 * A shell that is attached to this site: it sends its messages from here, and completes their delivery after the shell
 * has detached.
 */
export class AttachedShell extends SiteSessionPort<ShellAccess> implements ShellPort {
  readonly name: string;
  readonly closed: Promise<Error | undefined>;
  readonly endpoint: ShellEndpoint;
  protected readonly claim: AskerClaim;
  readonly #identity: ShellIdentity;
  readonly #onDetached: () => void;
  readonly #policies: ShellPolicies;
  readonly #undo = new Set<() => void>();
  /** The last append that waits for room, by receiver. */
  readonly #queues = new Map<EndpointId, Promise<void>>();
  #end: (error: Error | undefined) => void = () => {};
  #isClosed = false;

  constructor(access: ShellAccess, name: string, identity: ShellIdentity, onDetached: () => void) {
    super(access);
    this.name = name;
    this.#identity = identity;
    this.#onDetached = onDetached;
    this.claim = claimOf(identity, name);
    const { by } = this.claim;
    this.endpoint = access.kernel.openShell(name, by === "anonymous" ? undefined : by);
    this.#policies = new ShellPolicies({ access, claim: this.claim, asker: () => this.#asker });
    this.closed = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  protected get codeOwner(): string {
    return this.#asker.codeOwner;
  }

  /** Who asks, as this site knows it. A site's own program administers the session that the site leads. */
  get #asker(): Asker {
    const { principal } = this.#identity;
    const leads = principal.kind === "site" && this.access.sessionSites.leader === principal.name;
    return askerOf(this.#identity, this.name, this.site, leads);
  }

  async append(request: AppendRequest): Promise<AppendAnswer> {
    this.#checkOpen();
    const { stream, payload, before = [], until, timeoutMs, signal } = request;
    if (payload.byteLength > LIMITS.streamMessageBytesMax)
      throw new MeanderError(
        "message-too-large",
        `the message has ${payload.byteLength} bytes packed`,
        {
          where: `append to ${stream}`,
          expected: `at most ${LIMITS.streamMessageBytesMax}`,
        },
      );
    const record = await this.find(stream);
    checkScope(this.#asker, { action: "append", stream, site: record.site });
    const target = { target: record.id, targetName: record.name };
    await this.#room(record.id);
    this.#checkOpen();
    const { kernel, clock } = this.access;
    if (until === "buffered") {
      const seq = kernel.turn(() => this.endpoint.send(target, payload));
      return { id: formatMessageName({ from: this.name, to: stream, seq }), reply: undefined };
    }
    return await awaitReply(clock, { timeoutMs, signal }, (waiter) => {
      const seq = kernel.turn(() => {
        for (const each of before) this.endpoint.send(target, each);
        return this.endpoint.send(target, payload, { waiter });
      });
      const forget = (): void => this.endpoint.windowTo(record.id)?.forgetWaiter(seq);
      return { id: formatMessageName({ from: this.name, to: stream, seq }), forget };
    });
  }

  /** Waits for room for one more message; first come, first served. */
  async #room(target: EndpointId): Promise<void> {
    const before = this.#queues.get(target);
    if (before === undefined && this.endpoint.windowTo(target)?.isFull !== true) return;
    const turn = (before ?? Promise.resolve()).then(async () => {
      while (this.endpoint.windowTo(target)?.isFull === true && !this.#isClosed)
        await this.endpoint.whenRoom();
    });
    this.#queues.set(target, turn);
    await turn;
    if (this.#queues.get(target) === turn) this.#queues.delete(target);
  }

  now(): number {
    return this.access.clock.wall();
  }

  sleep(ms: number): Promise<void> {
    return delay(this.access.clock, "shell sleeps", ms);
  }

  async sites(): Promise<readonly string[]> {
    return this.access.sessionSites.all.map(({ site }) => site).sort();
  }

  /** The streams that its token is for. */
  override async streams(): Promise<readonly StreamView[]> {
    const views = await super.streams();
    const { rights } = this.#identity;
    return rights === undefined
      ? views
      : views.filter(({ name }) => allowsStream(rights, "shell", name));
  }

  override async stream(name: string): Promise<StreamView> {
    const view = await super.stream(name);
    checkScope(this.#asker, { action: "append", stream: name, site: view.site });
    return view;
  }

  async inspect(stream: string): Promise<StreamInspection> {
    return (await this.#act("inspect", "inspect", stream, [])) as StreamInspection;
  }

  /** Has the site of a stream do something that no command of the leader is. */
  async #act(
    action: "inspect" | "dead-letter",
    kind: string,
    stream: string,
    request: readonly unknown[],
  ): Promise<unknown> {
    const record = await this.find(stream);
    const asker = this.#asker;
    const isJudgedThere = this.#isJudgedByCode(record);
    if (!isJudgedThere) this.access.policy.authorise(asker, action, record);
    const { audit, clock } = this.access;
    const began = clock.now();
    const note = (outcome: AuditOutcome): void => {
      const act = { what: `stream.${action}`, on: `stream ${stream}` } as const;
      audit.note({ ...signature(asker), ...act, ...outcome, ms: clock.now() - began });
    };
    try {
      const permit = await this.#permit(action, record);
      const answer = await this.#askSite(record.site, kind, [stream, ...request, permit]);
      note({ verdict: "allowed", rule: "policies" });
      return answer;
    } catch (error) {
      note(auditOutcome(error));
      throw error;
    }
  }

  /** [A34] Another site believes the leader, not this one. Null: none is needed. */
  async #permit(
    action: "inspect" | "dead-letter",
    { name: stream, site }: StreamRecord,
  ): Promise<string | null> {
    const isTrusted = site === this.site || this.#identity.principal.kind === "anonymous";
    if (isTrusted && !this.#isJudgedByCode({ name: stream, site })) return null;
    const request = { stream, action, ...this.claim };
    const answer = await this.access.askLeader("permit-action", request);
    return (answer as { readonly permit: string }).permit;
  }

  /** Then the leader judges alone, by rules as well. */
  #isJudgedByCode({ name, site }: Pick<StreamRecord, "name" | "site">): boolean {
    return this.access.table.isJudgedByCode(name, site);
  }

  /** What a story or an event tells of a stream, one may read who may inspect it. @throws {MeanderError} `denied` */
  async #judgeReading(record: StreamRecord): Promise<void> {
    const { policy } = this.access;
    if (!this.#isJudgedByCode(record)) policy.authorise(this.#asker, "inspect", record);
    else
      await this.#askToRead(record.name).catch((error: unknown) => {
        policy.reportDenial(this.#asker, "inspect", record.name, error);
        throw error;
      });
  }

  async #askToRead(stream: string): Promise<JudgeAnswer | null> {
    const request = { action: "inspect", stream, ...this.claim };
    return (await this.access.askLeader("judge-action", request)) as JudgeAnswer | null;
  }

  async why(message: string): Promise<MessageStory> {
    const name = parseMessageName(message);
    if (name === undefined)
      throw new MeanderError("message-invalid", "not the id of a message", {
        where: message,
        expected: "SENDER>STREAM#NUMBER, such as foo>bar#17",
      });
    const sites = this.access.sessionSites.all.map(({ site }) => site);
    const target = this.access.table.byName(name.to);
    if (target !== undefined) await this.#judgeReading(target);
    const first =
      target === undefined ? sites : [target.site, ...sites.filter((site) => site !== target.site)];
    const steps: string[] = [];
    let best: MessageStory["state"] = "unknown";
    for (const site of first) {
      const story = (await this.#askSite(site, "story", [message]).catch((error: unknown) => ({
        state: "unknown",
        steps: [`site ${site} does not answer: ${messageOf(error)}`],
      }))) as MessageStory;
      steps.push(...story.steps.filter((step) => step !== "" && !steps.includes(step)));
      // The receiver's answer prevails over the sender's, which is asked later.
      if (best === "unknown") best = story.state;
    }
    if (target === undefined) steps.unshift(`No stream is called ${name.to}.`);
    return { id: message, state: best, steps };
  }

  async deadLetter(
    stream: string,
    message: string,
    action: "skip" | "retry" | "replay",
    edited: Uint8Array | undefined,
  ): Promise<void> {
    await this.#act("dead-letter", "letter", stream, [message, action, edited ?? null]);
  }

  async evacuate(
    site: string,
  ): Promise<{ readonly moved: number; readonly failed: readonly string[] }> {
    const answer = await this.access.askLeader(
      "evacuate-site",
      { site, ...this.claim },
      LIMITS.evacuateMsMax,
    );
    const { moved, failed } = answer as unknown as {
      moved: number;
      failed: { stream: string; error: string }[];
    };
    return { moved, failed: failed.map(({ stream, error }) => `${stream}: ${error}`) };
  }

  setPolicy(scope: string, policy: readonly unknown[] | PolicyUpload): Promise<void> {
    return this.#policies.set(scope, policy);
  }

  async policies(): Promise<Readonly<Record<string, PolicyView>>> {
    return this.#policies.inForce;
  }

  policyHistory(scope: string | undefined): Promise<readonly PolicyChange[]> {
    return this.#policies.history(scope);
  }

  rollbackPolicy(scope: string, number: number | undefined): Promise<number> {
    return this.#policies.rollback(scope, number);
  }

  tryPolicy(
    scope: string,
    policy: readonly unknown[] | PolicyUpload,
    last: number | undefined,
  ): Promise<PolicyTrial> {
    return this.#policies.try(scope, policy, last);
  }

  onEvent(filter: EventFilter, receive: (event: StreamEvent) => void): () => void {
    const reader = new EventReader((event) => this.#mayRead(event), receive);
    const stop = this.access.events.listen(filter, (event) => reader.take(event));
    const undo = (): void => {
      this.#undo.delete(undo);
      stop();
    };
    this.#undo.add(undo);
    return undo;
  }

  /** [A35] What becomes of streams, all may read that may see them; the rest, who may inspect them. */
  #mayRead(event: StreamEvent): boolean | Promise<boolean> {
    const asker = this.#asker;
    const { type, stream } = event;
    if (type === "missed") return true;
    const { rights } = this.#identity;
    if (rights !== undefined && !allowsStream(rights, "shell", stream)) return false;
    if (PUBLIC_EVENTS.includes(type) || (type === "denied" && event.by === asker.text)) return true;
    const record = this.access.table.byName(stream);
    // Of a stream that is gone its events are its end.
    if (record === undefined) return asker.administers;
    return this.access.policy.mayRead(asker, record, () => this.#askToRead(stream));
  }

  async close(): Promise<void> {
    this.#detach(undefined);
  }

  /** The site ends the attachment. */
  end(error: MeanderError): void {
    this.#detach(error);
  }

  #detach(error: MeanderError | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const undo of [...this.#undo]) undo();
    this.#end(error);
    this.#onDetached();
    this.#drain(this.access.clock.now() + DRAIN_MS_MAX);
  }

  /** Keeps the sender open until all buffered messages are consumed. */
  #drain(until: number): void {
    const { clock, kernel, isStopped } = this.access;
    if (isStopped()) return;
    if (this.endpoint.isEmpty || clock.now() > until) kernel.closeShell(this.endpoint);
    else clock.after("drain shell", DRAIN_MS, () => this.#drain(until));
  }

  async #askSite(site: string, kind: string, request: readonly unknown[]): Promise<unknown> {
    this.#checkOpen();
    const answer = await this.access.calls.request(
      this.access.sessionSites.instanceOf(site),
      kind,
      packValue(request),
    );
    return answer === undefined ? undefined : unpackValue(answer);
  }

  #checkOpen(): void {
    if (this.#isClosed)
      throw new MeanderError("shell-closed", "the shell was closed", { where: this.name });
  }
}
