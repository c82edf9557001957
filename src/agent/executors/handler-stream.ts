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
import type { AttachRequest, StreamView } from "../session-port.ts";
import type { Attempt } from "./attempt.ts";
import { appendTo, packMessage } from "./handler-append.ts";

/**
 * A stream as a handler sees it.
 *
 * Requests about the handler's own stream could not be carried out before the handler ends, so nothing waits for them:
 * they are made when the handler has succeeded, and settle at once.
 */
export class HandlerStream implements StreamRef {
  readonly #attempt: Attempt;
  readonly #name: string;

  constructor(attempt: Attempt, name: string) {
    this.#attempt = attempt;
    this.#name = name;
    Object.freeze(this);
  }

  get name(): string {
    return this.#name;
  }

  append(value: unknown, options?: AppendOptions): Promise<Appended> {
    return appendTo(this.#attempt, this.#name, packMessage(this.#attempt, value, options));
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
    const args = [this.#name, to, options?.deadlineMs];
    return this.#attempt.call("move", args) as Promise<MoveResult>;
  }

  registerAgent(
    agent: AgentDefinition | AgentModule,
    options: { readonly name?: string; readonly briefcase?: object } = {},
  ): Promise<AgentRef> {
    const attempt = this.#attempt;
    attempt.check();
    const request = attachRequestOf(attempt, agent, options);
    const ref = (name: string): AgentRef => new HandlerAgent(attempt, this.#name, name);
    if (this.#isOwn) {
      attempt.callLater("attachAgent", [this.#name, request]);
      return Promise.resolve(ref(request.name ?? "agent"));
    }
    return attempt
      .call("attachAgent", [this.#name, request])
      .then((spec) => ref((spec as AgentSpec).name));
  }

  agent(name: string): AgentRef {
    this.#attempt.check();
    return new HandlerAgent(this.#attempt, this.#name, name);
  }

  async location(): Promise<string> {
    this.#attempt.check();
    if (this.#isOwn) return this.#attempt.world.site;
    return ((await this.#attempt.call("stream", [this.#name])) as StreamView).site;
  }

  destroy(): Promise<void> {
    this.#attempt.check();
    return ask(this.#attempt, "destroyStream", this.#name);
  }

  get #isOwn(): boolean {
    return this.#name === this.#attempt.world.stream;
  }
}

/**
 * An agent as a handler sees it. As with {@link HandlerStream}, requests about the handler's own stream settle at once.
 */
export class HandlerAgent implements AgentRef {
  readonly #attempt: Attempt;
  readonly #stream: string;
  readonly #name: string;

  constructor(attempt: Attempt, stream: string, name: string) {
    this.#attempt = attempt;
    this.#stream = stream;
    this.#name = name;
    Object.freeze(this);
  }

  get stream(): string {
    return this.#stream;
  }

  get name(): string {
    return this.#name;
  }

  replaceHandler(event: HandlerName, handler: Handler | string | null): Promise<void> {
    this.#attempt.check();
    const source =
      handler === null ? null : this.#attempt.told(() => handlerSource(handler).source);
    return ask(this.#attempt, "replaceHandler", this.#stream, this.#name, event, source);
  }

  detach(): Promise<void> {
    this.#attempt.check();
    return ask(this.#attempt, "detachAgent", this.#stream, this.#name);
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
