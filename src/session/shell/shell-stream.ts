import type {
  AgentDefinition,
  AgentModule,
  AgentRef,
  Appended,
  AppendOptions,
  MoveResult,
  ShellPort,
  StreamRef,
} from "../../agent/define/index.ts";
import { definitionSource } from "../../agent/define/index.ts";
import { MeanderError } from "../../base/index.ts";
import type { Author } from "../../trust/index.ts";
import { packValue, unpackValue } from "../../wire/index.ts";
import type { AbortWatch } from "./abort-watch.ts";
import { milliseconds } from "./port-schemas.ts";
import { ShellAgent } from "./shell-agent.ts";
import { vouch } from "./vouch.ts";

/** How a shell appends. */
export interface ShellAppendOptions extends AppendOptions {
  /** Rejects the append with its reason. A message that was sent is still delivered. */
  readonly signal?: AbortSignal | undefined;
}

/** What overrides an agent's definition. */
export interface RegisterOptions {
  readonly name?: string;
  readonly briefcase?: object;
  /** Signs the code: policies can tell by whom it is. */
  readonly author?: Author;
}

/** A stream, as a shell controls it. */
export class ShellStream implements StreamRef {
  readonly name: string;
  readonly #port: ShellPort;
  readonly #aborts: AbortWatch;

  constructor(port: ShellPort, name: string, aborts: AbortWatch) {
    this.#port = port;
    this.#aborts = aborts;
    this.name = name;
  }

  /** As {@link StreamRef.append}. @throws {MeanderError} besides: `option-invalid` */
  async append(value: unknown, options: ShellAppendOptions = {}): Promise<Appended> {
    return await this.appendPacked(packValue(value), options);
  }

  /** The same for a packed value. */
  async appendPacked(payload: Uint8Array, options: ShellAppendOptions): Promise<Appended> {
    const { until = "buffered", timeoutMs, signal } = options;
    if (timeoutMs !== undefined) {
      checkMs("append: timeoutMs", timeoutMs);
      if (until !== "consumed") {
        throw new MeanderError("option-invalid", "only an append until consumed can time out", {
          where: "append: timeoutMs",
          next: 'add until: "consumed", or use a signal',
        });
      }
    }
    signal?.throwIfAborted();
    const request = { stream: this.name, payload, until, timeoutMs, signal };
    const { id, reply } = await this.#aborts.race(this.#port.append(request), signal);
    return { id, reply: reply === undefined ? undefined : unpackValue(reply) };
  }

  async move(to: string, options: { readonly deadlineMs?: number } = {}): Promise<MoveResult> {
    const { deadlineMs } = options;
    if (deadlineMs !== undefined) checkMs("move: deadlineMs", deadlineMs);
    return await this.#port.move(this.name, to, deadlineMs);
  }

  async registerAgent<Briefcase extends object>(
    agent: AgentDefinition<Briefcase> | AgentModule,
    options: RegisterOptions = {},
  ): Promise<AgentRef> {
    const { source, file, name, briefcase } = uploadOf(agent, options);
    const claim = { kind: "agent", source, scope: `streams/${this.name}` } as const;
    const signed = await vouch(this.#port, options.author, claim);
    const spec = await this.#port.attachAgent(this.name, {
      source,
      file,
      name,
      briefcase: briefcase === undefined ? undefined : packValue(briefcase),
      signed,
    });
    return this.agent(spec.name);
  }

  agent(name: string): AgentRef {
    return new ShellAgent(this.#port, this.name, name);
  }

  async location(): Promise<string> {
    return (await this.#port.stream(this.name)).site;
  }

  destroy(): Promise<void> {
    return this.#port.destroyStream(this.name);
  }
}

/** @throws {MeanderError} `option-invalid` */
export function checkMs(where: string, ms: number): void {
  if (milliseconds.safeParse(ms).success) return;
  throw new MeanderError("option-invalid", `got ${String(ms)}`, {
    where,
    expected: `milliseconds, 0 to ${milliseconds.maxValue ?? "any"}`,
  });
}

/** What is uploaded of a definition, or of the text of a module. @throws {MeanderError} `agent-invalid` */
export function uploadOf<Briefcase extends object>(
  agent: AgentDefinition<Briefcase> | AgentModule,
  options: RegisterOptions,
) {
  const { name, briefcase } = options;
  if (isModule(agent)) return { source: agent.source, file: agent.file, name, briefcase };
  // What starts the agent travels as values, not as text: Map, Set and bytes stay what they are.
  return {
    source: definitionSource(agent).source,
    file: undefined,
    name: name ?? agent.name,
    briefcase: briefcase ?? agent.briefcase,
  };
}

function isModule(agent: object | null): agent is AgentModule {
  return typeof agent === "object" && agent !== null && "source" in agent;
}
