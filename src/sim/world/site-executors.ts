import type { AgentProgram, Executor, InlineExecutor, Invocation } from "../../agent/index.ts";
import { MortalExecutor, type MortalExecutorOptions } from "../streams/mortal-executor.ts";
import { SimulatedProcess, type SimulatedProcessOptions } from "../streams/simulated-process.ts";
import { TimedExecutor } from "../streams/timed-executor.ts";
import type { SimSite } from "./sim-site.ts";
import type { World } from "./world.ts";

/** What the agents of a simulated site run in, and what ends it. */
export interface SiteExecutorOptions {
  /** An executor besides the inline one: agents that ask for a process get it. Default: they run inline. */
  readonly process?: Omit<SimulatedProcessOptions, "clock"> | undefined;
  /** When a call ends what runs it: the process of its agents, or the site itself. Default: never. */
  readonly endsAt?: MortalExecutorOptions["endsAt"] | undefined;
  /** A call has ended what ran it. @param isSite that was the site itself, which is down */
  readonly onEnded?:
    | ((site: SimSite, call: Invocation, program: AgentProgram, isSite: boolean) => void)
    | undefined;
}

/** What the agents of one process of a simulated site run in: watched, and slow. */
export class SiteExecutors {
  readonly inline: Executor;
  readonly process?: Executor;
  readonly #distant: SimulatedProcess | undefined;

  constructor(
    world: World,
    site: SimSite,
    executor: InlineExecutor,
    { process: distance, endsAt = () => undefined, onEnded }: SiteExecutorOptions,
  ) {
    const { process: clock } = site;
    const watch = world.invariants.watchHandlers(site);
    const slow = new TimedExecutor(executor, clock, (step) => site.msOf(step));
    const die: MortalExecutorOptions["die"] = (_instance, call, program) => {
      site.kill();
      onEnded?.(site, call, program, true);
    };
    this.inline = watch.over(new MortalExecutor(slow, { clock, endsAt, die }));
    if (distance === undefined) return;
    const distant: SimulatedProcess = new SimulatedProcess(
      new MortalExecutor(slow, {
        ...{ clock, endsAt },
        die: (instance, call, program) => {
          distant.endBy(instance);
          onEnded?.(site, call, program, false);
        },
      }),
      { clock, ...distance },
    );
    this.#distant = distant;
    this.process = watch.over(distant);
  }

  /** Ends the process of the agents, if there is one. @returns how many agents it had */
  endProcess(): number {
    return this.#distant?.end() ?? 0;
  }
}
