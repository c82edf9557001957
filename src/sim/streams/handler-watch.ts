import type {
  AgentHost,
  AgentInstance,
  AgentProgram,
  Executor,
  HandlerName,
  Invocation,
  InvocationDone,
} from "../../agent/index.ts";
import { PassingExecutor, PassingInstance } from "./passing-executor.ts";

/** What a {@link HandlerWatch} needs to know. */
export interface HandlerWatchOptions {
  /** Whether the stream is at this site now, by all that its leader knows. */
  isHere(streamId: number): boolean;
  broken(invariant: string, what: string, stream: string): void;
  /** A batch of calls begins. */
  begins(stream: string, handler: HandlerName): void;
}

/** A batch that runs. */
interface Running {
  readonly agent: string;
  readonly handler: HandlerName;
  /** The message's id; of the first, when there are several. */
  readonly message: string | undefined;
}

/**
 * [I5] One thing at a time: while handlers of a stream run for a message, no other handler of the stream is begun, and
 * none of its agents is changed. Watches what a site's agents are told, from outside: it stands between the site and
 * its executor.
 */
export class HandlerWatch {
  readonly #options: HandlerWatchOptions;
  readonly #running = new Map<number, Map<object, Running>>();

  constructor(options: HandlerWatchOptions) {
    this.#options = options;
  }

  /** The same executor, watched. */
  over(executor: Executor): Executor {
    return new WatchedExecutor(executor, this);
  }

  /** An agent is started. */
  starts({ stream, streamId, agent }: AgentProgram): void {
    const others = this.#running.get(streamId);
    if (others === undefined || others.size === 0 || !this.#options.isHere(streamId)) return;
    this.#options.broken(
      "I5",
      `agent ${agent} of ${stream} was started while ${wordsOf(others)} ran`,
      stream,
    );
  }

  /** Calls are handed to an agent. */
  begins(
    key: object,
    { stream, streamId, agent }: AgentProgram,
    batch: readonly Invocation[],
  ): void {
    const [first] = batch;
    if (first === undefined) return;
    const running: Running = { agent, handler: first.handler, message: first.message?.id };
    let others = this.#running.get(streamId);
    if (others === undefined) {
      others = new Map();
      this.#running.set(streamId, others);
    }
    const isJoint = (other: Running): boolean =>
      other.handler === running.handler && other.message === running.message && batch.length === 1;
    for (const [each, other] of others)
      if (each === key || !isJoint(other))
        this.#options.broken(
          "I5",
          `${stream}/${agent} got ${running.handler} ${running.message ?? ""} while ${wordsOf(others)} ran`,
          stream,
        );
    others.set(key, running);
    this.#options.begins(stream, running.handler);
  }

  ends(key: object, { streamId }: AgentProgram): void {
    this.#running.get(streamId)?.delete(key);
  }

  /** A handler is replaced. */
  changes({ stream, streamId, agent }: AgentProgram): void {
    const others = this.#running.get(streamId);
    if (others !== undefined && others.size > 0 && this.#options.isHere(streamId))
      this.#options.broken(
        "I5",
        `${stream}/${agent} got another handler while ${wordsOf(others)} ran`,
        stream,
      );
  }
}

function wordsOf(running: ReadonlyMap<object, Running>): string {
  return [...running.values()]
    .map(({ agent, handler, message }) => `${handler} ${message ?? ""} of ${agent}`)
    .join(", ");
}

class WatchedExecutor extends PassingExecutor {
  readonly #watch: HandlerWatch;

  constructor(inner: Executor, watch: HandlerWatch) {
    super(inner);
    this.#watch = watch;
  }

  async start(program: AgentProgram, host: AgentHost): Promise<AgentInstance> {
    this.#watch.starts(program);
    return new WatchedInstance(await this.startInner(program, host), program, this.#watch);
  }
}

class WatchedInstance extends PassingInstance {
  readonly #program: AgentProgram;
  readonly #watch: HandlerWatch;
  #left = 0;

  constructor(inner: AgentInstance, program: AgentProgram, watch: HandlerWatch) {
    super(inner);
    this.#program = program;
    this.#watch = watch;
  }

  override run(batch: readonly Invocation[], done: InvocationDone): void {
    this.#watch.begins(this, this.#program, batch);
    this.#left += batch.length;
    super.run(batch, (index, result, more) => {
      if (--this.#left === 0) this.#watch.ends(this, this.#program);
      done(index, result, more);
    });
  }

  override setHandler(event: HandlerName, expression: string | null | undefined): Promise<void> {
    this.#watch.changes(this.#program);
    return super.setHandler(event, expression);
  }

  override close(): void {
    this.#watch.ends(this, this.#program);
    super.close();
  }
}
