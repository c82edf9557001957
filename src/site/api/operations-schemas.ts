/** Shapes of what the API says of a site's operation. */
import { z } from "@hono/zod-openapi";
import { LIMITS } from "../../base/index.ts";

const name = z.string();
const count = z.number().int().min(0);
const rate = z.number().min(0);
const usage = z.strictObject({ used: count, limit: count.nullable() });
const level = z.enum(["debug", "info", "warn", "error", "silent"]);

const channelNowSchema = z.strictObject({
  name,
  path: z.array(name),
  stalled: z.strictObject({ forMs: rate, reason: z.string(), trying: z.array(name) }).nullable(),
  bitsIn: rate,
  bitsOut: rate,
  packetsIn: rate,
  packetsOut: rate,
  subscribers: count,
  latencyMs: z.number().nullable(),
  jitterMs: z.number().nullable(),
  lagMs: rate,
  drops: rate,
});

const slowSchema = z.strictObject({
  channel: name,
  id: count,
  kind: z.enum(["site", "viewer", "rtp"]),
  name,
  address: z.string(),
  state: z.enum(["live", "catching-up", "skipping", "standby"]),
  lagMs: rate,
  drops: count,
});

export const siteStatsSchema = z
  .strictObject({
    site: name,
    instance: count,
    at: z.number(),
    uptimeSeconds: rate,
    status: z.enum(["ok", "degraded"]),
    reason: z.string().nullable(),
    cpu: rate,
    memory: usage,
    heap: usage,
    descriptors: usage.nullable(),
    loopMs: z.strictObject({ main: rate, plane: rate }),
    viewers: count,
    links: count,
    subscribers: count,
    streams: count,
    bitsIn: rate,
    bitsOut: rate,
    packetsIn: rate,
    packetsOut: rate,
    drops: rate,
    channels: z.array(channelNowSchema),
    slowest: z.array(slowSchema).max(LIMITS.slowestMax),
  })
  .openapi("SiteStats");

export const statsViewSchema = z
  .strictObject({
    site: name,
    channel: name.nullable(),
    from: z.number(),
    stepMs: count,
    series: z.array(
      z.strictObject({
        name,
        title: z.string(),
        unit: z.enum(["bit/s", "1/s", "count", "ms", "bytes", "share"]),
        values: z.array(z.number().nullable()),
      }),
    ),
    channels: z.array(name),
  })
  .openapi("Stats");

export const logLevelSchema = z
  .strictObject({ level, revertsTo: level.nullable(), revertsAt: z.number().nullable() })
  .openapi("LogLevel");

export const logLevelRequestSchema = z
  .strictObject({ level, forMs: z.number().min(1).max(LIMITS.logLevelMsMax).optional() })
  .openapi("LogLevelRequest");
