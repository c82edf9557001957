import type { Fault } from "../../stream/index.ts";
import { packValue } from "../../wire/index.ts";
import type { AgentInstance, InvocationResult } from "../executor.ts";
import type { AgentSpec, HandlerName } from "../model.ts";
import type { AgentConnection } from "./agent-connection.ts";

const NOTHING = packValue(undefined);

/** An agent that was started at this site, and may stay when its stream leaves. */
export class RunningAgent {
  readonly instance: AgentInstance;
  readonly connection: AgentConnection;
  /** It runs in the process of its site. */
  readonly isInline: boolean;
  #spec: AgentSpec;
  #ended: Fault | undefined;
  #closed = false;

  constructor(
    spec: AgentSpec,
    instance: AgentInstance,
    connection: AgentConnection,
    isInline = false,
  ) {
    this.#spec = spec;
    this.instance = instance;
    this.connection = connection;
    this.isInline = isInline;
    void this.#watch();
  }

  /** What it runs. */
  get spec(): AgentSpec {
    return this.#spec;
  }

  /** Why it cannot run any more. */
  get ended(): Fault | undefined {
    return this.#ended;
  }

  /** Runs `init` or `finalize`. */
  run(handler: "init" | "finalize"): Promise<InvocationResult> {
    return new Promise((resolve) =>
      this.instance.run([{ handler, argument: NOTHING, message: undefined }], (_, result) =>
        resolve(result),
      ),
    );
  }

  /**
   * Replaces a handler; `code` is the hash of `expression`. Between calls only; when it fails the old one stays.
   *
   * @throws {MeanderError} `code-…`
   */
  async setHandler(
    event: HandlerName,
    code: string | null,
    expression: string | null,
  ): Promise<void> {
    await this.instance.setHandler(event, expression);
    this.#spec = { ...this.#spec, replaced: { ...this.#spec.replaced, [event]: code } };
  }

  /** Closing it twice does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.instance.close();
  }

  async #watch(): Promise<void> {
    const fault = await this.instance.ended;
    if (this.#closed) return;
    this.#ended = fault;
    this.connection.residence.ended(this.#spec.name, fault);
  }
}
