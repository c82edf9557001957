import type {
  AgentHost,
  AgentInstance,
  AgentProgram,
  Executor,
  HandlerName,
  Invocation,
  InvocationDone,
  InvocationResult,
} from "../../agent/index.ts";
import { type Clock, MeanderError } from "../../base/index.ts";
import type { Fault } from "../../stream/index.ts";

/** What a {@link SimulatedProcess} is like. */
export interface SimulatedProcessOptions {
  readonly clock: Clock;
  /** What passes to the process, or back, takes this long, ms. */
  readonly hopMs: number;
  /** Whether an agent fails to start this time. */
  readonly failsToStart: () => boolean;
  /** Whether what runs may be found to have ended the process, for no reason of its own. Default: it may. */
  readonly mayBlame?: ((call: Invocation, program: AgentProgram) => boolean) | undefined;
}

const FAILED = "executor-failed";

/**
 * An executor that is as far away as a process: calls and results pass in both directions in order, later; and it may
 * end, with what its agents were about to tell. The agents themselves run in an executor of this thread.
 */
export class SimulatedProcess implements Executor {
  readonly kind = "process";
  readonly #inner: Executor;
  readonly #options: SimulatedProcessOptions;
  readonly #instances = new Set<DistantInstance>();
  /** Agents that are being started: told when the process ends meanwhile. */
  readonly #starting = new Set<() => void>();

  constructor(inner: Executor, options: SimulatedProcessOptions) {
    this.#inner = inner;
    this.#options = options;
  }

  async start(program: AgentProgram, host: AgentHost): Promise<AgentInstance> {
    const { clock, hopMs, failsToStart } = this.#options;
    let hasEnded = false;
    const end = (): void => {
      hasEnded = true;
    };
    this.#starting.add(end);
    await new Promise<void>((resolve) => void clock.after("process", hopMs, resolve));
    this.#starting.delete(end);
    if (hasEnded || failsToStart())
      throw new MeanderError(FAILED, "its process does not start", {
        where: `${program.stream}/${program.agent}`,
      });
    const there = new Lane(clock, hopMs);
    const back = new Lane(clock, hopMs);
    const call: AgentHost["call"] = (verb, argument) =>
      new Promise((resolve, reject) =>
        back.post(() =>
          host.call(verb, argument).then(
            (answer) => there.post(() => resolve(answer)),
            (error: unknown) => there.post(() => reject(error)),
          ),
        ),
      );
    const inner = await this.#inner.start(program, {
      call,
      log: (line) => back.post(() => host.log(line)),
      now: () => host.now(),
      random: () => host.random(),
    });
    const instance = new DistantInstance(inner, program, there, back, () =>
      this.#instances.delete(instance),
    );
    this.#instances.add(instance);
    return instance;
  }

  /**
   * Ends the process: what one of its agents runs has failed, what the others run never happened. @returns how many
   * agents it had
   */
  end(): number {
    const { mayBlame = () => true } = this.#options;
    const guilty = [...this.#instances].find(({ current }) => current !== undefined);
    const call = guilty?.current;
    if (guilty !== undefined && call !== undefined && !mayBlame(call, guilty.program)) return 0;
    return this.#end(guilty);
  }

  /** Ends the process because of what the instance of `inner` runs; what that has told before arrives. */
  endBy(inner: AgentInstance): void {
    const guilty = [...this.#instances].find((each) => each.inner === inner);
    guilty?.flush();
    this.#end(guilty);
  }

  #end(guilty: DistantInstance | undefined): number {
    const instances = [...this.#instances];
    for (const end of this.#starting) end();
    for (const instance of instances) instance.end(instance === guilty);
    return instances.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]();
  }
}

/** One direction between two processes: what is posted is done later, in order. */
class Lane {
  readonly #clock: Clock;
  readonly #hopMs: number;
  readonly #waiting: (() => void)[] = [];
  #isClosed = false;

  constructor(clock: Clock, hopMs: number) {
    this.#clock = clock;
    this.#hopMs = hopMs;
  }

  post(task: () => void): void {
    this.#waiting.push(task);
    // Of those that come at one instant the clock may take any one first.
    this.#clock.after("process", this.#hopMs, () => this.#waiting.shift()?.());
  }

  /** All that waits is done now. */
  flush(): void {
    while (this.#waiting.length > 0) this.#waiting.shift()?.();
  }

  /** Nothing comes out any more. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#waiting.fill(() => {});
  }
}

/** Calls that were not told of yet. */
interface Batch {
  told: number;
  readonly calls: readonly Invocation[];
  readonly count: number;
  readonly done: InvocationDone;
}

class DistantInstance implements AgentInstance {
  readonly ended: Promise<Fault>;
  readonly inner: AgentInstance;
  readonly program: AgentProgram;
  readonly #there: Lane;
  readonly #back: Lane;
  readonly #onClose: () => void;
  readonly #batches = new Set<Batch>();
  readonly #preparing = new Set<(error: Error) => void>();
  #isClosed = false;
  #tellEnd: (fault: Fault) => void = () => {};

  constructor(
    inner: AgentInstance,
    program: AgentProgram,
    there: Lane,
    back: Lane,
    onClose: () => void,
  ) {
    this.inner = inner;
    this.program = program;
    this.#there = there;
    this.#back = back;
    this.#onClose = onClose;
    this.ended = new Promise((resolve) => {
      this.#tellEnd = resolve;
    });
  }

  get handlers(): ReadonlySet<HandlerName> {
    return this.inner.handlers;
  }

  run(invocations: readonly Invocation[], done: InvocationDone): void {
    const batch: Batch = { told: 0, calls: invocations, count: invocations.length, done };
    this.#batches.add(batch);
    this.#there.post(() =>
      this.inner.run(invocations, (index, result) =>
        this.#back.post(() => {
          batch.told = index + 1;
          if (batch.told === batch.count) this.#batches.delete(batch);
          done(index, result);
        }),
      ),
    );
  }

  interrupt(): void {
    this.#there.post(() => this.inner.interrupt());
  }

  restore(briefcase: Uint8Array): void {
    this.#there.post(() => this.inner.restore(briefcase));
  }

  setHandler(event: HandlerName, expression: string | null | undefined): Promise<void> {
    if (this.#isClosed) return Promise.reject(ended(this.#agent));
    return new Promise((resolve, reject) => {
      this.#preparing.add(reject);
      const settle = (end: () => void): void =>
        this.#back.post(() => {
          this.#preparing.delete(reject);
          end();
        });
      this.#there.post(() =>
        this.inner.setHandler(event, expression).then(
          () => settle(resolve),
          (error: Error) => settle(() => reject(error)),
        ),
      );
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#there.close();
    this.#back.close();
    this.#batches.clear();
    for (const reject of this.#preparing) reject(ended(this.#agent));
    this.#preparing.clear();
    this.inner.close();
    this.#onClose();
  }

  /** What it has told arrives now. */
  flush(): void {
    this.#back.flush();
  }

  /** The first call that was not told of yet. */
  get current(): Invocation | undefined {
    const [batch] = this.#batches;
    return batch?.calls[batch.told];
  }

  get #agent(): string {
    return this.program.agent;
  }

  /** It cannot run any more. @param isGuilty its call was what ran */
  end(isGuilty: boolean): void {
    const fault: Fault = { code: FAILED, message: "its process ended", agent: this.#agent };
    const batches = [...this.#batches];
    this.close();
    let failed: InvocationResult | undefined = isGuilty
      ? { type: "failed", fault: { ...fault, endedExecutor: true } }
      : undefined;
    for (const { told, count, done } of batches)
      for (let index = told; index < count; index++) {
        done(index, failed ?? { type: "interrupted" });
        failed = undefined;
      }
    this.#tellEnd(fault);
  }
}

function ended(agent: string): MeanderError {
  return new MeanderError(FAILED, "its process ended", { where: `agent ${agent}` });
}
