import type { HandlerName, StreamEvent } from "../agent/index.ts";
import type { Shell } from "../session/shell/index.ts";

/** A virtual machine: latency, bandwidth, partitions and clock belong to it. Made by {@link Simulation.machine}. */
export interface Machine {
  readonly name: string;
}

/** A virtual site on a machine. Its name is its location. Made by {@link Simulation.createEngine}. */
export interface Engine {
  readonly name: string;
  readonly machine: Machine;
}

export interface EngineOptions {
  /** Share of the frames that this engine loses on their arrival, percent, 0..100. Default 0. */
  readonly drop?: number;
  /** Site name. Default: the machine's; a second engine of a machine needs one. */
  readonly name?: string;
}

/** What the active part of an application is: it drives the session, and may end before the reactive part does. */
export type ShellScript = (shell: Shell) => Promise<unknown>;

/** What can be given an execution time: the handlers of agents, and the kernel's steps. */
export type TimedStep = HandlerName | KernelStep;

/**
 * Steps of a site that take time: `send` and `receive`, for each frame; `control`, for each command of the leader;
 * `store`, for each write of records; `load`, for each start of an agent.
 */
export type KernelStep = "send" | "receive" | "control" | "store" | "load";

/**
 * A virtual session in one process: the code that ships, on a virtual clock and a virtual network. Everything that
 * happens is decided by the seed; the same seed gives the same trace.
 *
 * The vocabulary is that of AGNI's simulator. Times are in seconds of the virtual clock, which starts at 0. Parameters
 * may be changed at any time, also by {@link at}, and hold from then on. Names that are no machine's or engine's, and
 * numbers out of range: MeanderError `simulation-invalid`.
 */
export interface Simulation {
  readonly seed: number;
  /** In the order of their making. The first one leads the session. */
  readonly engines: readonly Engine[];
  /** How many shells there are. */
  readonly shellCount: number;

  /** The machine of that name; made by the first call. */
  machine(name: string): Machine;
  /** Puts a site on a machine. Before `run` it is there from the beginning; later it joins the running session. */
  createEngine(machine: Machine, options?: EngineOptions): Engine;
  /**
   * A shell at that site, whose script starts when the session stands. `name`: as a sender; default `shell-1`,
   * `shell-2`, …
   */
  createShell(engine: Engine, script: ShellScript, name?: string): void;

  /**
   * Has an engine forward a channel: from the beginning, as by the configuration of its site, or from now on.
   *
   * @param from engines that it receives the channel from, best first; none: what is published there
   * @param options stack: towards them, as in a configuration. Default `udp`
   */
  channel(
    engine: Engine,
    name: string,
    from?: readonly Engine[],
    options?: { readonly stack?: string },
  ): void;
  /**
   * A program beside that engine which publishes a channel there: 30 frames per second, a key frame every second; again
   * with another source generation whenever the engine was started again.
   *
   * @param options packetsPerFrame: 1..100. Default 3
   */
  publisher(
    engine: Engine,
    channel: string,
    options?: { readonly packetsPerFrame?: number },
  ): SimulatedPublisher;
  /** Somebody who watches a channel, at the first of these engines that answers, and elsewhere when that is gone. */
  viewer(channel: string, engines: readonly Engine[]): SimulatedViewer;

  /** Time a frame takes from this machine to any other, before what bandwidth adds. Default 0.0005. */
  sendLatency(machine: Machine, seconds: number): void;
  /** Of the machine's link, each way. Default: unlimited. */
  bandwidth(machine: Machine, bytesPerSecond: number): void;
  /** Virtual time that each run of a handler or step takes, on every site. Default 0. */
  executionTime(step: TimedStep, seconds: number): void;

  /** Share of the frames that arrive twice, percent, 0..100. */
  duplicate(percent: number): void;
  /** Share of the frames that later ones overtake, percent, 0..100. */
  reorder(percent: number): void;
  /** Loses everything between two machines, and breaks their connections, until {@link repair}. */
  partition(a: Machine, b: Machine): void;
  repair(a: Machine, b: Machine): void;
  /**
   * Loses what one machine sends to another until {@link heal}, and nobody is told: a half-open link. What connections
   * carry there comes late.
   */
  cut(from: Machine, to: Machine): void;
  heal(from: Machine, to: Machine): void;
  /** Keeps everything between two machines, until {@link release} delivers it in order. */
  hold(a: Machine, b: Machine): void;
  release(a: Machine, b: Machine): void;

  /** As `kill -9`: what it has on disk stays. */
  crash(engine: Engine): void;
  /** As SIGTERM: its streams, neighbours and viewers go elsewhere, and then it ends. */
  leave(engine: Engine): void;
  /** Starts a site again that crashed or left, as a new instance. */
  restart(engine: Engine): void;
  /** As SIGSTOP: its timers wait, what arrives waits. */
  pause(engine: Engine): void;
  resume(engine: Engine): void;
  /** Sets the machine's clock wrong: by `seconds` now, and by `driftPpm` microseconds more each second. */
  clockSkew(machine: Machine, seconds: number, driftPpm: number): void;

  /** Runs `action` at that time of the virtual clock; at once, when it is over. */
  at(seconds: number, action: () => void): void;
  /** The virtual clock, s. */
  clock(): number;
  /** Ends the run after the event that is being handled. */
  conclude(): void;
  /** Told of each line that agents print, when it is printed. Undone by the returned function. */
  onOutput(listener: (output: SimulatedOutput) => void): () => void;
  /**
   * Runs until {@link conclude}, or `untilSeconds` of the virtual clock. Once per simulation. Gives the event loop a
   * turn now and then.
   *
   * @throws what a shell's script threw, as it is
   */
  run(untilSeconds: number): Promise<SimulationResult>;
}

/** Made by {@link Simulation.publisher}. */
export interface SimulatedPublisher {
  /** Ends without a word. */
  stop(): void;
}

/** What a viewer got so far. Made by {@link Simulation.viewer}. */
export interface SimulatedViewer {
  /** Packets, those that came twice included. */
  readonly received: number;
  /** Packets of each source generation between the first and the last that never came. */
  readonly missing: number;
  /** Packets that came again. */
  readonly repeated: number;
  /** Names of the sites that the channel passes now, the publisher's first. */
  readonly path: readonly string[];
  /** The longest time between two packets of which the later came at `fromSeconds` or after it, s. */
  longestGap(fromSeconds?: number): number;
}

export interface SimulationOptions {
  /** u32 */
  readonly seed: number;
  /** Whether the result has the trace. Default false: long runs have long ones. */
  readonly trace?: boolean;
}

/** A line that an agent printed. */
export interface SimulatedOutput {
  /** When, s. */
  readonly seconds: number;
  readonly site: string;
  readonly stream: string;
  readonly agent: string;
  readonly line: string;
}

/** What a run led to. */
export interface SimulationResult {
  /** The virtual clock at its end, s. */
  readonly seconds: number;
  /** False: the time was up first. */
  readonly concluded: boolean;
  /** How many events were handled. */
  readonly events: number;
  /** Empty unless asked for. */
  readonly trace: readonly TraceEntry[];
  readonly output: readonly SimulatedOutput[];
  /** Broken promises of the delivery contract, first one first. The run ends with the first. */
  readonly violations: readonly Violation[];
  /** Messages. */
  readonly consumed: number;
  /**
   * Frames with messages of streams and shells, for each message consumed: 1 without loss and batching, the packet
   * ratio of AGNI's figure 5. NaN when nothing was consumed.
   */
  readonly packetRatio: number;
}

/** An invariant that did not hold. */
export interface Violation {
  /** When, s. */
  readonly seconds: number;
  /** `I1`, `I2`, … */
  readonly invariant: string;
  readonly what: string;
  /** Names of those concerned. */
  readonly streams: readonly string[];
  /** What happened last to these streams, and to the world around them: at most 40 entries, oldest first. */
  readonly log: readonly TraceEntry[];
}

/** One line of a trace. */
export interface TraceEntry {
  /** When, s. */
  readonly seconds: number;
  /** The engine or machine that it happened to; empty: to none. */
  readonly at: string;
  /** What: an event of a stream, or of the simulated world: `frame-sent`, `frame-lost`, `crashed`, `partitioned`, … */
  readonly type: StreamEvent["type"] | (string & {});
  readonly detail: Readonly<Record<string, string | number | boolean>>;
}
