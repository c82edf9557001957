/** The messages of the directory's protocol (docs/spec/directory.md, "Messages"). */
import { z } from "zod";
import { isName, LIMITS } from "../base/index.ts";
import type { Json } from "./directory.ts";
import { nestingOf } from "./value.ts";
import { wireErrorSchema } from "./wire-error.ts";

/** [D18] Version of the protocol; both ends speak the same. */
export const PROTOCOL = 1;

/** Nesting of a message around a value. */
const ENVELOPE_DEPTH = 4;

const number = z.int().min(0);
const name = z.string().max(LIMITS.directoryKeyLengthMax);
const siteName = z.string().refine((text) => isName("site", text));
const base64 = z.string().max(Math.ceil(LIMITS.directoryBlobPartBytes / 3) * 4);
// What JSON.parse returns is JSON; it only has to be there.
const json = z.custom<Json>((value) => value !== undefined);
const call = { id: number };

const clientMessageSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("hello"),
    protocol: number,
    token: z.string().max(LIMITS.tokenCharactersMax).optional(),
    /** [D24] The site that the client speaks for. */
    site: siteName.optional(),
  }),
  z.object({ type: z.literal("ping") }),
  z.object({ type: z.literal("get"), ...call, key: name }),
  z.object({ type: z.literal("list"), ...call, prefix: name, after: name }),
  z.object({ type: z.literal("put"), ...call, key: name, value: json, lease: name.optional() }),
  z.object({
    type: z.literal("compare-and-set"),
    ...call,
    key: name,
    expected: number,
    value: json,
    lease: name.optional(),
  }),
  z.object({ type: z.literal("delete"), ...call, key: name, expected: number.optional() }),
  z.object({ type: z.literal("watch"), ...call, watch: number, prefix: name }),
  z.object({ type: z.literal("unwatch"), ...call, watch: number }),
  z.object({ type: z.literal("grant-lease"), ...call, ttlMs: z.number() }),
  z.object({ type: z.literal("renew-lease"), ...call, lease: name }),
  z.object({ type: z.literal("revoke-lease"), ...call, lease: name }),
  z.object({ type: z.literal("get-blob"), ...call, sha256: name, offset: number }),
  z.object({
    type: z.literal("put-blob"),
    ...call,
    /** The client's number for the blob while its parts are on their way. */
    upload: number,
    bytes: number,
    offset: number,
    data: base64,
  }),
  z.object({ type: z.literal("request"), ...call, subject: name, payload: json }),
  z.object({ type: z.literal("serve"), site: name.min(1), instance: number }),
  z.object({ type: z.literal("unserve") }),
  z.object({ type: z.literal("called"), ...call, result: json }),
  z.object({ type: z.literal("call-refused"), ...call, error: wireErrorSchema }),
]);

/** What a client sends. */
export type ClientMessage = z.infer<typeof clientMessageSchema>;

/** What a client says of the leader's calls to it. Not answered. */
export type ServingMessage = Extract<
  ClientMessage,
  { type: "serve" | "unserve" | "called" | "call-refused" }
>;

/** What a client sends and is answered. */
export type ClientCall = Exclude<ClientMessage, ServingMessage | { type: "hello" | "ping" }>;

/** An {@link Entry} as it travels. */
export const entrySchema = z.object({ key: name, value: json, revision: number });

const changeSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("put"), entry: entrySchema }),
  z.object({ type: z.literal("deleted"), key: name, revision: number }),
]);

const serverMessageSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("hello"), protocol: number, directory: name }),
  /** [D22] Instead of a greeting, or at any time after it: the client is not let in, or no longer. */
  z.object({ type: z.literal("goodbye"), error: wireErrorSchema }),
  z.object({ type: z.literal("pong") }),
  z.object({ type: z.literal("answer"), ...call, result: json }),
  z.object({ type: z.literal("refused"), ...call, error: wireErrorSchema }),
  z.object({ type: z.literal("change"), watch: number, change: changeSchema }),
  z.object({ type: z.literal("call"), ...call, payload: json }),
]);

/** What a directory sends. */
export type ServerMessage = z.infer<typeof serverMessageSchema>;

/** Why a text is not a message. */
export type MessageFault = "size" | "depth" | "json" | "shape";

/** Reads what a client sent; never throws. */
export function decodeClientMessage(text: string): ClientMessage | MessageFault {
  return decode(clientMessageSchema, text);
}

/** Reads what a directory sent; never throws. */
export function decodeServerMessage(text: string): ServerMessage | MessageFault {
  return decode(serverMessageSchema, text);
}

function decode<T>(schema: z.ZodType<T>, text: string): T | MessageFault {
  if (text.length > LIMITS.directoryMessageBytesMax) return "size";
  if (nestingOf(text) > LIMITS.directoryValueDepthMax + ENVELOPE_DEPTH) return "depth";
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return "json";
  }
  const parsed = schema.safeParse(value);
  return parsed.success ? parsed.data : "shape";
}
