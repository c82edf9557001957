import { z } from "zod";
import { packValue, unpackValue } from "../wire/index.ts";
import {
  type Append,
  EVENT_HANDLERS,
  type EventCall,
  type Fault,
  type LifecycleEvent,
} from "./consumer.ts";
import type { ExecutorDeath, Suspect } from "./executor-death.ts";
import type { Segment } from "./frames.ts";
import type { EndpointId } from "./model.ts";
import type { PairState } from "./receive-pair.ts";

/**
 * A message that its handlers failed on too often. Or an event: then the source is 0, its name says which handler, and
 * the payload is its argument.
 */
export interface DeadLetter {
  readonly source: EndpointId;
  readonly sourceName: string;
  readonly seq: number;
  readonly attempts: number;
  readonly fault: Fault;
  /** The executors that ended while it ran. */
  readonly deaths: readonly ExecutorDeath[];
  readonly payload: Uint8Array;
}

/** The message that is tried again, or that halted the stream. */
export interface Trouble {
  readonly source: EndpointId;
  readonly seq: number;
  /** Attempts so far. */
  readonly attempts: number;
  readonly fault: Fault;
  readonly halted: boolean;
}

/** An event of which a handler failed. */
export interface FailedEvent {
  readonly type: "failed";
  readonly call: EventCall;
  /** Of the events of this stream that failed; with the handler its name. */
  readonly seq: number;
  /** Attempts so far. */
  readonly attempts: number;
  /** Of these, those that failed for no fault of the handler. */
  readonly spared: number;
  /** The executors that ended while it ran. */
  readonly deaths: readonly ExecutorDeath[];
  readonly fault: Fault;
  readonly halted: boolean;
}

/**
 * An event that is not over: none of its handlers was told, or one failed and is tried again, or has halted the stream.
 */
export type EventState = { readonly type: "told"; readonly event: LifecycleEvent } | FailedEvent;

/** A send window: its target, and what is not acknowledged. */
export interface WindowState {
  readonly target: EndpointId;
  readonly targetName: string;
  readonly base: number;
  readonly next: number;
  readonly resync: boolean;
  readonly segments: readonly Segment[];
}

/** Everything of a stream that travels, and that its record keeps (docs/spec/streams.md [M34]). */
export interface StreamState {
  readonly inbound: readonly PairState[];
  readonly replies: readonly PairState[];
  readonly outbound: readonly WindowState[];
  readonly unresolved: readonly Append[];
  /** Of the agents: `Consumer.snapshot`. */
  readonly consumer: Uint8Array;
  readonly timers: readonly {
    readonly agent: string;
    readonly delayMs: number;
    readonly payload: Uint8Array;
  }[];
  readonly deadLetters: readonly DeadLetter[];
  readonly trouble: Trouble | undefined;
  /** Messages that ran when an executor ended, and are not over. */
  readonly suspects: readonly Suspect[];
  /** In order. */
  readonly events: readonly EventState[];
  /** Number of the last event that failed. */
  readonly lastEvent: number;
  /** Its numbers were lost once: receivers that it has no window to are asked where to go on. */
  readonly lostNumbers: boolean;
}

/** The state of a stream that has only agents yet. */
export function freshState(consumer: Uint8Array, lostNumbers = false): StreamState {
  return {
    inbound: [],
    replies: [],
    outbound: [],
    unresolved: [],
    consumer,
    timers: [],
    deadLetters: [],
    trouble: undefined,
    suspects: [],
    events: [],
    lastEvent: 0,
    lostNumbers,
  };
}

/**
 * [M51] What is left of a record that is older than the stream's last moment: agents, timers, events, dead letters, and
 * what is known of messages that end executors, which the senders still number as before.
 */
export function withoutNumbers(state: StreamState): StreamState {
  const { consumer, timers, deadLetters, events, lastEvent, suspects } = state;
  return { ...freshState(consumer, true), timers, deadLetters, events, lastEvent, suspects };
}

export function encodeState(state: StreamState): Uint8Array {
  const { inbound, replies } = state;
  return packValue({
    ...state,
    inbound: inbound.map(storedPair),
    replies: replies.map(storedPair),
  });
}

/** A record calls the site instance of a pair its `place`. */
function storedPair({ siteInstance: place, ...rest }: PairState): object {
  return { ...rest, place };
}

const bytes = z.instanceof(Uint8Array) as z.ZodType<Uint8Array>;
const whole = z.int();
const siteInstance = z.object({ site: z.string(), instance: z.int() });
const fault: z.ZodType<Fault> = z.object({
  code: z.string(),
  message: z.string(),
  agent: z.string(),
  endedExecutor: z.literal(true).exactOptional(),
});
const death = z.object({ at: z.number(), site: z.string(), instance: whole, reason: z.string() });
// Records from before there were these have none.
const deaths = z.array(death).default([]);
const pair = z
  .object({
    source: whole,
    sourceName: z.string(),
    sourceEpoch: whole,
    consumed: whole,
    place: siteInstance,
  })
  .transform(({ place, ...rest }): PairState => ({ ...rest, siteInstance: place }));
const append = z.object({ to: z.string(), payload: bytes });
const event: z.ZodType<LifecycleEvent> = z.discriminatedUnion("type", [
  z.object({ type: z.literal("departure"), to: z.string() }),
  z.object({ type: z.literal("arrival"), from: z.string() }),
  z.object({ type: z.literal("failure"), lostSite: z.string() }),
  z.object({ type: z.enum(["siteJoined", "siteLeft", "siteFailed"]), site: z.string() }),
  z.object({ type: z.enum(["agentAttached", "agentDetached"]), agent: z.string() }),
  z.object({ type: z.enum(["clientAttached", "clientDetached"]), client: z.string() }),
  z.object({ type: z.literal("timer"), agent: z.string(), payload: bytes }),
]);
const call = z.object({
  agent: z.string(),
  handler: z.enum(EVENT_HANDLERS),
  argument: bytes,
});
const eventState: z.ZodType<EventState> = z.discriminatedUnion("type", [
  z.object({ type: z.literal("told"), event }),
  z.object({
    type: z.literal("failed"),
    call,
    seq: whole,
    attempts: whole,
    spared: whole.default(0),
    deaths,
    fault,
    halted: z.boolean(),
  }),
]);
const stateSchema: z.ZodType<StreamState> = z.object({
  inbound: z.array(pair),
  replies: z.array(pair),
  outbound: z.array(
    z.object({
      target: whole,
      targetName: z.string(),
      base: whole,
      next: whole,
      resync: z.boolean(),
      segments: z.array(z.object({ flags: whole, bytes })),
    }),
  ),
  unresolved: z.array(append),
  consumer: bytes,
  timers: z.array(z.object({ agent: z.string(), delayMs: z.number(), payload: bytes })),
  deadLetters: z.array(
    z.object({
      source: whole,
      sourceName: z.string(),
      seq: whole,
      attempts: whole,
      fault,
      deaths,
      payload: bytes,
    }),
  ),
  trouble: z
    .object({ source: whole, seq: whole, attempts: whole, fault, halted: z.boolean() })
    .or(z.undefined()),
  suspects: z.array(z.object({ source: whole, seq: whole, deaths, shared: deaths })).default([]),
  events: z.array(eventState).default([]),
  lastEvent: whole.default(0),
  lostNumbers: z.boolean(),
});

/** Undefined when the bytes are no state. */
export function decodeState(packed: Uint8Array): StreamState | undefined {
  try {
    return stateSchema.safeParse(unpackValue(packed)).data;
  } catch {
    return undefined;
  }
}
