import { LIMITS, type Log, MeanderError } from "../../base/index.ts";
import type { EndpointId } from "../../stream/index.ts";
import type { AgentSpec } from "../model.ts";
import type { Residence } from "./agent-connection.ts";
import type { RunningAgent } from "./running-agent.ts";

/** What a site has of an agent that arrives. */
export interface Remembered {
  /** Its instance from the last visit, with what it kept in `ctx.local`. */
  readonly running: RunningAgent | undefined;
  /** Whether its init handler ran here. */
  readonly isInitialised: boolean;
}

/** What became of the agents of {@link SiteAgents.forget}, by name. */
export interface Forgotten {
  /** Their finalize handler has run, or they have none. */
  readonly finalized: readonly string[];
  /** They were here, but what they kept here is gone already, or their finalize handler failed. */
  readonly skipped: readonly string[];
}

interface Visit {
  readonly agent: string;
  readonly code: string;
  isInitialised: boolean;
  /** Who has the agent now, when its stream is here. */
  holder: object | undefined;
}

/**
 * What a site remembers of the agents that were at it: whether their init handler ran here, and their instances, which
 * wait for their stream to come back. Bounded: of the instances, and then of the visits, the oldest are removed first;
 * an agent whose visit was forgotten is initialised again.
 */
export class SiteAgents {
  readonly #log: Log;
  readonly #instancesMax: number;
  readonly #visitsMax: number;
  /** By stream and agent; the oldest first. */
  readonly #visits = new Map<string, Visit>();
  /** Those whose stream is elsewhere; the oldest first. */
  readonly #waiting = new Map<string, RunningAgent>();

  constructor({
    log,
    instancesMax = LIMITS.waitingAgentsMax,
    visitsMax = LIMITS.agentVisitsMax,
  }: {
    readonly log: Log;
    readonly instancesMax?: number;
    readonly visitsMax?: number;
  }) {
    this.#log = log;
    this.#instancesMax = instancesMax;
    this.#visitsMax = visitsMax;
  }

  /** Instances whose stream is elsewhere. */
  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** An agent is to run here for `holder`, which gets what there is of it. */
  arrive(holder: object, stream: EndpointId, spec: AgentSpec): Remembered {
    const key = keyOf(stream, spec.name);
    const running = this.#waiting.get(key);
    this.#waiting.delete(key);
    const visit = this.#visits.get(key);
    const isSame = visit?.code === spec.code;
    const isInitialised = isSame && visit.isInitialised;
    this.#visits.delete(key);
    this.#visits.set(key, { agent: spec.name, code: spec.code, isInitialised, holder });
    this.#bound();
    if (running === undefined) return { running, isInitialised };
    if (isSame && running.ended === undefined && startsAlike(running.spec, spec))
      return { running, isInitialised };
    running.close();
    return { running: undefined, isInitialised };
  }

  /** Its stream is here now, and the init handler has run. */
  settle(holder: object, stream: EndpointId, agent: string): void {
    const visit = this.#visits.get(keyOf(stream, agent));
    if (visit?.holder === holder) visit.isInitialised = true;
  }

  /** Its stream has left. An instance that can still run is kept; it is idle. */
  leave(holder: object, stream: EndpointId, running: RunningAgent): void {
    const { name } = running.spec;
    const key = keyOf(stream, name);
    const visit = this.#visits.get(key);
    const isHeld = visit?.holder === holder;
    this.lose(holder, stream, name);
    // Else the arrival was aborted, or the stream has returned before it was seen to leave.
    if (!isHeld || !visit.isInitialised || running.ended !== undefined) {
      running.close();
      return;
    }
    running.connection.residence = this.#residenceOf(stream);
    this.#visits.delete(key);
    this.#visits.set(key, visit);
    this.#waiting.set(key, running);
    this.#bound();
  }

  /** It was here, but its instance has ended. */
  lose(holder: object, stream: EndpointId, agent: string): void {
    const visit = this.#visits.get(keyOf(stream, agent));
    if (visit?.holder !== holder) return;
    visit.holder = undefined;
    if (!visit.isInitialised) this.#visits.delete(keyOf(stream, agent));
  }

  /** Nothing remains of it. */
  remove(holder: object, stream: EndpointId, agent: string): void {
    const key = keyOf(stream, agent);
    if (this.#visits.get(key)?.holder === holder) this.#visits.delete(key);
  }

  /**
   * Forgets the agents of a stream, or one of them, after their finalize handlers. Those whose stream is here are not
   * touched. What the handlers send is lost: their stream is not here to send it.
   */
  async forget(stream: EndpointId, agent?: string): Promise<Forgotten> {
    const finalized: string[] = [];
    const skipped: string[] = [];
    const gone: Promise<void>[] = [];
    for (const [key, visit] of this.#visits) {
      if (visit.holder !== undefined || !key.startsWith(keyOf(stream, agent ?? ""))) continue;
      if (agent !== undefined && visit.agent !== agent) continue;
      const running = this.#waiting.get(key);
      this.#visits.delete(key);
      this.#waiting.delete(key);
      gone.push(
        this.#finalize(stream, running).then((isDone) => {
          (isDone ? finalized : skipped).push(visit.agent);
        }),
      );
    }
    await Promise.all(gone);
    return { finalized: finalized.sort(), skipped: skipped.sort() };
  }

  /** Closes the instances, without their finalize handlers: the site stops, and their streams live on elsewhere. */
  close(): void {
    for (const running of this.#waiting.values()) running.close();
    this.#waiting.clear();
  }

  async #finalize(stream: EndpointId, running: RunningAgent | undefined): Promise<boolean> {
    if (running === undefined) return false;
    let isDone = running.ended === undefined;
    if (isDone && running.instance.handlers.has("finalize")) {
      const result = await running.run("finalize");
      isDone = result.type === "done";
      if (result.type === "failed") {
        this.#log.warn("A finalize handler failed.", { stream, ...result.fault });
      }
    }
    running.close();
    return isDone;
  }

  #bound(): void {
    for (const [key, running] of this.#waiting) {
      if (this.#waiting.size <= this.#instancesMax) break;
      this.#waiting.delete(key);
      running.close();
    }
    for (const [key, visit] of this.#visits) {
      if (this.#visits.size <= this.#visitsMax) break;
      if (visit.holder !== undefined) continue;
      this.#visits.delete(key);
      this.#waiting.get(key)?.close();
      this.#waiting.delete(key);
    }
  }

  #residenceOf(stream: EndpointId): Residence {
    return {
      call: ({ name }) => Promise.reject(streamElsewhere(`agent ${name}`)),
      output: ({ name }, line) => this.#log.info(line, { stream, agent: name }),
      ended: (agent, { code, message }) =>
        this.#log.warn("An agent ended while its stream was elsewhere.", {
          stream,
          agent,
          code,
          message,
        }),
    };
  }
}

/** What an agent asks, or is to be done to it, fails with this once its stream is not here any more. */
export function streamElsewhere(where: string): MeanderError {
  return new MeanderError("stream-elsewhere", "the stream is not at this site any more", {
    where,
  });
}

/** Whether an instance of one serves for the other, apart from replaced handlers. */
function startsAlike(one: AgentSpec, other: AgentSpec): boolean {
  return (
    one.code === other.code &&
    one.owner === other.owner &&
    one.isolation === other.isolation &&
    one.limits.handlerMs === other.limits.handlerMs &&
    one.limits.memoryMb === other.limits.memoryMb &&
    one.limits.briefcaseBytes === other.limits.briefcaseBytes
  );
}

function keyOf(stream: EndpointId, agent: string): string {
  return `${stream}/${agent}`;
}
