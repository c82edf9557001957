/**
 * What a session keeps in its directory, and the configuration that people write.
 *
 * | key | value |
 * |---|---|
 * | `session` | {@link SessionRecord} |
 * | `sites/NAME` | {@link SiteRecord}, under the site's lease |
 * | `config/NAME` | {@link RouteConfig} of that site |
 * | `channels/NAME` | {@link ChannelRecord} (`/` in the channel's name stays) |
 * | `ids/channel` | the last channel id given away |
 * | `access/…` | who may do what: see access.ts |
 */
import { z } from "zod";
import { LIMITS } from "../base/index.ts";
import type { SiteInstance } from "../stream/index.ts";
import { nameSchema } from "./name-schema.ts";

/** The session itself, written by its leaders. */
export interface SessionRecord {
  readonly name: string;
  /** Secret shared by the member sites: proves membership on links. 64 hex digits. Another when a site was put out. */
  readonly linkKey: string;
  /** [A44] The last sites that were put out: neighbours close their links. */
  readonly expelled?: readonly SiteInstance[] | undefined;
  /** Wall clock, ms. */
  readonly createdAt: number;
}

/** A host and port as others reach it. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** A running site. */
export interface SiteRecord {
  readonly name: string;
  /** u32, random for each start. */
  readonly instance: number;
  readonly http: Address;
  readonly udp: Address;
  /** Its HTTP port speaks TLS: SHA-256 of the certificate that it shows, 64 hex digits in lower case. */
  readonly tls?: { readonly fingerprint: string } | undefined;
  /** Where it takes frames of streams; a site without has none. docs/spec/streams-network.md */
  readonly streams?: Address | undefined;
  readonly pid: number;
  readonly version: string;
  readonly leader: boolean;
  /** Wall clock, ms. */
  readonly startedAt: number;
}

/** A channel the session knows. */
export interface ChannelRecord {
  readonly name: string;
  /** u32 >= 1, in packet headers. */
  readonly id: number;
  /** Sites that ingest it now, or did last; routes without configuration lead there. */
  readonly ingests: readonly string[];
}

/** Site names: 1 to 40 of `a-z 0-9 -`, starting with a letter. */
export const siteNameSchema: z.ZodType<string> = nameSchema("site");

/** Channel names: segments of `a-z A-Z 0-9 . _ -` divided by `/`, 1 to 100 characters; no segment starts with a dot. */
export const channelNameSchema: z.ZodType<string> = nameSchema("channel");

/** How a site gets a channel from other sites. */
export interface InputConfig {
  /** Sites to take it from, best first. The others stand by. */
  readonly from: readonly string[];
  /** Stack towards them: `udp`, `multicast`, `tcp`, `websocket`, or a stack string such as `frag(mtu=1400):udp`. */
  readonly stack: string;
  /** True: always pulled. False: while there are subscribers. */
  readonly keep: boolean;
}

/** How a site records a channel. */
export interface RecordConfig {
  /**
   * Path of the files below the site's folder of recordings: `{channel}-{time}.webm`; also `.mkv`, `.mp4`, `.mov`,
   * `{number}`.
   */
  readonly to: string;
  /** A file ends at the first key frame after this, s. Undefined: one file, until something changes. */
  readonly segmentSeconds?: number | undefined;
  /** Files kept; the oldest go. */
  readonly keepSegments?: number | undefined;
  /** Bytes of files kept; the oldest go. */
  readonly maxBytes?: number | undefined;
  /** When the disk refuses: retry with growing pauses, or end. */
  readonly onError: "retry" | "stop";
}

/** What a site does with one channel. */
export interface ChannelConfig {
  readonly input?: InputConfig | undefined;
  readonly record?: RecordConfig | undefined;
  /** Local subscribers and downstream sites at once. */
  readonly maxSubscribers: number;
  /** Outgoing bits per second over all subscribers of the channel. */
  readonly maxBitsPerSecond: number;
  /** A redundant outside input takes over after the primary was silent for this long, ms. */
  readonly silenceMs: number;
  /** Outside inputs allowed at once. */
  readonly maxPublishers: number;
  /** Bytes of history. */
  readonly historyBytes: number;
}

/** From whom a site receives channels when their routes fail. [W47] */
export interface ReshapingConfig {
  /**
   * `standard`: the sources of the sources are kept ready. `cheap`: the same, those of least cost first. `naive`:
   * nothing is kept ready, and a site that shuts down stops forwarding at once; for comparison.
   */
  readonly policy: "standard" | "cheap" | "naive";
  /** Of receiving from a site, by its name, for `cheap`; 1 where none is given. */
  readonly costs: Readonly<Record<string, number>>;
}

/** The part of a site's configuration that changes while it runs: kept in the directory, watched, applied live. */
export interface RouteConfig {
  /** For channels without an entry of their own: sites to pull from, on demand. Empty: from the channel's ingest. */
  readonly upstreams: readonly string[];
  /** Stack towards `upstreams`. */
  readonly stack: string;
  readonly channels: Readonly<Record<string, ChannelConfig>>;
  /** Over all channels. */
  readonly maxSubscribers: number;
  /** Outgoing, over all channels. */
  readonly maxBitsPerSecond: number;
  readonly reshaping: ReshapingConfig;
}

const count = z.number().int().min(0).max(1_000_000);
const bits = z.number().min(0).max(1e13);
const names = z.array(siteNameSchema).max(LIMITS.alternativesMax);
const stack = z.string().min(1).max(500);

const inputSchema = z.strictObject({
  from: names.min(1),
  stack: stack.default("udp"),
  keep: z.boolean().default(true),
});

const recordSchema = z.strictObject({
  to: z.string().min(1).max(500),
  segmentSeconds: z.number().min(1).max(86_400).optional(),
  keepSegments: z.number().int().min(1).max(1_000_000).optional(),
  maxBytes: z.number().int().min(1_000_000).max(1e15).optional(),
  onError: z.enum(["retry", "stop"]).default("retry"),
});

const channelConfigSchema = z.strictObject({
  input: inputSchema.optional(),
  record: recordSchema.optional(),
  maxSubscribers: count.default(LIMITS.subscribersDefault),
  maxBitsPerSecond: bits.default(1e13),
  silenceMs: z.number().min(50).max(600_000).default(1_000),
  maxPublishers: z.number().int().min(1).max(16).default(1),
  historyBytes: z
    .number()
    .int()
    .min(64 * 1024)
    .max(1024 * 1024 * 1024)
    .default(LIMITS.historyBytesDefault),
});

const reshapingSchema = z.strictObject({
  policy: z.enum(["standard", "cheap", "naive"]).default("standard"),
  costs: z.record(siteNameSchema, z.number().min(0).max(1_000_000)).default({}),
});

/** Parses a {@link RouteConfig}, filling defaults; unknown keys are errors. */
export const routeConfigSchema: z.ZodType<RouteConfig> = z.strictObject({
  upstreams: names.default([]),
  stack: stack.default("udp"),
  channels: z.record(channelNameSchema, channelConfigSchema).default({}),
  maxSubscribers: count.default(LIMITS.subscribersDefault),
  maxBitsPerSecond: bits.default(1e13),
  reshaping: reshapingSchema.prefault({}),
}) as unknown as z.ZodType<RouteConfig>;

/** A configuration with nothing set. */
export function defaultRouteConfig(): RouteConfig {
  return routeConfigSchema.parse({});
}

/** The configuration of a channel without an entry. */
export function defaultChannelConfig(): ChannelConfig {
  return channelConfigSchema.parse({});
}
