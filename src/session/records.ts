import { z } from "zod";
import {
  type ChannelRecord,
  channelNameSchema,
  type Endpoint,
  type SiteRecord,
  siteNameSchema,
} from "./model.ts";

const u32 = z.number().int().min(0).max(0xffff_ffff);

const endpointSchema: z.ZodType<Endpoint> = z.object({
  host: z.string().min(1).max(255),
  port: z.number().int().min(1).max(65_535),
});

/** What a site writes of itself. Keys that a later version adds are ignored. */
export const siteRecordSchema: z.ZodType<SiteRecord> = z.object({
  name: siteNameSchema,
  instance: u32,
  http: endpointSchema,
  udp: endpointSchema,
  pid: z.number().int(),
  version: z.string().max(100),
  leader: z.boolean(),
  startedAt: z.number(),
});

/** What the leader writes of a channel. */
export const channelRecordSchema: z.ZodType<ChannelRecord> = z.object({
  name: channelNameSchema,
  id: u32.min(1),
  ingests: z.array(z.string().max(40)).max(16),
});
