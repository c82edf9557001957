import type { AgentSpec, AgentState, Executor, Isolation, SessionPort } from "../agent/index.ts";
import { AgentSet, SiteAgents } from "../agent/set/index.ts";
import { type Clock, LIMITS, type Log, MeanderError, type Random } from "../base/index.ts";
import type { CodeStore } from "../code/index.ts";
import type { StreamRecord } from "../session/index.ts";
import type {
  Denies,
  LifecycleEvent,
  Location,
  Resident,
  Sender,
  StreamKernel,
  StreamState,
} from "../stream/index.ts";
import { HeldAgents } from "./held-agents.ts";
import type { InlineMarks } from "./inline-marks.ts";
import type { OwnerPace } from "./owner-pace.ts";
import type { ReportEvent } from "./ports.ts";

/** What {@link HostedStreams} uses. */
export interface HostedStreamsPorts {
  /** The name of this site. */
  readonly site: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly kernel: Pick<StreamKernel, "residents" | "install" | "remove" | "setLocation">;
  readonly executors: { readonly inline?: Executor; readonly process?: Executor };
  readonly code: Pick<CodeStore, "get">;
  /** Whether agents may run in this thread. */
  readonly allowsInline: boolean;
  /** Default: `LIMITS.residentStreamsMax`. */
  readonly streamsMax: number | undefined;
  /** The session as the agents of a stream see it. */
  portOf(record: StreamRecord): SessionPort;
  /** Notes what is about to run in this process. */
  readonly marks: Pick<InlineMarks, "of" | "forget">;
  /** Writes a stream's state to its keeper. */
  writeRecord(record: StreamRecord, state: Uint8Array): Promise<void>;
  /** Why a sender may not append to a stream; undefined: it may. A promise: that is being judged. */
  appendDenial(stream: string, sender: Sender): ReturnType<Denies>;
  readonly report: ReportEvent;
  readonly pace: OwnerPace;
  /** The agents of a stream are about to be started. */
  onRun(): void;
  /** An agent asked to be detached. */
  onAgentExit(stream: string, agent: string): void;
}

/** The streams at this site, each with its agents. */
export class HostedStreams {
  readonly siteAgents: SiteAgents;
  readonly #ports: HostedStreamsPorts;
  readonly #agents = new Map<number, AgentSet>();
  /** Halted as a whole. */
  readonly #held = new Map<
    number,
    { readonly record: StreamRecord; readonly agents: HeldAgents; readonly isApart: boolean }
  >();

  constructor(ports: HostedStreamsPorts) {
    this.#ports = ports;
    this.siteAgents = new SiteAgents({ log: ports.log });
  }

  get all(): ReadonlyMap<number, Resident> {
    return this.#ports.kernel.residents;
  }

  resident(id: number): Resident | undefined {
    return this.#ports.kernel.residents.get(id);
  }

  agentsOf(id: number): AgentSet | undefined {
    return this.#agents.get(id);
  }

  /**
   * Starts a stream's agents here, ahead of the stream itself.
   *
   * @param isApart something that it ran may have ended a site: none of its agents runs in this process, now or later,
   *   as long as it is here (docs/spec/streams.md [M14])
   * @throws {MeanderError} `code-…`, `executor-failed`, `site-full`, …
   */
  async openAgents(
    record: StreamRecord,
    state: Uint8Array | readonly AgentState[],
    isApart = false,
  ): Promise<AgentSet> {
    const { clock, random, log, executors, code, site, portOf, report, pace, onAgentExit } =
      this.#ports;
    const { streamsMax = LIMITS.residentStreamsMax } = this.#ports;
    if (this.all.size >= streamsMax && this.resident(record.id) === undefined) {
      throw new MeanderError("site-full", `the site has ${streamsMax} streams already`, {
        where: `site ${site}`,
        next: "choose another site",
      });
    }
    this.#ports.onRun();
    const isolationOf = this.#isolationFor(record.name, isApart);
    return await AgentSet.open({
      stream: { name: record.name, id: record.id },
      site,
      state,
      ...{ executors, isolationOf },
      code: (sha256) => code.get(sha256),
      siteAgents: this.siteAgents,
      port: portOf(record),
      output: ({ name: agent, owner }, line) => {
        if (pace.mayLog(owner, line.length))
          report({ type: "output", stream: record.name, agent, line });
      },
      pace,
      onExit: (agent) => onAgentExit(record.name, agent),
      clock,
      random,
      log,
    });
  }

  /** The stream is at this site from this call on. Settles when its agents have handled `first`. */
  async install(
    record: StreamRecord,
    agents: AgentSet,
    state: StreamState,
    first: LifecycleEvent | undefined,
  ): Promise<void> {
    const old = this.#agents.get(record.id);
    this.#agents.set(record.id, agents);
    this.#held.delete(record.id);
    const resident = this.#settle(record, agents, state, first);
    if (old !== undefined && old !== agents) old.close();
    this.#ports.kernel.setLocation(locationOf(record));
    await resident.start();
  }

  /**
   * As {@link install}, but its agents are not started, and it runs nothing, until {@link resume}.
   *
   * @param isApart as for {@link openAgents}, when they are
   */
  async hold(
    record: StreamRecord,
    state: StreamState,
    first: LifecycleEvent | undefined,
    isApart: boolean,
  ): Promise<void> {
    const agents = new HeldAgents(state.consumer);
    const old = this.#agents.get(record.id);
    this.#agents.delete(record.id);
    this.#held.set(record.id, { record, agents, isApart });
    const resident = this.#settle(record, agents, state, first);
    old?.close();
    this.#ports.kernel.setLocation(locationOf(record));
    await resident.start();
  }

  /** Whether a stream is one of them. */
  isHeld(id: number): boolean {
    return this.#held.has(id);
  }

  /**
   * Starts the agents of a stream that is halted as a whole, and has it go on.
   *
   * @throws {MeanderError} as {@link openAgents}; it stays halted then
   */
  async resume(id: number): Promise<void> {
    const held = this.#held.get(id);
    if (held === undefined) return;
    const agents = await this.openAgents(held.record, held.agents.snapshot(), held.isApart);
    const resident = this.resident(id);
    if (this.#held.get(id) !== held || resident === undefined) {
      agents.close();
      return;
    }
    this.#held.delete(id);
    this.#agents.set(id, agents);
    held.agents.release(agents);
    await resident.halt.resume();
  }

  /** The streams that are halted as a whole. */
  get held(): readonly number[] {
    return [...this.#held.keys()];
  }

  #settle(
    record: StreamRecord,
    consumer: AgentSet | HeldAgents,
    state: StreamState,
    first: LifecycleEvent | undefined,
  ): Resident {
    const { kernel, marks, writeRecord, appendDenial } = this.#ports;
    const { id, name, streamEpoch, durability } = record;
    return kernel.install({
      id,
      name,
      streamEpoch,
      durability,
      consumer,
      state,
      keep: (bytes) => writeRecord(record, bytes),
      marks: marks.of(record),
      first,
      isHalted: consumer instanceof HeldAgents,
      denies: (sender) => appendDenial(name, sender),
    });
  }

  /** The stream is no longer at this site. */
  drop(id: number): void {
    this.#agents.delete(id);
    this.#held.delete(id);
    this.#ports.kernel.remove(id);
    this.#ports.marks.forget(id);
  }

  /** Closes all agents, after the kernel. */
  close(): void {
    for (const agents of this.#agents.values()) agents.close();
    this.#agents.clear();
  }

  /** What the agents of a stream get while it is here. */
  #isolationFor(stream: string, isApart: boolean): (spec: AgentSpec) => Isolation {
    const { executors, allowsInline, log } = this.#ports;
    const mayInline = allowsInline && executors.inline !== undefined;
    if (!isApart || executors.process === undefined)
      return (spec) => this.#isolationOf(spec, mayInline);
    let isTold = !mayInline;
    return (spec) => {
      if (spec.isolation === "inline" && !isTold) {
        isTold = true;
        log.warn("Inline agents run in a process here: their stream may have ended a site.", {
          stream,
        });
      }
      return this.#isolationOf(spec, false);
    };
  }

  #isolationOf({ isolation }: AgentSpec, mayInline: boolean): Isolation {
    const { executors, site } = this.#ports;
    if (isolation === "inline" && mayInline) return "inline";
    if (executors.process !== undefined) return isolation === "inline" ? "process" : isolation;
    if (executors.inline !== undefined) return "inline";
    throw new MeanderError("isolation-refused", "this site runs no agents", {
      where: `site ${site}`,
    });
  }
}

/** Where a record says that its stream is. */
export function locationOf(record: StreamRecord): Location {
  const { id, name, site, instance, streamEpoch, status } = record;
  return { id, name, siteInstance: { site, instance }, streamEpoch, live: status === "live" };
}
