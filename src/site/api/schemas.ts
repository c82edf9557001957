/** Schemas of the API's answers, for the OpenAPI document and for the tests that check answers. */
import { z } from "@hono/zod-openapi";
import { trackFactsShape } from "../../wire/index.ts";

const name = z.string();
const count = z.number().int().min(0);
const counts = z.record(z.string(), count);
const millis = z.number();
const port = z.number().int().min(0).max(65_535);
const endpoint = z.strictObject({ host: z.string(), port }).openapi("Endpoint");

export const siteSchema = z
  .strictObject({
    name,
    instance: count,
    http: endpoint,
    udp: endpoint,
    tls: z.strictObject({ fingerprint: z.string() }).optional(),
    streams: endpoint.optional(),
    pid: count,
    version: z.string(),
    leader: z.boolean(),
    startedAt: millis,
  })
  .openapi("Site");

export const channelSchema = z
  .strictObject({ name, id: count, ingests: z.array(name) })
  .openapi("Channel");

export const sessionViewSchema = z
  .strictObject({
    session: z.strictObject({ name }),
    self: name,
    leader: name.nullable(),
    directory: z.enum(["connected", "disconnected"]),
    sites: z.array(siteSchema),
    channels: z.array(channelSchema),
    demo: z.boolean(),
  })
  .openapi("Session");

const trackSchema = z.strictObject({
  medium: count,
  kind: z.enum(["audio", "video", "text", "application"]),
  source: count,
  generation: count,
  codec: z.string(),
  payloadType: z.number().int(),
  clockRate: count,
  channels: count.optional(),
  fmtp: z.string().optional(),
  parameterSets: z.array(z.string()).optional(),
  companions: z.array(count).optional(),
  ...trackFactsShape,
});

const inputSchema = z.strictObject({
  kind: z.enum(["site", "rtp", "data"]),
  name,
  connection: z.string(),
  state: z.enum(["active", "standby", "suspected", "down", "connecting"]),
  packets: count,
  bytes: count,
  drops: counts,
  origin: z
    .intersection(
      z.discriminatedUnion("kind", [
        z.object({ kind: z.literal("configured") }),
        z.object({ kind: z.literal("learned"), from: z.string(), agoMs: millis }),
        z.object({ kind: z.literal("directory"), isIngest: z.boolean() }),
      ]),
      z.object({ relation: z.string(), heldBackMs: millis, lost: count }),
    )
    .optional(),
});

const subscriberSchema = z.strictObject({
  id: count,
  kind: z.enum(["site", "viewer", "rtp"]),
  name: z.string(),
  address: z.string(),
  stack: z.string(),
  state: z.enum(["live", "catching-up", "skipping", "standby"]),
  packets: count,
  bytes: count,
  lagMs: millis,
  drops: counts,
});

/** Inputs and subscribers that are gone. */
const pastSchema = z.strictObject({
  inputs: z.array(
    z.strictObject({
      ...{ kind: z.enum(["site", "rtp", "data"]), name: z.string() },
      ...{ packets: count, bytes: count, drops: counts },
    }),
  ),
  subscribers: z.array(
    z.strictObject({
      ...{ kind: z.enum(["site", "viewer", "rtp"]) },
      ...{ packets: count, bytes: count, drops: counts },
    }),
  ),
});

export const channelSnapshotSchema = z
  .strictObject({
    name,
    id: count,
    description: z
      .strictObject({ revision: count, ingest: name, tracks: z.array(trackSchema) })
      .optional(),
    path: z.array(name),
    stalled: z
      .strictObject({ forMs: millis, reason: z.string(), trying: z.array(name) })
      .optional(),
    switches: z
      .array(z.strictObject({ at: millis, from: name.optional(), to: name, reason: z.string() }))
      .optional(),
    ways: z.array(z.strictObject({ at: millis, path: z.array(name) })).optional(),
    packetsIn: count,
    bytesIn: count,
    packetsOut: count,
    bytesOut: count,
    drops: counts,
    latencyMs: millis.optional(),
    jitterMs: millis.optional(),
    history: z.strictObject({ packets: count, bytes: count, ms: millis }),
    inputs: z.array(inputSchema),
    subscribers: z.array(subscriberSchema),
    past: pastSchema.optional(),
  })
  .openapi("ChannelSnapshot");

const peerSchema = z.strictObject({
  name: z.string(),
  role: z.enum(["site", "viewer"]),
  stack: z.string(),
  address: z.string(),
  state: z.enum(["greeting", "open", "suspected", "closed"]),
  direction: z.enum(["out", "in"]),
  rttMs: millis.optional(),
  counts,
});

export const linkTracesSchema = z
  .strictObject({
    site: name,
    links: z.array(
      z.strictObject({
        link: z.string(),
        stack: z.string(),
        peer: z.string(),
        count,
        events: z.array(
          z.strictObject({
            at: millis,
            direction: z.enum(["sent", "received"]),
            kind: count,
            flags: count,
            channel: count,
            source: count,
            medium: count,
            sequence: count,
            length: count,
          }),
        ),
      }),
    ),
  })
  .openapi("LinkTraces");

/** How datagrams pass the kernel. docs/spec/datagrams.md */
const datagramsSchema = z.strictObject({
  mode: z.enum(["batched", "plain"]),
  reason: z.string().optional(),
  sendCalls: count,
  sent: count,
  segments: count,
  receiveCalls: count,
  received: count,
});

export const siteViewSchema = z
  .strictObject({
    site: siteSchema,
    snapshot: z.strictObject({
      at: millis,
      channels: z.array(channelSnapshotSchema),
      peers: z.array(peerSchema),
      drops: counts,
      datagrams: datagramsSchema,
    }),
    process: z.strictObject({ cpuSeconds: z.number(), rssBytes: count, uptimeSeconds: z.number() }),
  })
  .openapi("SiteView");

export const channelViewSchema = z
  .strictObject({ channel: channelSchema, snapshot: channelSnapshotSchema.nullable() })
  .openapi("ChannelView");

export const healthSchema = z
  .strictObject({
    status: z.enum(["ok", "degraded"]),
    site: name,
    directory: z.enum(["connected", "disconnected"]),
    reason: z.string().nullable(),
    channels: count,
    streams: count,
    uptimeSeconds: z.number(),
  })
  .openapi("Health");

const durabilitySchema = z.union([
  z.strictObject({ type: z.enum(["none", "message"]) }),
  z.strictObject({ type: z.literal("checkpoint"), every: count }),
]);

const streamSchema = z
  .strictObject({
    name,
    id: count,
    site: name,
    streamEpoch: count,
    status: z.enum(["live", "lost"]),
    why: z.string().optional(),
    durability: durabilitySchema,
    failureManagers: z.array(name),
    agents: z.array(name),
    authors: z.record(name, z.string()).optional(),
  })
  .openapi("Stream");

const framePeerSchema = z.strictObject({
  site: name,
  instance: count,
  state: z.enum(["idle", "connecting", "open", "waiting"]),
  backlogBytes: count,
  framesSent: count,
  bytesSent: count,
  writes: count,
  framesReceived: count,
  bytesReceived: count,
});

export const streamsViewSchema = z
  .strictObject({
    streams: z.array(streamSchema),
    counts: z.strictObject({
      resident: count,
      shells: count,
      messages: counts,
      frames: counts,
      refusedShells: counts,
      peers: z.array(framePeerSchema),
      executors: z.strictObject({
        processes: count,
        memoryMb: z.number().nullable(),
        groups: z.string(),
      }),
    }),
  })
  .openapi("Streams");

export const resumptionSchema = z
  .strictObject({
    resumed: z.array(name),
    failed: z.array(z.strictObject({ stream: name, error: z.string() })),
  })
  .openapi("Resumption");

export const publishAnswerSchema = z
  .strictObject({
    channel: name,
    id: count,
    host: z.string(),
    tracks: z.array(
      z.strictObject({
        medium: count,
        kind: z.enum(["audio", "video", "application"]),
        codec: z.string(),
        rtpPort: port,
        rtcpPort: port,
        group: z.string().optional(),
      }),
    ),
    warnings: z.array(z.string()).optional(),
  })
  .openapi("PublishAnswer");

export const outputRequestSchema = z
  .strictObject({
    channel: name,
    host: z.string().min(1).max(253),
    ports: z
      .strictObject({ video: port.min(1).optional(), audio: port.min(1).optional() })
      .refine(
        (ports) => ports.video !== undefined || ports.audio !== undefined,
        "expected a video or an audio port",
      ),
    sending: z
      .strictObject({
        ttl: z.number().int().min(1).max(255).optional(),
        interface: z.string().min(1).max(60).optional(),
      })
      .openapi({ description: "for a host that is a group" })
      .optional(),
  })
  .openapi("OutputRequest");

export const outputAnswerSchema = z
  .strictObject({ id: count, sdp: z.string() })
  .openapi("OutputAnswer");

export const routesDocumentSchema = z
  .object({
    upstreams: z.array(name),
    stack: z.string(),
    channels: z.record(
      name,
      z.object({
        input: z.object({ from: z.array(name), stack: z.string(), keep: z.boolean() }).optional(),
        record: z
          .object({
            to: z.string(),
            segmentSeconds: z.number().optional(),
            keepSegments: count.optional(),
            maxBytes: count.optional(),
            onError: z.enum(["retry", "stop"]),
          })
          .optional(),
        maxSubscribers: count,
        maxBitsPerSecond: z.number(),
        silenceMs: millis,
        maxPublishers: count,
        historyBytes: count,
      }),
    ),
    maxSubscribers: count,
    maxBitsPerSecond: z.number(),
    reshaping: z.object({
      policy: z.enum(["standard", "cheap", "naive"]),
      costs: z.record(name, z.number()),
    }),
  })
  .openapi("Routes");

export const recordingsSchema = z
  .strictObject({
    recordings: z.array(
      z.strictObject({
        channel: name,
        state: z.enum(["waiting", "recording", "blocked", "ended"]),
        file: z.string().nullable(),
        files: count,
        seconds: z.number(),
        bytes: count,
        frames: count,
        drops: counts,
        reason: z.string().nullable(),
      }),
    ),
  })
  .openapi("Recordings");

export const errorSchema = z
  .strictObject({
    error: z.strictObject({
      code: z.string(),
      message: z.string(),
      where: z.string().optional(),
      expected: z.string().optional(),
      next: z.string().optional(),
    }),
  })
  .openapi("Error");
