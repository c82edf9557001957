import type {
  AppendAnswer,
  AppendRequest,
  EventFilter,
  MessageStory,
  ShellPort,
  StreamEvent,
  StreamInspection,
} from "../agent/index.ts";
import { delay, LIMITS, MeanderError } from "../base/index.ts";
import {
  type EndpointId,
  formatMessageName,
  parseMessageName,
  type ShellEndpoint,
} from "../stream/index.ts";
import { packValue, unpackValue } from "../wire/index.ts";
import type { SiteStreams } from "./site-streams.ts";
import { Party } from "./stream-party.ts";

/** How long a shell that has gone is still delivered for, ms; and how often that is looked at. */
const DRAIN_MS_MAX = 600_000;
const DRAIN_MS = 1_000;

/** A shell that is attached to this site, its home: messages leave from here, also after it has gone. */
export class ShellParty extends Party implements ShellPort {
  readonly name: string;
  readonly closed: Promise<Error | undefined>;
  readonly endpoint: ShellEndpoint;
  readonly #detached: () => void;
  readonly #undo = new Set<() => void>();
  /** Appends that wait for room, by receiver; the last one in line. */
  readonly #lines = new Map<EndpointId, Promise<void>>();
  #end: (error: Error | undefined) => void = () => {};
  #isClosed = false;

  constructor(host: SiteStreams, name: string, detached: () => void) {
    super(host);
    this.name = name;
    this.#detached = detached;
    this.endpoint = host.kernel.openShell(name);
    this.closed = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  async append(request: AppendRequest): Promise<AppendAnswer> {
    this.#checkOpen();
    const { stream, payload, before = [], until, timeoutMs, signal } = request;
    if (payload.byteLength > LIMITS.streamMessageBytesMax)
      throw new MeanderError("message-too-large", `it has ${payload.byteLength} bytes packed`, {
        where: `append to ${stream}`,
        expected: `at most ${LIMITS.streamMessageBytesMax}`,
      });
    const record = await this.find(stream);
    const target = { target: record.id, targetName: record.name };
    await this.#room(record.id);
    this.#checkOpen();
    const { kernel } = this.host;
    if (until === "buffered") {
      const seq = kernel.turn(() => this.endpoint.send(target, payload));
      return { id: formatMessageName({ from: this.name, to: stream, seq }), reply: undefined };
    }
    return await this.host.awaitReply(timeoutMs, signal, (waiter) => {
      const seq = kernel.turn(() => {
        for (const each of before) this.endpoint.send(target, each);
        return this.endpoint.send(target, payload, { waiter });
      });
      const forget = (): void => this.endpoint.windowTo(record.id)?.forgetWaiter(seq);
      return { id: formatMessageName({ from: this.name, to: stream, seq }), forget };
    });
  }

  /** Room for one more message, in the order of asking. */
  async #room(target: EndpointId): Promise<void> {
    const before = this.#lines.get(target);
    if (before === undefined && this.endpoint.windowTo(target)?.isFull !== true) return;
    const turn = (before ?? Promise.resolve()).then(async () => {
      while (this.endpoint.windowTo(target)?.isFull === true && !this.#isClosed)
        await this.endpoint.whenRoom();
    });
    this.#lines.set(target, turn);
    await turn;
    if (this.#lines.get(target) === turn) this.#lines.delete(target);
  }

  now(): number {
    return this.host.options.clock.wall();
  }

  sleep(ms: number): Promise<void> {
    return delay(this.host.options.clock, "shell sleeps", ms);
  }

  async sites(): Promise<readonly string[]> {
    return this.host.sites.map(({ site }) => site).sort();
  }

  async inspect(stream: string): Promise<StreamInspection> {
    const record = await this.find(stream);
    return (await this.#askSite(record.site, "inspect", [stream])) as StreamInspection;
  }

  async why(message: string): Promise<MessageStory> {
    const name = parseMessageName(message);
    if (name === undefined)
      throw new MeanderError("message-invalid", "that is no message's id", {
        where: message,
        expected: "SENDER>STREAM#NUMBER, such as foo>bar#17",
      });
    const sites = this.host.sites.map(({ site }) => site);
    const target = this.host.table.byName(name.to);
    const first =
      target === undefined ? sites : [target.site, ...sites.filter((site) => site !== target.site)];
    const steps: string[] = [];
    let best: MessageStory["state"] = "unknown";
    for (const site of first) {
      const story = (await this.#askSite(site, "story", [message]).catch((error: unknown) => ({
        state: "unknown",
        steps: [`site ${site} does not answer: ${error instanceof Error ? error.message : error}`],
      }))) as MessageStory;
      steps.push(...story.steps.filter((step) => step !== "" && !steps.includes(step)));
      // The receiver's word counts more than the sender's, which is asked later.
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
    const answer = await this.host.ask(
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
    await this.host.ask("set-policy", { scope, rules, by: this.name });
  }

  async policies(): Promise<Readonly<Record<string, readonly unknown[]>>> {
    return this.host.table.policies;
  }

  onEvent(filter: EventFilter, listener: (event: StreamEvent) => void): () => void {
    const stop = this.host.events.listen(filter, listener);
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

  /** The site ends it. */
  end(error: MeanderError): void {
    this.#detach(error);
  }

  #detach(error: MeanderError | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const undo of [...this.#undo]) undo();
    this.#end(error);
    this.#detached();
    this.#drain(this.host.options.clock.now() + DRAIN_MS_MAX);
  }

  /** What was buffered is still delivered. */
  #drain(until: number): void {
    const { clock } = this.host.options;
    if (this.host.isClosed) return;
    if (this.endpoint.isEmpty || clock.now() > until) this.host.kernel.closeShell(this.endpoint);
    else clock.after("drain shell", DRAIN_MS, () => this.#drain(until));
  }

  async #askSite(site: string, kind: string, request: readonly unknown[]): Promise<unknown> {
    this.#checkOpen();
    const answer = await this.host.kernel.request(
      this.host.instanceOf(site),
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
