/** What {@link ControlRequests} look like. */
import { z } from "zod";
import { LIMITS } from "../base/index.ts";
import { siteNameSchema } from "./model.ts";
import {
  agentNameSchema,
  agentSpecSchema,
  codeSchema,
  durabilitySchema,
  failureManagersSchema,
  handlerNameSchema,
  packedSchema,
  partySchema,
} from "./stream-record-schema.ts";

/** Names are looked up, and what is not there is unknown: their form is of no interest. */
const anyName = z.string().max(200);
const u32 = z.int().min(0).max(0xffff_ffff);
const by = partySchema;
const stream = anyName;
const deadlineMs = z.number().min(LIMITS.moveMsMin).max(LIMITS.moveMsMax);

export const createStreamSchema = z.object({
  name: z.string().max(1_000),
  at: anyName,
  durability: durabilitySchema,
  failureManagers: failureManagersSchema,
  by,
});
export const moveStreamSchema = z.object({
  stream,
  to: anyName,
  deadlineMs: deadlineMs.default(LIMITS.moveMsDefault),
  by,
});
export const attachAgentSchema = z.object({
  stream,
  spec: agentSpecSchema,
  briefcase: packedSchema,
  by,
});
export const detachAgentSchema = z.object({ stream, agent: agentNameSchema, by });
export const replaceHandlerSchema = z.object({
  stream,
  agent: agentNameSchema,
  event: handlerNameSchema,
  code: codeSchema,
  by,
});
export const destroyStreamSchema = z.object({ stream, by });
export const settleMoveSchema = z.object({ id: u32, move: anyName });
export const setKeeperSchema = z.object({
  id: u32,
  streamEpoch: z.int().min(1),
  keeper: siteNameSchema,
});
export const evacuateSiteSchema = z.object({ site: anyName, by });
/** Scope and rules are judged by themselves, as people write them. */
export const setPolicySchema = z.object({ scope: z.unknown(), rules: z.unknown(), by });

/** What `residents` answers. */
export const residentsSchema = z.array(
  z.object({ id: u32, streamEpoch: z.int().min(0), move: z.string().optional() }),
);
export type Resident = z.infer<typeof residentsSchema>[number];
/** What `record-fetch` answers. */
export const fetchedRecordSchema = z.string().nullable();

export type CreateStream = z.infer<typeof createStreamSchema>;
export type MoveStream = z.infer<typeof moveStreamSchema>;
export type AttachAgent = z.infer<typeof attachAgentSchema>;
export type DetachAgent = z.infer<typeof detachAgentSchema>;
export type ReplaceHandler = z.infer<typeof replaceHandlerSchema>;
export type DestroyStream = z.infer<typeof destroyStreamSchema>;
export type SetKeeper = z.infer<typeof setKeeperSchema>;
