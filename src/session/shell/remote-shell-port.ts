import { z } from "zod";
import type {
  AgentSpec,
  AppendAnswer,
  AppendRequest,
  AttachRequest,
  EventFilter,
  HandlerName,
  MessageStory,
  MoveResult,
  PlacementRequest,
  PolicyChange,
  PolicyTrial,
  PolicyUpload,
  PolicyView,
  ReplaceAbout,
  ShellPort,
  StreamEvent,
  StreamInspection,
  StreamView,
} from "../../agent/define/index.ts";
import { type Clock, LIMITS, MeanderError } from "../../base/index.ts";
import { decodeError, type MessageSocket, type WireError } from "../../directory/index.ts";
import { type CallClass, CallWindow } from "./call-window.ts";
import type { Greeting } from "./greet.ts";
import { KeepAlive } from "./keep-alive.ts";
import { LargeAnswers } from "./large-answers.ts";
import { decodeSiteMessage, type ShellMessage, type SiteMessage } from "./messages.ts";
import { eventFilter, streamEvent } from "./port-schemas.ts";
import {
  SHELL_CALLS,
  type ShellCallArguments,
  type ShellCallName,
  type ShellCallResult,
} from "./shell-calls.ts";
import { closedError, disconnectedError } from "./shell-errors.ts";

const UTF8 = new TextEncoder();

/**
 * [S7] The port of a shell whose site is at the other end of a message socket. Made by `connectShell`.
 *
 * Besides what every {@link ShellPort} throws: `shell-disconnected` (a call that was sent may have taken effect),
 * `message-too-large`, `option-invalid`, `site-answer-invalid`.
 */
export class RemoteShellPort implements ShellPort {
  readonly name: string;
  readonly site: string;
  readonly closed: Promise<Error | undefined>;
  readonly #socket: MessageSocket;
  readonly #clock: Clock;
  readonly #calls: CallWindow;
  readonly #large: LargeAnswers;
  readonly #life: KeepAlive;
  readonly #listeners = new Map<number, (event: StreamEvent) => void>();
  #settleClosed: (error: Error | undefined) => void = () => {};
  #lastCall = 0;
  #lastSubscription = 0;
  /** The site's wall clock minus this machine's monotonic clock, ms. */
  #wallOffset: number;
  #pingedAt = 0;
  #isClosing = false;
  /** Why it ended; undefined: it has not. */
  #end: MeanderError | undefined;

  /** @param greeting what the site said; its socket belongs to this port from now on */
  constructor(greeting: Greeting, { clock }: { readonly clock: Clock }) {
    this.name = greeting.name;
    this.site = greeting.site;
    this.#socket = greeting.socket;
    this.#clock = clock;
    this.#wallOffset = greeting.wallOffset;
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    this.#calls = new CallWindow({
      send: (message) => this.#socket.send(message),
      forget: (id) => this.#send({ type: "forget", id }),
    });
    this.#large = new LargeAnswers((id) => this.#send({ type: "more", id }));
    this.#life = new KeepAlive(clock, {
      ping: () => {
        this.#pingedAt = clock.now();
        this.#send({ type: "ping" });
      },
      dead: () => this.#lost("it stopped responding"),
    });
    this.#socket.onMessage((text) => this.#receive(text));
    this.#socket.onClose(() => this.#lost("the connection ended"));
  }

  now(): number {
    return this.#clock.now() + this.#wallOffset;
  }

  async sleep(ms: number): Promise<void> {
    await this.#call("sleep", { ms });
  }

  append({ stream, payload, until, timeoutMs, signal }: AppendRequest): Promise<AppendAnswer> {
    return this.#call("append", { stream, payload, until, timeoutMs }, signal);
  }

  createStream(name: string, placement: PlacementRequest): Promise<StreamView> {
    const { at, durability, failureManagers } = placement;
    return this.#call("createStream", {
      name,
      at,
      durability,
      failureManagers: [...failureManagers],
    });
  }

  move(stream: string, to: string, deadlineMs: number | undefined): Promise<MoveResult> {
    return this.#call("move", { stream, to, deadlineMs });
  }

  attachAgent(stream: string, request: AttachRequest): Promise<AgentSpec> {
    const { source, file, name, briefcase, signed } = request;
    return this.#call("attachAgent", { stream, source, file, name, briefcase, signed });
  }

  async detachAgent(stream: string, agent: string): Promise<void> {
    await this.#call("detachAgent", { stream, agent });
  }

  async replaceHandler(
    stream: string,
    agent: string,
    event: HandlerName,
    source: string | null,
    { signed }: ReplaceAbout = {},
  ): Promise<void> {
    await this.#call("replaceHandler", { stream, agent, event, source, signed });
  }

  async destroyStream(stream: string): Promise<void> {
    await this.#call("destroyStream", { stream });
  }

  stream(name: string): Promise<StreamView> {
    return this.#call("stream", { name });
  }

  streams(): Promise<readonly StreamView[]> {
    return this.#call("streams", {});
  }

  sites(): Promise<readonly string[]> {
    return this.#call("sites", {});
  }

  inspect(stream: string): Promise<StreamInspection> {
    return this.#call("inspect", { stream });
  }

  why(message: string): Promise<MessageStory> {
    return this.#call("why", { message });
  }

  async deadLetter(
    stream: string,
    message: string,
    action: "skip" | "retry" | "replay",
    edited: Uint8Array | undefined,
  ): Promise<void> {
    await this.#call("deadLetter", { stream, message, action, edited });
  }

  evacuate(site: string): Promise<{ readonly moved: number; readonly failed: readonly string[] }> {
    return this.#call("evacuate", { site });
  }

  async setPolicy(scope: string, policy: readonly unknown[] | PolicyUpload): Promise<void> {
    if ("source" in policy) {
      const { source, file, briefcase, signed } = policy;
      await this.#call("setCodePolicy", { scope, source, file, briefcase, signed });
    } else await this.#call("setPolicy", { scope, rules: [...policy] });
  }

  policies(): Promise<Readonly<Record<string, PolicyView>>> {
    return this.#call("policies", {});
  }

  policyHistory(scope: string | undefined): Promise<readonly PolicyChange[]> {
    return this.#call("policyHistory", { scope });
  }

  async rollbackPolicy(scope: string, number: number | undefined): Promise<number> {
    return (await this.#call("rollbackPolicy", { scope, number })).number;
  }

  tryPolicy(
    scope: string,
    policy: readonly unknown[] | PolicyUpload,
    last: number | undefined,
  ): Promise<PolicyTrial> {
    if (!("source" in policy)) return this.#call("tryPolicy", { scope, rules: [...policy], last });
    const { source, file, briefcase } = policy;
    return this.#call("tryCodePolicy", { scope, source, file, briefcase, last });
  }

  /**
   * @throws {MeanderError} `option-invalid`, `shell-closed`, `shell-disconnected`, `shell-busy` with more than {@link
   * LIMITS.shellSubscriptionsMax}
   */
  onEvent(filter: EventFilter, listener: (event: StreamEvent) => void): () => void {
    if (this.#end !== undefined) throw this.#end;
    if (this.#listeners.size >= LIMITS.shellSubscriptionsMax) {
      throw new MeanderError("shell-busy", "the shell has too many readers of events", {
        where: this.name,
        expected: `at most ${LIMITS.shellSubscriptionsMax}`,
      });
    }
    const parsed = eventFilter.safeParse(filter);
    if (!parsed.success) throw optionInvalid("events", parsed.error);
    const subscription = ++this.#lastSubscription;
    this.#listeners.set(subscription, listener);
    this.#send({ type: "subscribe", subscription, filter: parsed.data });
    return () => {
      if (this.#listeners.delete(subscription)) this.#send({ type: "unsubscribe", subscription });
    };
  }

  /** Resolves when the site has confirmed, or after {@link LIMITS.closeMsMax}. */
  async close(): Promise<void> {
    if (!this.#isClosing && this.#end === undefined) {
      this.#isClosing = true;
      this.#send({ type: "bye" });
      const cancel = this.#clock.after("shell close", LIMITS.closeMsMax, () =>
        this.#finish(closedError(this.name), undefined),
      );
      void this.closed.then(cancel);
    }
    await this.closed;
  }

  async #call<C extends ShellCallName>(
    call: C,
    args: ShellCallArguments<C>,
    signal?: AbortSignal | undefined,
  ): Promise<ShellCallResult<C>> {
    if (this.#end !== undefined) throw this.#end;
    if (this.#isClosing) throw closedError(this.name);
    signal?.throwIfAborted();
    const { takes, gives } = SHELL_CALLS[call];
    const encoded = z.safeEncode(takes as z.ZodType, args);
    if (!encoded.success) throw optionInvalid(call, encoded.error);
    const id = ++this.#lastCall;
    const message = JSON.stringify({
      type: "call",
      id,
      call,
      args: encoded.data,
    } satisfies ShellMessage);
    const bytes = UTF8.encode(message).byteLength;
    if (bytes > LIMITS.shellMessageBytesMax) throw tooLarge(call, bytes);
    const kind: CallClass = call === "append" || call === "sleep" ? "append" : "act";
    const answer = z.safeDecode(
      gives as z.ZodType<ShellCallResult<C>, unknown>,
      await this.#calls.make(kind, { id, message, bytes }, signal),
    );
    if (answer.success) return answer.data;
    throw new MeanderError("site-answer-invalid", `the answer to ${call} is invalid`, {
      where: `site ${this.site}`,
      cause: answer.error,
    });
  }

  #send(message: ShellMessage): void {
    if (this.#end === undefined) this.#socket.send(JSON.stringify(message));
  }

  #receive(text: string): void {
    if (this.#end !== undefined) return;
    this.#life.heard();
    const message = decodeSiteMessage(text);
    if (typeof message === "string") this.#lost(`it sent an invalid message (${message})`);
    else this.#handle(message);
  }

  #handle(message: SiteMessage): void {
    switch (message.type) {
      case "answer":
        this.#calls.answered(message.id, message.result);
        break;
      case "failure":
        this.#calls.failed(message.id, decodeError(message.error));
        break;
      case "large":
        if (this.#calls.has(message.id)) this.#large.add(message.id);
        else this.#lost("it sent an answer that was not requested");
        break;
      case "part":
        this.#part(message.id, message.text, message.last);
        break;
      case "events":
        this.#events(message.subscription, message.events);
        break;
      case "ping":
        this.#send({ type: "pong" });
        break;
      case "pong":
        this.#wallOffset = message.now - (this.#clock.now() + this.#pingedAt) / 2;
        break;
      case "closed":
        this.#closedBySite(message.error);
        break;
      case "hello":
      case "refused":
        this.#lost(`it sent ${message.type} at the wrong time`);
        break;
    }
  }

  #part(id: number, text: string, last: boolean): void {
    const whole = this.#large.part(id, text, last);
    if (whole === undefined) return;
    const result = whole === false ? undefined : parseJson(whole);
    if (result === undefined) this.#lost("it sent an answer that was not requested");
    else this.#calls.answered(id, result);
  }

  #events(subscription: number, events: readonly unknown[]): void {
    // The site may have sent them before it received the unsubscribe.
    const listener = this.#listeners.get(subscription);
    if (listener === undefined) return;
    this.#send({ type: "events-taken", subscription });
    for (const event of events) {
      const decoded = z.safeDecode(streamEvent, event);
      if (decoded.success) listener(decoded.data);
      else this.#lost("it sent an invalid event");
    }
  }

  #closedBySite(error: WireError | undefined): void {
    if (this.#isClosing) this.#finish(closedError(this.name), undefined);
    else
      this.#lost("it closed the connection", error === undefined ? undefined : decodeError(error));
  }

  /** The connection ended, or cannot be used any more. */
  #lost(why: string, cause?: MeanderError): void {
    if (this.#isClosing) {
      this.#finish(closedError(this.name), undefined);
      return;
    }
    const error = disconnectedError(this.site, why, "later", cause);
    this.#finish(error, error, (wasSent) =>
      disconnectedError(this.site, why, wasSent ? "sent" : "unsent", cause),
    );
  }

  #finish(
    end: MeanderError,
    closed: MeanderError | undefined,
    ofCall: (wasSent: boolean) => MeanderError = () => end,
  ): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#life.stop();
    this.#listeners.clear();
    this.#socket.close();
    this.#calls.end(ofCall);
    this.#settleClosed(closed);
  }
}

/** Undefined for invalid JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function optionInvalid(call: string, error: z.ZodError): MeanderError {
  const [issue] = error.issues;
  return new MeanderError("option-invalid", issue?.message ?? "invalid argument", {
    where: [call, ...(issue?.path ?? [])].join("."),
    cause: error,
  });
}

function tooLarge(call: ShellCallName, bytes: number): MeanderError {
  return new MeanderError("message-too-large", `the call has ${bytes} bytes`, {
    where: call,
    expected: `at most ${LIMITS.shellMessageBytesMax}, with bytes in base64`,
  });
}
