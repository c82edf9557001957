import { z } from "zod";
import { LIMITS } from "../base/index.ts";
import {
  type Address,
  type ChannelRecord,
  channelNameSchema,
  type SessionRecord,
  type SiteRecord,
  siteNameSchema,
} from "./model.ts";

const u32 = z.int().min(0).max(0xffff_ffff);
const addressSchema: z.ZodType<Address> = z.object({
  host: z.string().min(1).max(253),
  port: z.int().min(1).max(65_535),
});

/** What a site says of itself when it joins: a {@link SiteRecord} but for what the leader decides. */
export type SiteSelf = Omit<SiteRecord, "leader">;

const siteSelf = {
  name: siteNameSchema,
  instance: u32,
  http: addressSchema,
  udp: addressSchema,
  tls: z.object({ fingerprint: z.string().regex(/^[0-9a-f]{64}$/) }).optional(),
  streams: addressSchema.optional(),
  pid: z.int().min(0),
  version: z.string().max(100),
  // What a Date can hold.
  startedAt: z.number().min(0).max(8.64e15),
};

/** Reads a {@link SiteSelf}. */
export const siteSelfSchema: z.ZodType<SiteSelf> = z.object(siteSelf);

/** Reads the value of `sites/NAME`. */
export const siteRecordSchema: z.ZodType<SiteRecord> = z.object({
  ...siteSelf,
  leader: z.boolean(),
});

/** Reads the value of `channels/NAME`. */
export const channelRecordSchema: z.ZodType<ChannelRecord> = z.object({
  name: channelNameSchema,
  id: u32.min(1),
  ingests: z.array(siteNameSchema).max(LIMITS.alternativesMax),
});

/** Reads the value of `session`. */
export const sessionRecordSchema: z.ZodType<SessionRecord> = z.object({
  name: z.string().min(1).max(100),
  linkKey: z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hex digits"),
  expelled: z
    .array(z.object({ site: siteNameSchema, instance: u32 }))
    .max(LIMITS.expelledMax)
    .optional(),
  createdAt: z.number(),
});

/** Who leads the session: the value of `leader`. */
export interface LeaderRecord {
  /** The leaderEpoch: one more with every leader; a lower one no longer decides. */
  readonly epoch: number;
  readonly site: string;
  readonly instance: number;
}

/** Reads the value of `leader`. */
export const leaderRecordSchema: z.ZodType<LeaderRecord> = z.object({
  epoch: z.int().min(1),
  site: siteNameSchema,
  instance: u32,
});
