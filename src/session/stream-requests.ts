/** What {@link ControlRequests} look like. */
import { z } from "zod";
import { LIMITS } from "../base/index.ts";
import type { Asker } from "./asker.ts";
import { siteNameSchema } from "./model.ts";
import {
  agentNameSchema,
  agentSpecSchema,
  codeSchema,
  durabilitySchema,
  failureManagersSchema,
  handlerNameSchema,
  packedSchema,
  principalSchema,
} from "./stream-record-schema.ts";

/** Names are looked up, and what is not there is unknown: their form is of no interest. */
const anyName = z.string().max(200);
const u32 = z.int().min(0).max(0xffff_ffff);
/** {@link AskerClaim} */
const asker = {
  by: principalSchema,
  label: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,40}$/)
    .optional(),
  token: z.string().min(1).max(LIMITS.tokenCharactersMax).optional(),
};
const stream = anyName;
const deadlineMs = z.number().min(LIMITS.moveMsMin).max(LIMITS.moveMsMax);

export const createStreamSchema = z.object({
  name: z.string().max(1_000),
  at: anyName,
  durability: durabilitySchema,
  failureManagers: failureManagersSchema,
  ...asker,
});
export const moveStreamSchema = z.object({
  stream,
  to: anyName,
  deadlineMs: deadlineMs.default(LIMITS.moveMsDefault),
  ...asker,
});
export const attachAgentSchema = z.object({
  stream,
  spec: agentSpecSchema,
  briefcase: packedSchema,
  signed: z.unknown().optional(),
  ...asker,
});
export const detachAgentSchema = z.object({ stream, agent: agentNameSchema, ...asker });
export const replaceHandlerSchema = z.object({
  stream,
  agent: agentNameSchema,
  event: handlerNameSchema,
  code: codeSchema,
  signed: z.unknown().optional(),
  ...asker,
});
export const destroyStreamSchema = z.object({ stream, ...asker });
export const settleMoveSchema = z.object({ id: u32, move: anyName });
export const setKeeperSchema = z.object({
  id: u32,
  streamEpoch: z.int().min(1),
  keeper: siteNameSchema,
});
export const evacuateSiteSchema = z.object({ site: anyName, ...asker });
/** Scope and rules are judged by themselves, as people write them. */
export const setPolicySchema = z.object({
  scope: z.unknown(),
  rules: z.unknown(),
  signed: z.unknown().optional(),
  ...asker,
});

export const policyHistorySchema = z.object({ scope: z.unknown().optional(), ...asker });
export const rollbackPolicySchema = z.object({
  scope: z.unknown(),
  number: z.int().min(0).optional(),
  ...asker,
});

export const tryPolicySchema = z.object({
  scope: z.unknown(),
  rules: z.unknown(),
  last: z.int().min(1).max(LIMITS.judgedRequestsMax).default(LIMITS.judgedRequestsMax),
  ...asker,
});

/** What a site may be permitted to do at another. */
export const permitActionSchema = z.object({
  stream,
  action: z.enum(["inspect", "dead-letter"]),
  ...asker,
});

/** What a site may have judged that happens there. */
export const judgeActionSchema = z.object({
  action: z.enum(["open", "inspect", "client-attach", "client-detach", "configure"]),
  stream: stream.optional(),
  ...asker,
});

/** What `residents` answers. */
export const residentsSchema = z.array(
  z.object({ id: u32, streamEpoch: z.int().min(0), move: z.string().optional() }),
);
export type Resident = z.infer<typeof residentsSchema>[number];
/** What `record-fetch` answers. */
export const fetchedRecordSchema = z.string().nullable();

/** A request whose asker was established. */
type Asked<T> = Omit<T, "by" | "label" | "token"> & { readonly by: Asker };
export type CreateStream = Asked<z.infer<typeof createStreamSchema>>;
export type MoveStream = Asked<z.infer<typeof moveStreamSchema>> & {
  /** The stream moves with all others of its site: who may have them moved was decided. */
  readonly evacuates?: boolean;
};
export type AttachAgent = Asked<z.infer<typeof attachAgentSchema>>;
export type DetachAgent = Asked<z.infer<typeof detachAgentSchema>>;
export type ReplaceHandler = Asked<z.infer<typeof replaceHandlerSchema>>;
export type DestroyStream = Asked<z.infer<typeof destroyStreamSchema>>;
export type EvacuateSite = Asked<z.infer<typeof evacuateSiteSchema>>;
export type PermitAction = Asked<z.infer<typeof permitActionSchema>>;
export type JudgeAction = Omit<z.infer<typeof judgeActionSchema>, "by" | "label" | "token">;
export type SetPolicy = Asked<z.infer<typeof setPolicySchema>>;
export type PolicyHistory = Asked<z.infer<typeof policyHistorySchema>>;
export type RollbackPolicy = Asked<z.infer<typeof rollbackPolicySchema>>;
export type TryPolicy = Asked<z.infer<typeof tryPolicySchema>>;
export type SetKeeper = z.infer<typeof setKeeperSchema>;
