/** The messages between a shell and its site (docs/spec/shell.md, "Messages"). */
import { z } from "zod";
import { LIMITS } from "../../base/index.ts";
import { nestingOf, wireErrorSchema } from "../../directory/index.ts";
import { eventFilter, name } from "./port-schemas.ts";
import { SHELL_CALLS, type ShellCallName } from "./shell-calls.ts";

/** [S5] Version of the protocol; both ends must have the same. */
export const SHELL_PROTOCOL = 1;

/** Nesting of a message: of the value that it carries, and of the envelope. */
const DEPTH_MAX: number = LIMITS.directoryValueDepthMax + 4;

const id = z.int().min(1);
const subscription = z.int().min(1);
const wall = z.number();

const shellMessageSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("hello"),
    protocol: z.int().min(0),
    /** The requested name. */
    name: name.max(40).optional(),
    token: z.string().max(LIMITS.tokenCharactersMax).optional(),
  }),
  z.object({
    type: z.literal("call"),
    id,
    call: z.enum(Object.keys(SHELL_CALLS) as [ShellCallName]),
    args: z.unknown(),
  }),
  z.object({ type: z.literal("forget"), id }),
  z.object({ type: z.literal("more"), id }),
  z.object({ type: z.literal("subscribe"), subscription, filter: eventFilter }),
  z.object({ type: z.literal("unsubscribe"), subscription }),
  z.object({ type: z.literal("events-taken"), subscription }),
  z.object({ type: z.literal("ping") }),
  z.object({ type: z.literal("pong") }),
  z.object({ type: z.literal("bye") }),
]);

/** What a shell sends. */
export type ShellMessage = z.output<typeof shellMessageSchema>;

const siteMessageSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("hello"), protocol: z.int().min(0), name, site: name, now: wall }),
  z.object({ type: z.literal("refused"), error: wireErrorSchema }),
  z.object({ type: z.literal("answer"), id, result: z.unknown() }),
  z.object({ type: z.literal("failure"), id, error: wireErrorSchema }),
  /** The answer is large: its JSON has to be fetched. */
  z.object({ type: z.literal("large"), id }),
  z.object({ type: z.literal("part"), id, text: z.string(), last: z.boolean() }),
  z.object({
    type: z.literal("events"),
    subscription,
    events: z.array(z.unknown()).max(LIMITS.shellEventBatchMax),
  }),
  z.object({ type: z.literal("ping") }),
  z.object({ type: z.literal("pong"), now: wall }),
  z.object({ type: z.literal("closed"), error: wireErrorSchema.optional() }),
]);

/** What a site sends. */
export type SiteMessage = z.output<typeof siteMessageSchema>;

/** Why a text is not a valid message. */
export type ShellMessageFault = "size" | "depth" | "json" | "shape";

/** A violation of the protocol by a shell. */
export type ShellFault = ShellMessageFault | "hello" | "number" | "calls" | "subscriptions";

/** Reads what a shell sent; never throws. */
export function decodeShellMessage(text: string): ShellMessage | ShellMessageFault {
  return decode(shellMessageSchema, text);
}

/** Reads what a site sent; never throws. */
export function decodeSiteMessage(text: string): SiteMessage | ShellMessageFault {
  return decode(siteMessageSchema, text);
}

function decode<T>(schema: z.ZodType<T>, text: string): T | ShellMessageFault {
  if (text.length > LIMITS.shellMessageBytesMax) return "size";
  if (nestingOf(text) > DEPTH_MAX) return "depth";
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return "json";
  }
  const parsed = schema.safeParse(value);
  return parsed.success ? parsed.data : "shape";
}
