import type {
  AppendAnswer,
  AppendRequest,
  EventFilter,
  MessageStory,
  ShellPort,
  StreamEvent,
  StreamInspection,
} from "../agent/index.ts";
import { delay, LIMITS, MeanderError, messageOf } from "../base/index.ts";
import {
  type EndpointId,
  formatMessageName,
  parseMessageName,
  type ShellEndpoint,
  type StreamKernel,
} from "../stream/index.ts";
import { packValue, unpackValue } from "../wire/index.ts";
import { awaitReply } from "./await-reply.ts";
import type { EventFeed } from "./event-feed.ts";
import type { SiteCalls } from "./ports.ts";
import type { SessionSites } from "./session-sites.ts";
import { type SessionAccess, SiteSessionPort } from "./site-session-port.ts";

/** What an {@link AttachedShell} uses. */
export interface ShellAccess extends SessionAccess {
  readonly sessionSites: Pick<SessionSites, "all" | "instanceOf">;
  readonly calls: SiteCalls;
  readonly kernel: Pick<StreamKernel, "turn" | "openShell" | "closeShell">;
  readonly events: Pick<EventFeed, "listen">;
  /** Whether the site has stopped, and delivers nothing any more. */
  isStopped(): boolean;
}

/**
 * How long the messages of a detached shell are still delivered, and how often the shell checks whether they are
 * consumed, ms.
 */
const DRAIN_MS_MAX = 600_000;
const DRAIN_MS = 1_000;

/**
 * A shell that is attached to this site: it sends its messages from here, and completes their delivery after the shell
 * has detached.
 */
export class AttachedShell extends SiteSessionPort<ShellAccess> implements ShellPort {
  readonly name: string;
  readonly closed: Promise<Error | undefined>;
  readonly endpoint: ShellEndpoint;
  readonly #onDetached: () => void;
  readonly #undo = new Set<() => void>();
  /** The last append that waits for room, by receiver. */
  readonly #queues = new Map<EndpointId, Promise<void>>();
  #end: (error: Error | undefined) => void = () => {};
  #isClosed = false;

  constructor(access: ShellAccess, name: string, onDetached: () => void) {
    super(access);
    this.name = name;
    this.#onDetached = onDetached;
    this.endpoint = access.kernel.openShell(name);
    this.closed = new Promise((resolve) => {
      this.#end = resolve;
    });
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

  async inspect(stream: string): Promise<StreamInspection> {
    const record = await this.find(stream);
    return (await this.#askSite(record.site, "inspect", [stream])) as StreamInspection;
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
    const record = await this.find(stream);
    await this.#askSite(record.site, "letter", [stream, message, action, edited ?? null]);
  }

  async evacuate(
    site: string,
  ): Promise<{ readonly moved: number; readonly failed: readonly string[] }> {
    const answer = await this.access.askLeader(
      "evacuate-site",
      { site, by: this.name },
      LIMITS.evacuateMsMax,
    );
    const { moved, failed } = answer as unknown as {
      moved: number;
      failed: { stream: string; error: string }[];
    };
    return { moved, failed: failed.map(({ stream, error }) => `${stream}: ${error}`) };
  }

  async setPolicy(scope: string, rules: readonly unknown[]): Promise<void> {
    await this.access.askLeader("set-policy", { scope, rules, by: this.name });
  }

  async policies(): Promise<Readonly<Record<string, readonly unknown[]>>> {
    return this.access.table.policies;
  }

  onEvent(filter: EventFilter, receive: (event: StreamEvent) => void): () => void {
    const stop = this.access.events.listen(filter, receive);
    const undo = (): void => {
      this.#undo.delete(undo);
      stop();
    };
    this.#undo.add(undo);
    return undo;
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
