/**
 * What a shell's port takes and gives, as JSON: each schema is a codec, from JSON by `decode` and to JSON by `encode`.
 */
import { z } from "zod";
import {
  type AgentSpec,
  type EventFilter,
  HANDLER_NAMES,
  type HandlerName,
  type MessageStory,
  type MoveResult,
  type StreamEvent,
  type StreamInspection,
  type StreamView,
} from "../../agent/define/index.ts";
import type { Durability } from "../../stream/index.ts";
import { decodeBase64, encodeBase64 } from "../../wire/index.ts";

/** A codec between JSON and `T`. */
export type Codec<T> = z.ZodType<T, unknown>;

/** A name of anything, or a message's; what it may be made of the site says. */
export const name: z.ZodString = z.string().min(1).max(500);
const text = z.string();
const count = z.int().min(0);
const number = z.number();

/** A time span, ms: no longer than a timer can be set for. */
export const milliseconds: z.ZodNumber = z.number().min(0).max(2_147_483_647);

/** Packed values, in base64. */
export const bytes: Codec<Uint8Array> = z.codec(z.string(), z.instanceof(Uint8Array), {
  decode: (base64, context) => {
    const decoded = decodeBase64(base64);
    if (decoded !== undefined) return decoded as Uint8Array<ArrayBuffer>;
    context.issues.push({ code: "custom", input: base64, message: "not base64" });
    return z.NEVER;
  },
  encode: encodeBase64,
});

const nothing = z.codec(
  z.null(),
  z.custom<undefined>((value) => value === undefined),
  {
    decode: () => undefined,
    encode: () => null,
  },
);

/** A value that may be undefined, which JSON has not: null stands for it. */
export function maybe<T>(schema: Codec<T>): Codec<T | undefined> {
  return z.union([nothing, schema]);
}

export const handlerName: Codec<HandlerName> = z.enum(HANDLER_NAMES);

export const durability: Codec<Durability> = z.discriminatedUnion("type", [
  z.object({ type: z.literal("none") }),
  z.object({ type: z.literal("checkpoint"), every: z.int().min(1) }),
  z.object({ type: z.literal("message") }),
]);

export const agentSpec: Codec<AgentSpec> = z.object({
  name,
  code: text,
  replaced: z.partialRecord(handlerName, z.string().nullable()),
  isolation: z.enum(["inline", "process", "thread"]),
  limits: z.object({ handlerMs: number, memoryMb: number, briefcaseBytes: number }),
  onError: z.object({
    retry: number,
    backoffMs: number,
    // biome-ignore lint/suspicious/noThenProperty: the contract's name for what follows
    then: z.enum(["deadLetter", "skip", "halt"]),
  }),
  owner: text,
});

export const moveResult: Codec<MoveResult> = z.object({
  from: name,
  to: name,
  streamEpoch: count,
  ms: number,
});

const viewShape = {
  name,
  id: count,
  site: name,
  streamEpoch: count,
  status: z.enum(["live", "lost"]),
  why: maybe(text),
  durability,
  failureManagers: z.array(name),
  agents: z.array(name),
  authors: z.record(name, text).optional(),
};
export const streamView: Codec<StreamView> = z.object(viewShape);

export const streamInspection: Codec<StreamInspection> = z.object({
  ...viewShape,
  mailbox: z.array(z.object({ id: name, bytes: count })),
  waiting: count,
  moving: z.boolean(),
  halted: maybe(text),
  current: maybe(
    z.object({
      id: name,
      attempt: count,
      state: z.enum(["running", "retrying", "halted"]),
      forMs: number,
      error: maybe(text),
    }),
  ),
  senders: z.array(z.object({ name, consumed: count })),
  receivers: z.array(
    z.object({
      name,
      next: count,
      unacknowledged: count,
      window: number,
      roundTripMs: number,
    }),
  ),
  deadLetters: z.array(
    z.object({
      ...{ id: name, error: text, attempts: count, payload: bytes },
      deaths: z.array(z.object({ at: number, site: name, instance: count, reason: text })),
    }),
  ),
  counts: z.record(z.string(), number),
  briefcases: z.record(z.string(), bytes),
});

export const messageStory: Codec<MessageStory> = z.object({
  id: name,
  state: z.enum([
    "unknown",
    "held",
    "sent",
    "waiting",
    "running",
    "retrying",
    "halted",
    "consumed",
    "dead-lettered",
    "discarded",
  ]),
  steps: z.array(text),
});

const told = { at: number, site: name, stream: text };
const eventSchemas = z.discriminatedUnion("type", [
  z.object({ ...told, type: z.enum(["created", "destroyed"]) }),
  z.object({
    ...told,
    type: z.literal("moved"),
    from: name,
    to: name,
    streamEpoch: count,
    ms: number,
  }),
  z.object({ ...told, type: z.literal("move-aborted"), to: name, reason: text }),
  z.object({
    ...told,
    type: z.literal("recovered"),
    lostSite: name,
    to: name,
    streamEpoch: count,
  }),
  z.object({ ...told, type: z.enum(["agent-attached", "agent-detached"]), agent: name }),
  z.object({ ...told, type: z.literal("handler-replaced"), agent: name, event: text }),
  z.object({ ...told, type: z.literal("consumed"), message: name, ms: number }),
  z.object({
    ...told,
    type: z.literal("failed"),
    message: name,
    attempt: count,
    error: text,
    // biome-ignore lint/suspicious/noThenProperty: the contract's name for what follows
    then: text,
  }),
  z.object({
    ...told,
    type: z.enum(["dead-lettered", "discarded"]),
    message: name,
    reason: text,
  }),
  z.object({ ...told, type: z.literal("denied"), action: text, by: text, reason: text }),
  z.object({ ...told, type: z.literal("output"), agent: name, line: text }),
  z.object({ ...told, type: z.literal("missed"), count }),
]);
export const streamEvent: Codec<StreamEvent> = eventSchemas;

export const eventFilter: Codec<EventFilter> = z.object({
  stream: name.optional(),
  types: z
    .array(z.custom<StreamEvent["type"]>((type) => typeof type === "string" && type.length <= 40))
    .max(40)
    .optional(),
});
