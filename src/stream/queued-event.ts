import {
  EVENT_HANDLERS,
  type EventCall,
  type EventFailure,
  type LifecycleEvent,
  type Tries,
} from "./consumer.ts";
import { deathOf } from "./executor-death.ts";
import type { StreamContext } from "./stream-context.ts";
import type { DeadLetter, EventState, FailedEvent } from "./stream-state.ts";

/** An event that no handler has been told of. */
export interface Told {
  readonly type: "told";
  readonly event: LifecycleEvent;
  /** It waited behind one that failed, so that a record may have it. */
  waited: boolean;
}

/** A handler that failed, and waits for its next attempt. */
export interface Failed extends FailedEvent {
  /** On the clock, ms. */
  readonly readyAt: number;
  /** The dead letter that it is. */
  readonly letter: DeadLetter | undefined;
}

/** An event in the queue. */
export type Entry = Told | Failed;

/** How often an event was tried, and what came of it. */
export type History = Pick<Failed, "attempts" | "spared" | "deaths">;

/** Of an event that was not tried before. */
export const NEW: History = { attempts: 0, spared: 0, deaths: [] };

/** With one more attempt, which failed. */
export function historyWith(
  before: History,
  { fault, isSpared = false }: EventFailure,
  stream: StreamContext,
): History {
  const died = fault.endedExecutor === true ? [deathOf(fault, stream)] : [];
  return {
    attempts: before.attempts + 1,
    spared: before.spared + (isSpared ? 1 : 0),
    deaths: [...before.deaths, ...died],
  };
}

/** Who sent an event, so to say: `counter:timer` is the handler `timer` of the agent `counter`. */
export function sourceNameOf({ agent, handler }: Pick<EventCall, "agent" | "handler">): string {
  return `${agent}:${handler}`;
}

/** The call that a dead letter was; undefined when it is no event. */
export function callOf({ sourceName, payload }: DeadLetter): EventCall | undefined {
  const [agent = "", name] = sourceName.split(":");
  const handler = EVENT_HANDLERS.find((each) => each === name);
  return handler === undefined ? undefined : { agent, handler, argument: payload };
}

/** As it travels. */
export function stateOf(entry: Entry): EventState {
  if (entry.type === "told") return { type: "told", event: entry.event };
  const { type, call, seq, attempts, spared, deaths, fault, halted } = entry;
  return { type, call, seq, attempts, spared, deaths, fault, halted };
}

/** For its next attempt. */
export function triesOf({ attempts, spared, deaths }: History): Tries {
  return { attempt: attempts + 1, deaths: deaths.length, spared };
}
