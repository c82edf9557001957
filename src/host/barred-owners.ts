import type {
  AgentHost,
  AgentInstance,
  AgentProgram,
  Executor,
  HandlerName,
  Invocation,
  InvocationDone,
} from "../agent/index.ts";
import { type Log, MeanderError } from "../base/index.ts";
import type { Change } from "../directory/index.ts";
import { barredOwnerSchema } from "../session/index.ts";
import type { Fault } from "../stream/index.ts";

/** Executors of a site, by kind. */
interface Executors {
  readonly inline?: Executor;
  readonly process?: Executor;
}

/**
 * [A75] Owners whose agents do not run: their tokens were revoked. What runs ends without effect, and is not started
 * again before the owner is let; the messages wait.
 */
export class BarredOwners {
  readonly #log: Log;
  /** By key of the directory. */
  readonly #owners = new Map<string, string>();
  /** What runs now, by owner. */
  readonly #running = new Map<string, Set<BarrableInstance>>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** A change below `access/barred/`. */
  take(change: Change): void {
    if (change.type === "synced") return;
    if (change.type === "deleted") {
      this.#owners.delete(change.key);
      return;
    }
    const { key, value } = change.entry;
    const barred = barredOwnerSchema.safeParse(value).data;
    if (barred === undefined) return;
    this.#owners.set(key, barred.owner);
    this.#end(barred.owner);
  }

  /** The same executors, which run nothing of barred owners. What they have is ended by who made them. */
  over({ inline, process }: Executors): Executors {
    return {
      ...(inline === undefined ? {} : { inline: this.#over(inline) }),
      ...(process === undefined ? {} : { process: this.#over(process) }),
    };
  }

  #over(executor: Executor): Executor {
    return {
      kind: executor.kind,
      start: async (program, host) => {
        this.#check(program);
        const { owner } = program;
        const instance = new BarrableInstance(program.agent, () => this.#ended(owner, instance));
        const started = await executor.start(program, instance.hostOver(host));
        instance.begin(started);
        // It may have been barred meanwhile.
        if (this.#isBarred(owner)) instance.close();
        this.#check(program);
        const others = this.#running.get(owner);
        if (others === undefined) this.#running.set(owner, new Set([instance]));
        else others.add(instance);
        return instance;
      },
      [Symbol.asyncDispose]: () => executor[Symbol.asyncDispose](),
    };
  }

  #ended(owner: string, instance: BarrableInstance): void {
    const others = this.#running.get(owner);
    if (others?.delete(instance) && others.size === 0) this.#running.delete(owner);
  }

  #isBarred(owner: string): boolean {
    if (this.#owners.size === 0) return false;
    return [...this.#owners.values()].includes(owner);
  }

  #end(owner: string): void {
    const running = [...(this.#running.get(owner) ?? [])];
    this.#running.delete(owner);
    if (running.length > 0)
      this.#log.warn("Agents were ended: their owner may run none any more.", {
        ...{ owner, agents: running.length },
      });
    for (const instance of running) instance.bar(ownerBarred(owner));
  }

  /** @throws {MeanderError} `owner-barred` */
  #check({ owner, stream }: AgentProgram): void {
    if (this.#isBarred(owner)) throw ownerBarred(owner, stream);
  }
}

/** An agent that can be ended from outside, whatever it does. */
class BarrableInstance implements AgentInstance {
  readonly ended: Promise<Fault>;
  readonly #agent: string;
  readonly #onClosed: () => void;
  #inner: AgentInstance | undefined;
  #end: (fault: Fault) => void = () => {};
  /** The calls that have no result yet. */
  #open: { readonly done: InvocationDone; readonly count: number; next: number } | undefined;
  #barred: MeanderError | undefined;

  constructor(agent: string, onClosed: () => void) {
    this.#agent = agent;
    this.#onClosed = onClosed;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  begin(inner: AgentInstance): void {
    this.#inner = inner;
    void inner.ended.then((fault) => {
      this.#onClosed();
      this.#end(fault);
    });
  }

  /** What it asks of its site from now on is refused once it is barred. */
  hostOver(host: AgentHost): AgentHost {
    return {
      call: async (verb, argument) => {
        if (this.#barred !== undefined) throw this.#barred;
        return await host.call(verb, argument);
      },
      log: (line) => {
        if (this.#barred === undefined) host.log(line);
      },
      now: () => host.now(),
      random: () => host.random(),
    };
  }

  get handlers(): ReadonlySet<HandlerName> {
    return this.#there.handlers;
  }

  run(batch: readonly Invocation[], done: InvocationDone): void {
    const open = { done, count: batch.length, next: 0 };
    this.#open = open;
    this.#there.run(batch, (index, result, more) => {
      if (this.#barred !== undefined) return;
      open.next = index + 1;
      if (open.next === open.count) this.#open = undefined;
      done(index, result, more);
    });
  }

  interrupt(): void {
    this.#inner?.interrupt();
  }

  restore(briefcase: Uint8Array): void {
    this.#there.restore(briefcase);
  }

  async setHandler(event: HandlerName, expression: string | null | undefined): Promise<void> {
    if (this.#barred !== undefined) throw this.#barred;
    await this.#there.setHandler(event, expression);
  }

  close(): void {
    this.#onClosed();
    this.#inner?.close();
  }

  /** Ends it now: nothing of what runs counts. */
  bar(error: MeanderError): void {
    if (this.#barred !== undefined) return;
    this.#barred = error;
    const open = this.#open;
    this.#open = undefined;
    this.#inner?.close();
    this.#end({ code: error.code, message: error.message, agent: this.#agent });
    if (open === undefined) return;
    for (let index = open.next; index < open.count; index++)
      open.done(index, { type: "interrupted" });
  }

  get #there(): AgentInstance {
    if (this.#inner !== undefined) return this.#inner;
    throw new MeanderError("executor-failed", "the agent has not started");
  }
}

function ownerBarred(owner: string, stream?: string): MeanderError {
  return new MeanderError("owner-barred", `the tokens of ${owner} were revoked: its agents rest`, {
    where: stream === undefined ? `agents of ${owner}` : `stream ${stream}`,
    next: "make a token of that name again, or attach another agent and detach this one",
  });
}
