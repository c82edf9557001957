import { LIMITS } from "../../base/index.ts";
import { unpackValue } from "../../wire/index.ts";
import { definitionSource, handlerSource } from "../define/index.ts";
import type {
  AgentDefinition,
  AgentModule,
  AgentRef,
  AgentSpec,
  Appended,
  AppendOptions,
  Handler,
  HandlerName,
  MoveResult,
  StreamRef,
} from "../model.ts";
import type { AppendAnswer, AppendRequest, AttachRequest, StreamView } from "../session-port.ts";
import type { Attempt } from "./attempt.ts";

/** What an append gives that leaves with its handler: the message has its name only then. */
const BUFFERED: Appended = Object.freeze({ id: "", reply: undefined });

/** Refusals of an append that waits, of which nothing was sent. */
const UNSENT: ReadonlySet<string> = new Set([
  "append-timeout-missing",
  "call-cycle",
  "message-too-large",
  "stream-gone",
  "stream-unknown",
]);

/**
 * A stream as a handler sees it.
 *
 * Requests about the handler's own stream could not be carried out before the handler ends, so nothing waits for them:
 * they are made when the handler has succeeded, and settle at once.
 */
export class HandlerStream implements StreamRef {
  readonly name: string;
  readonly #attempt: Attempt;

  constructor(attempt: Attempt, name: string) {
    this.name = name;
    this.#attempt = attempt;
  }

  append(value: unknown, options?: AppendOptions): Promise<Appended> {
    const attempt = this.#attempt;
    attempt.check();
    const payload = attempt.pack(value);
    if (payload.byteLength > LIMITS.streamMessageBytesMax) {
      throw attempt.error(
        "message-too-large",
        `a message of ${payload.byteLength} bytes; at most ${LIMITS.streamMessageBytesMax} are taken`,
      );
    }
    const { until = "buffered", timeoutMs } = options ?? {};
    if (until === "buffered") {
      attempt.append(this.name, payload);
      return Promise.resolve(BUFFERED);
    }
    if (until !== "consumed") {
      throw attempt.error("request-invalid", `until is "buffered" or "consumed"`);
    }
    if (!(typeof timeoutMs === "number" && timeoutMs > 0)) {
      throw attempt.error(
        "append-timeout-missing",
        "a handler that waits for a message's consumption says how long",
        "give timeoutMs, more than 0",
      );
    }
    return this.#appendNow(payload, timeoutMs);
  }

  move(to: string, options?: { readonly deadlineMs?: number }): Promise<MoveResult> {
    this.#attempt.check();
    if (this.#isOwn) {
      throw this.#attempt.error(
        "call-cycle",
        "a handler cannot wait for its own stream to move",
        "use ctx.relocate",
      );
    }
    const args = [this.name, to, options?.deadlineMs];
    return this.#attempt.call("move", args) as Promise<MoveResult>;
  }

  registerAgent(
    agent: AgentDefinition | AgentModule,
    options: { readonly name?: string; readonly briefcase?: object } = {},
  ): Promise<AgentRef> {
    const attempt = this.#attempt;
    attempt.check();
    const request = attachRequestOf(attempt, agent, options);
    const ref = (name: string): AgentRef => new HandlerAgent(attempt, this.name, name);
    if (this.#isOwn) {
      attempt.callLater("attachAgent", [this.name, request]);
      return Promise.resolve(ref(request.name ?? "agent"));
    }
    return attempt
      .call("attachAgent", [this.name, request])
      .then((spec) => ref((spec as AgentSpec).name));
  }

  agent(name: string): AgentRef {
    this.#attempt.check();
    return new HandlerAgent(this.#attempt, this.name, name);
  }

  async location(): Promise<string> {
    this.#attempt.check();
    if (this.#isOwn) return this.#attempt.world.site;
    return ((await this.#attempt.call("stream", [this.name])) as StreamView).site;
  }

  destroy(): Promise<void> {
    this.#attempt.check();
    return ask(this.#attempt, "destroyStream", this.name);
  }

  get #isOwn(): boolean {
    return this.name === this.#attempt.world.stream;
  }

  /** Leaves at once, behind what the handler appended to the stream before. */
  async #appendNow(payload: Uint8Array, timeoutMs: number): Promise<Appended> {
    const before = this.#attempt.takeAppends(this.name);
    const request: AppendRequest = {
      stream: this.name,
      payload,
      until: "consumed",
      timeoutMs,
      ...(before.length === 0 ? {} : { before }),
    };
    let answer: AppendAnswer;
    try {
      answer = (await this.#attempt.call("append", [request])) as AppendAnswer;
    } catch (error) {
      // Refused before anything was sent: the earlier ones leave with the handler, as if it had not waited.
      if (UNSENT.has((error as { code?: string }).code ?? ""))
        this.#attempt.giveBack(this.name, before);
      throw error;
    }
    const { id, reply } = answer;
    return { id, reply: reply === undefined ? undefined : unpackValue(reply) };
  }
}

/**
 * An agent as a handler sees it. As with {@link HandlerStream}, requests about the handler's own stream settle at once.
 */
export class HandlerAgent implements AgentRef {
  readonly stream: string;
  readonly name: string;
  readonly #attempt: Attempt;

  constructor(attempt: Attempt, stream: string, name: string) {
    this.stream = stream;
    this.name = name;
    this.#attempt = attempt;
  }

  replaceHandler(event: HandlerName, handler: Handler | string | null): Promise<void> {
    this.#attempt.check();
    const source =
      handler === null ? null : this.#attempt.told(() => handlerSource(handler).source);
    return ask(this.#attempt, "replaceHandler", this.stream, this.name, event, source);
  }

  detach(): Promise<void> {
    this.#attempt.check();
    return ask(this.#attempt, "detachAgent", this.stream, this.name);
  }
}

/** Asks something about a stream that has no answer but that it is done. */
async function ask(attempt: Attempt, verb: string, ...args: [string, ...unknown[]]): Promise<void> {
  if (args[0] === attempt.world.stream) attempt.callLater(verb, args);
  else await attempt.call(verb, args);
}

function attachRequestOf(
  attempt: Attempt,
  agent: AgentDefinition | AgentModule,
  options: { readonly name?: string; readonly briefcase?: object },
): AttachRequest {
  const pack = (briefcase: object | undefined): Uint8Array | undefined =>
    briefcase === undefined ? undefined : attempt.pack(briefcase);
  if ("source" in agent) {
    const { source, file } = agent;
    return { source, file, name: options.name, briefcase: pack(options.briefcase) };
  }
  return {
    source: attempt.told(() => definitionSource(agent).source),
    file: undefined,
    name: options.name ?? agent.name,
    // As a value, not as text: Map, Set and bytes stay what they are.
    briefcase: pack(options.briefcase ?? agent.briefcase),
  };
}
