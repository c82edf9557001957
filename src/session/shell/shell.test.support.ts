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
  ShellPort,
  StreamEvent,
  StreamInspection,
  StreamView,
} from "../../agent/define/index.ts";
import { type Clock, delay, MeanderError } from "../../base/index.ts";
import { packValue, unpackValue } from "../../wire/index.ts";
import { closedError } from "./shell-errors.ts";

/** An event, before the time and the site are added. */
type Told = StreamEvent extends infer E
  ? E extends StreamEvent
    ? Omit<E, "at" | "site">
    : never
  : never;

/** A message that a fake stream has taken. */
interface Taken {
  readonly id: string;
  readonly payload: Uint8Array;
  consume(reply: Uint8Array | undefined): void;
}

interface FakeStream {
  view: StreamView;
  /** It consumes nothing while halted. */
  isHalted: boolean;
  readonly waiting: Taken[];
  readonly consumed: Uint8Array[];
  readonly deadLetters: StreamInspection["deadLetters"][number][];
  readonly briefcases: Record<string, Uint8Array>;
  lastSeq: number;
}

/**
 * A session of one shell, in memory: streams are records, every message is consumed at once unless its stream is
 * halted, and the reply is what was appended, in a list.
 */
export class FakeShellPort implements ShellPort {
  readonly name: string;
  readonly site = "north";
  readonly closed: Promise<Error | undefined>;
  /** What was asked of it besides appends. */
  readonly calls: unknown[][] = [];
  readonly #clock: Clock;
  readonly #streams = new Map<string, FakeStream>();
  readonly #listeners = new Set<{ filter: EventFilter; listener(event: StreamEvent): void }>();
  #settleClosed: (error: Error | undefined) => void = () => {};
  #isClosed = false;

  constructor(clock: Clock, name = "shell-1f3a") {
    this.#clock = clock;
    this.name = name;
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
  }

  /** Readers of events. */
  get listenerCount(): number {
    return this.#listeners.size;
  }

  /** Ends by itself. */
  fail(error: Error): void {
    this.#isClosed = true;
    this.#settleClosed(error);
  }

  /** Values that a stream has consumed. */
  consumed(name: string): unknown[] {
    return this.#stream(name).consumed.map(unpackValue);
  }

  /** Messages that wait in a stream. */
  waitingCount(name: string): number {
    return this.#stream(name).waiting.length;
  }

  halt(name: string): void {
    this.#stream(name).isHalted = true;
  }

  /** The stream goes on with what waits. */
  resume(name: string): void {
    const stream = this.#stream(name);
    stream.isHalted = false;
    for (const taken of stream.waiting.splice(0)) this.#consume(stream, taken);
  }

  /** Puts a dead letter into a stream. */
  bury(name: string, id: string, value: unknown): void {
    const payload = packValue(value);
    this.#stream(name).deadLetters.push({
      id,
      error: "it threw",
      attempts: 4,
      deaths: [],
      payload,
    });
  }

  emit(told: Told): void {
    const event = { at: this.now(), site: this.site, ...told } as StreamEvent;
    for (const { filter, listener } of [...this.#listeners]) {
      const isWanted =
        (filter.stream === undefined || filter.stream === event.stream) &&
        (filter.types === undefined || filter.types.includes(event.type));
      if (isWanted) listener(event);
    }
  }

  now(): number {
    return this.#clock.wall();
  }

  sleep(ms: number): Promise<void> {
    return delay(this.#clock, "fake sleep", ms);
  }

  async append(request: AppendRequest): Promise<AppendAnswer> {
    const stream = this.#stream(request.stream);
    const id = `${this.name}>${request.stream}#${++stream.lastSeq}`;
    const { payload, until, signal } = request;
    return await new Promise((resolve, reject) => {
      const consume = (reply: Uint8Array | undefined): void => {
        if (until === "consumed") resolve({ id, reply });
      };
      signal?.addEventListener("abort", () => reject(signal.reason));
      const taken = { id, payload, consume };
      if (until === "buffered") resolve({ id, reply: undefined });
      if (stream.isHalted) stream.waiting.push(taken);
      else this.#consume(stream, taken);
    });
  }

  async createStream(name: string, placement: PlacementRequest): Promise<StreamView> {
    this.#checkOpen();
    this.calls.push(["createStream", name, placement]);
    if (this.#streams.has(name)) {
      throw new MeanderError("stream-exists", "there is a stream of that name", {
        where: `stream ${name}`,
        expected: "a name that is free",
        next: "open it",
      });
    }
    const { at = this.site, durability, failureManagers } = placement;
    const view: StreamView = {
      name,
      id: this.#streams.size + 1,
      site: at,
      streamEpoch: 0,
      status: "live",
      why: undefined,
      durability,
      failureManagers,
      agents: [],
    };
    this.#streams.set(name, {
      view,
      isHalted: false,
      waiting: [],
      consumed: [],
      deadLetters: [],
      briefcases: {},
      lastSeq: 0,
    });
    this.emit({ type: "created", stream: name });
    return view;
  }

  async move(stream: string, to: string, deadlineMs: number | undefined): Promise<MoveResult> {
    this.calls.push(["move", stream, to, deadlineMs]);
    const found = this.#stream(stream);
    const from = found.view.site;
    const streamEpoch = found.view.streamEpoch + 1;
    found.view = { ...found.view, site: to, streamEpoch };
    const result = { from, to, streamEpoch, ms: 1.5 };
    this.emit({ type: "moved", stream, ...result });
    return result;
  }

  async attachAgent(stream: string, request: AttachRequest): Promise<AgentSpec> {
    this.calls.push(["attachAgent", stream, request]);
    const found = this.#stream(stream);
    const name = request.name ?? "agent";
    found.view = { ...found.view, agents: [...found.view.agents, name] };
    if (request.briefcase !== undefined) found.briefcases[name] = request.briefcase;
    return {
      name,
      code: "00ff",
      replaced: { init: null },
      isolation: "process",
      limits: { handlerMs: 5_000, memoryMb: 64, briefcaseBytes: 1_048_576 },
      // biome-ignore lint/suspicious/noThenProperty: the contract's name for what follows
      onError: { retry: 3, backoffMs: 50, then: "deadLetter" },
      owner: this.name,
    };
  }

  async detachAgent(stream: string, agent: string): Promise<void> {
    this.calls.push(["detachAgent", stream, agent]);
  }

  async replaceHandler(
    stream: string,
    agent: string,
    event: HandlerName,
    source: string | null,
  ): Promise<void> {
    this.calls.push(["replaceHandler", stream, agent, event, source]);
  }

  async destroyStream(stream: string): Promise<void> {
    this.#stream(stream);
    this.#streams.delete(stream);
  }

  async stream(name: string): Promise<StreamView> {
    return this.#stream(name).view;
  }

  async streams(): Promise<readonly StreamView[]> {
    this.#checkOpen();
    return [...this.#streams.values()].map(({ view }) => view);
  }

  async sites(): Promise<readonly string[]> {
    this.#checkOpen();
    return ["north", "south"];
  }

  async inspect(stream: string): Promise<StreamInspection> {
    const { view, waiting, deadLetters, briefcases, consumed } = this.#stream(stream);
    const [current] = waiting;
    return {
      ...view,
      mailbox: waiting.map(({ id, payload }) => ({ id, bytes: payload.byteLength })),
      waiting: waiting.length,
      moving: false,
      halted: undefined,
      current: current && {
        id: current.id,
        attempt: 1,
        state: "halted",
        forMs: 10,
        error: undefined,
      },
      senders: [{ name: this.name, consumed: consumed.length }],
      receivers: [],
      deadLetters,
      counts: { noHandler: 0 },
      briefcases,
    };
  }

  async why(message: string): Promise<MessageStory> {
    this.#checkOpen();
    return { id: message, state: "waiting", steps: ["it left north", "it waits at south"] };
  }

  async deadLetter(
    stream: string,
    message: string,
    action: "skip" | "retry" | "replay",
    edited: Uint8Array | undefined,
  ): Promise<void> {
    const { deadLetters } = this.#stream(stream);
    const index = deadLetters.findIndex(({ id }) => id === message);
    if (index < 0) {
      throw new MeanderError("message-unknown", "there is no such dead letter", { where: message });
    }
    deadLetters.splice(index, 1);
    this.calls.push(["deadLetter", stream, message, action, edited && unpackValue(edited)]);
  }

  async evacuate(
    site: string,
  ): Promise<{ readonly moved: number; readonly failed: readonly string[] }> {
    this.calls.push(["evacuate", site]);
    return { moved: 2, failed: ["bar"] };
  }

  async setPolicy(scope: string, policy: readonly unknown[] | PolicyUpload): Promise<void> {
    this.calls.push(["setPolicy", scope, policy]);
  }

  async policies(): Promise<Readonly<Record<string, PolicyView>>> {
    this.#checkOpen();
    return { session: [{ effect: "deny", actions: ["*"], by: "shell-*" }] };
  }

  async policyHistory(scope: string | undefined): Promise<readonly PolicyChange[]> {
    this.calls.push(["policyHistory", scope]);
    const set = { at: 1, by: "subject:alice", label: "shell-1" };
    return [
      { scope: "session", number: 3, ...set, policy: { rules: 0 }, isInForce: true },
      { scope: "session", number: 2, policy: { code: "c0de" }, restores: 1, isInForce: false },
    ];
  }

  async tryPolicy(
    scope: string,
    policy: readonly unknown[] | PolicyUpload,
    last: number | undefined,
  ): Promise<PolicyTrial> {
    this.calls.push(["tryPolicy", scope, policy, last]);
    return TRIAL;
  }

  async rollbackPolicy(scope: string, number: number | undefined): Promise<number> {
    this.calls.push(["rollbackPolicy", scope, number]);
    return number ?? 2;
  }

  onEvent(filter: EventFilter, listener: (event: StreamEvent) => void): () => void {
    this.#checkOpen();
    const entry = { filter, listener };
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#settleClosed(undefined);
  }

  #consume(stream: FakeStream, { id, payload, consume }: Taken): void {
    stream.consumed.push(payload);
    consume(packValue([unpackValue(payload)]));
    this.emit({ type: "consumed", stream: stream.view.name, message: id, ms: 1 });
  }

  #stream(name: string): FakeStream {
    this.#checkOpen();
    const stream = this.#streams.get(name);
    if (stream !== undefined) return stream;
    throw new MeanderError("stream-unknown", "there is no such stream", {
      where: `stream ${name}`,
      expected: [...this.#streams.keys()].join(", "),
      next: "create it",
    });
  }

  #checkOpen(): void {
    if (this.#isClosed) throw closedError(this.name);
  }
}

/** What the fake answers to the trial of a policy. */
export const TRIAL: PolicyTrial = {
  ...{ scope: "session", requests: 812, left: 0, since: 1_000 },
  ...{ refused: 1, allowed: 0, failed: 0, slowestMs: 4 },
  changes: [
    {
      ...{ at: 2_000, by: "subject:bob", label: "shell-2", action: "create" },
      ...{ stream: "tv", site: "north", was: { effect: "allow" } },
      would: { effect: "deny", rule: "policy session", reason: "two are enough" },
    },
  ],
};
