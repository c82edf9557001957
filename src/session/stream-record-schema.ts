import { z } from "zod";
import {
  agentNameSchema,
  agentSpecSchema,
  HANDLER_NAMES,
  type HandlerName,
} from "../agent/define/index.ts";
import { LIMITS } from "../base/index.ts";
import type { Durability } from "../stream/index.ts";
import { authorSchema, readPrincipal } from "../trust/index.ts";
import { siteNameSchema } from "./model.ts";
import { nameSchema } from "./name-schema.ts";
import { isPrincipalPattern } from "./policy.ts";
import { POLICY_ACTIONS, type PolicyRule, type StreamRecord } from "./stream-records.ts";

export { agentNameSchema, agentSpecSchema };

const u32 = z.int().min(0).max(0xffff_ffff);
const hash = z.string().regex(/^[0-9a-f]{64}$/, "expected a sha-256 in 64 hex digits");
const base64 = z
  .string()
  .regex(/^[A-Za-z0-9+/]*={0,2}$/, "expected base64")
  .max(LIMITS.directoryValueBytesMax);

/** A principal, as text. */
export const principalSchema: z.ZodType<string> = z
  .string()
  .max(200)
  .refine(isPrincipal, { error: "expected anonymous, subject:NAME, site:NAME or stream:NAME" });

/** Names of earlier versions, which were not proven, are read as `anonymous`. */
const ownerSchema: z.ZodType<string> = z
  .string()
  .min(1)
  .max(200)
  .transform((text) => (isPrincipal(text) ? text : "anonymous"));

function isPrincipal(text: string): boolean {
  try {
    readPrincipal(text);
    return true;
  } catch {
    return false;
  }
}

/** The events that handlers are for. */
export const handlerNameSchema: z.ZodType<HandlerName> = z.enum(HANDLER_NAMES);

/** The hash of prepared code; null: none. */
export const codeSchema: z.ZodType<string | null> = hash.nullable();

/** A packed value, base64. */
export const packedSchema: z.ZodType<string> = base64;

/** Reads a {@link Durability}. */
export const durabilitySchema: z.ZodType<Durability> = z.discriminatedUnion("type", [
  z.object({ type: z.literal("none") }),
  z.object({ type: z.literal("checkpoint"), every: z.int().min(1).max(1_000_000) }),
  z.object({ type: z.literal("message") }),
]);

/** Reads the failure managers of a stream. */
export const failureManagersSchema: z.ZodType<string[]> = z
  .array(siteNameSchema)
  .max(LIMITS.alternativesMax);

/** Stream names: 1 to 80 letters, digits, `.`, `_` and `-`. The prefix `shell-` is reserved for shells. */
export const streamNameSchema: z.ZodType<string> = nameSchema("stream");

/** Reads the value of `streams/NAME`. */
export const streamRecordSchema: z.ZodType<StreamRecord> = z.object({
  name: streamNameSchema,
  id: u32.min(1),
  streamEpoch: z.int().min(1),
  site: siteNameSchema,
  instance: u32,
  move: z.string().max(200).optional(),
  status: z.enum(["live", "lost"]),
  why: z.string().optional(),
  durability: durabilitySchema,
  failureManagers: failureManagersSchema,
  keeper: siteNameSchema,
  agents: z
    .array(
      z.object({
        spec: agentSpecSchema,
        briefcase: base64,
        author: authorSchema.optional(),
        handlers: z.partialRecord(handlerNameSchema, authorSchema).optional(),
      }),
    )
    .max(LIMITS.streamAgentsMax),
  visited: z.array(siteNameSchema),
  owner: ownerSchema,
  createdAt: z.number(),
});

const pattern = z
  .string()
  .regex(/^[A-Za-z0-9._*-]{1,100}$/, "expected a name, with * for any part of it");

const hashPattern = z
  .string()
  .regex(
    /^([0-9a-f]{64}|[0-9a-f]{8,63}\*)$/,
    "expected a sha-256 in 64 hex digits, or 8 or more of them and *",
  );

/** A pattern of principals; names of people have letters of any script, and blanks. */
const byPattern = z
  .string()
  .regex(/^[\p{L}\p{N} ._@:~*-]{1,150}$/u, "expected a principal, with * for any part of its name");
const newByPattern = byPattern.refine(isPrincipalPattern, {
  error:
    "expected *, anonymous, subject:NAME, site:NAME or stream:NAME, with * for any part; for names of shells use label",
});

/** Reads the value of `policy/…`: rules, in order. */
export const policyRulesSchema: z.ZodType<readonly PolicyRule[]> = rulesOf(byPattern);

/** The same, of rules that are set now: what they say of who asks is about principals. */
export const newPolicyRulesSchema: z.ZodType<readonly PolicyRule[]> = rulesOf(newByPattern);

function rulesOf(by: z.ZodType<string>): z.ZodType<readonly PolicyRule[]> {
  return z
    .array(
      z.strictObject({
        effect: z.enum(["allow", "deny"]),
        actions: z.array(z.enum([...POLICY_ACTIONS, "*"])).min(1),
        by: by.optional(),
        label: pattern.optional(),
        author: authorSchema.optional(),
        stream: pattern.optional(),
        site: pattern.optional(),
        hash: hashPattern.optional(),
        reason: z.string().max(500).optional(),
      }),
    )
    .max(LIMITS.policyRulesMax);
}
