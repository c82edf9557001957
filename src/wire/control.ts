/**
 * Control messages: between neighbours, and in band in a channel. docs/spec/wire.md [W20]-[W37].
 *
 * A control packet has kind `control`; its payload is one type byte and a body. Frequent messages have a binary body,
 * the others JSON. Malformed bytes decode to a {@link ControlFault}.
 */
import { z } from "zod";
import { LIMITS } from "../base/index.ts";
import { decodeBinary, encodeBinary } from "./control-bodies.ts";
import { type Description, descriptionSchema } from "./description.ts";
import {
  type ChannelRelations,
  relationsSchema,
  type SiteRoom,
  siteNamesSchema,
  siteRoomSchema,
} from "./relations.ts";

/**
 * A position in one source: everything before `sequence` is known, `sequence` itself is the first wanted (or newest
 * known, in an ack).
 */
export interface SourcePoint {
  readonly source: number;
  readonly generation: number;
  readonly medium: number;
  readonly sequence: number;
}

export type ControlMessage =
  /** First packet each way on a connection; repeated until answered. [W21] */
  | {
      readonly type: "hello";
      readonly role: "site" | "viewer";
      /** Name of the site, or what the viewer calls itself. */
      readonly name: string;
      /** u32, random for each start of the process. */
      readonly instance: number;
      /** Proof of membership: of the session's link key for sites [W21]; an access token, or nothing, for viewers. */
      readonly token: string;
      /** How often the sender wants acknowledgements, ms. */
      readonly heartbeatMs: number;
    }
  | {
      readonly type: "welcome";
      readonly name: string;
      readonly instance: number;
      readonly heartbeatMs: number;
      /** How often a viewer shall acknowledge, ms; absent: every 250. */
      readonly ackMs?: number | undefined;
    }
  /** Answer to a hello (request 0) or a subscribe. [W22] */
  | {
      readonly type: "refused";
      readonly request: number;
      readonly code: string;
      readonly message: string;
    }
  /** Wants a channel, by name. `forward: false` keeps a warm standby that carries no media. [W23] */
  | {
      readonly type: "subscribe";
      readonly request: number;
      readonly channel: string;
      readonly forward: boolean;
      /** Where to go on; empty: from the newest key frame. */
      readonly resume: readonly SourcePoint[];
    }
  | {
      readonly type: "subscribed";
      readonly request: number;
      readonly channel: string;
      readonly id: number;
      readonly forward: boolean;
    }
  | { readonly type: "unsubscribe"; readonly request: number; readonly id: number }
  | { readonly type: "unsubscribed"; readonly request: number; readonly id: number }
  /** Alternatives for a viewer whose site goes: WebSocket addresses of other sites. [W24] */
  | {
      readonly type: "sites";
      readonly sites: readonly { readonly name: string; readonly url: string }[];
    }
  | { readonly type: "close"; readonly code: string; readonly message: string }
  /** The sender will close soon: what is taken from it is to be taken elsewhere, before it is gone. [W28] */
  | {
      readonly type: "leaving";
      readonly message: string;
      /** Absent: the sender is of a version that does not tell. */
      readonly channels?: readonly ChannelRelations[] | undefined;
    }
  /** From site to site: how the sender stands to others in channels that it shares with the receiver. [W36] */
  | {
      readonly type: "started";
      readonly channels: readonly ChannelRelations[];
      /** Absent: nothing new, or the sender is of a version that does not tell. [W37] */
      readonly room?: SiteRoom | undefined;
    }
  /** Wants what the sender and others take from the receiver by a group. [W29] */
  | {
      readonly type: "group-wanted";
      readonly group: string;
      readonly port: number;
      readonly ttl: number;
    }
  /**
   * Answers `group-wanted`: from which address the group is sent to, and with what salt it is sealed, in hex; empty: it
   * is not.
   */
  | {
      readonly type: "group";
      readonly group: string;
      readonly port: number;
      readonly from: { readonly host: string; readonly port: number };
      readonly salt: string;
    }
  /** Answers `group-wanted`: nothing can be sent there. */
  | { readonly type: "group-refused"; readonly group: string; readonly message: string }
  /** Sent to a group: each receiver confirms it by `group-heard`, to its upstream alone. */
  | { readonly type: "group-probe"; readonly number: number }
  | { readonly type: "group-heard"; readonly number: number }
  /**
   * [W25] Times are the sender's monotonic ms; `echo` is the newest heartbeat received from the peer, held for
   * `heldMs`; NaN: none yet.
   */
  | {
      readonly type: "heartbeat";
      readonly sentAt: number;
      readonly echo: number;
      readonly heldMs: number;
    }
  /** [W26] Newest identities on the channel of the header: consumed, from a viewer; sent, from a site. */
  | { readonly type: "ack"; readonly points: readonly SourcePoint[] }
  /** [W27] Packets missing: `point.sequence` and those after it whose bit is set in `bitmap` (bit 0 = sequence + 1). */
  | { readonly type: "repair"; readonly point: SourcePoint; readonly bitmap: number }
  /** [W30] In band, from the ingest. */
  | { readonly type: "description"; readonly description: Description }
  /**
   * [W31] At `ingestMs` of the ingest's monotonic clock the medium was at `rtpTimestamp`; `rtcp` is the publisher's
   * last sender report, if any.
   */
  | {
      readonly type: "report";
      readonly ingestMs: number;
      readonly rtpTimestamp: number;
      readonly rtcp: Uint8Array;
    }
  /** [W32] `count` packets from `sequence` on are unavailable downstream of the sender. */
  | { readonly type: "gap"; readonly sequence: number; readonly count: number }
  /** [W33] The source has ended. */
  | { readonly type: "bye" }
  /**
   * [W34] From a site to its subscribers: the sites that the channel passes, the sender last, and the offset from the
   * sender's clock to the ingest's.
   */
  | {
      readonly type: "path";
      /** Empty: the channel does not arrive at the sender. */
      readonly sites: readonly string[];
      readonly originOffsetMs: number;
      /** Since how long the sender has received nothing of the channel, ms. */
      readonly quietMs?: number | undefined;
      /** True: nothing passes now, as nobody wants it there; this is the way that it would take. */
      readonly idle?: boolean | undefined;
      /** Why the channel does not arrive although it is wanted. */
      readonly stalled?: ChannelStall | undefined;
    };

/** A channel that is wanted at a site and does not arrive there. [W34] */
export interface ChannelStall {
  /** Since how long, ms. */
  readonly forMs: number;
  /** For people. */
  readonly reason: string;
  /** Names of the sites that it is being tried to receive it from. */
  readonly trying: readonly string[];
}

export type ControlFault = "empty" | "unknown-type" | "short" | "json" | "shape";

const JSON_TYPES = {
  1: "hello",
  2: "welcome",
  3: "refused",
  4: "subscribe",
  5: "subscribed",
  6: "unsubscribe",
  7: "unsubscribed",
  8: "sites",
  9: "close",
  10: "leaving",
  11: "group-wanted",
  12: "group",
  13: "group-refused",
  14: "group-probe",
  15: "group-heard",
  20: "started",
  32: "description",
  33: "path",
} as const;
const BINARY_TYPES = {
  16: "heartbeat",
  17: "ack",
  18: "repair",
  34: "report",
  35: "gap",
  36: "bye",
} as const;
const TYPE_CODES: Readonly<Record<ControlMessage["type"], number>> = Object.fromEntries(
  [...Object.entries(JSON_TYPES), ...Object.entries(BINARY_TYPES)].map(([code, type]) => [
    type,
    Number(code),
  ]),
) as Record<ControlMessage["type"], number>;

const u32 = z.number().int().min(0).max(0xffff_ffff);
const u8 = z.number().int().min(0).max(255);
const name = z.string().max(200);
const point = z.object({ source: u32, generation: u8, medium: u8, sequence: u32 });
const host = z.string().max(100);
const port = z.number().int().min(1).max(65_535);
const periodMs = z.number().min(10).max(60_000);

const SCHEMAS: Readonly<Record<(typeof JSON_TYPES)[keyof typeof JSON_TYPES], z.ZodType>> = {
  hello: z.object({
    role: z.enum(["site", "viewer"]),
    name,
    instance: u32,
    token: z.string().max(LIMITS.tokenCharactersMax),
    heartbeatMs: periodMs,
  }),
  welcome: z.object({ name, instance: u32, heartbeatMs: periodMs, ackMs: periodMs.optional() }),
  refused: z.object({ request: u32, code: name, message: z.string().max(2000) }),
  subscribe: z.object({
    request: u32,
    channel: name,
    forward: z.boolean(),
    resume: z.array(point).max(LIMITS.sourcesMax),
  }),
  subscribed: z.object({ request: u32, channel: name, id: u32, forward: z.boolean() }),
  unsubscribe: z.object({ request: u32, id: u32 }),
  unsubscribed: z.object({ request: u32, id: u32 }),
  sites: z.object({ sites: z.array(z.object({ name, url: z.string().max(500) })).max(64) }),
  close: z.object({ code: name, message: z.string().max(2000) }),
  leaving: z.object({ message: z.string().max(2000), channels: relationsSchema.optional() }),
  started: z.object({ channels: relationsSchema, room: siteRoomSchema.optional() }),
  "group-wanted": z.object({ group: host, port, ttl: z.number().int().min(1).max(255) }),
  group: z.object({
    group: host,
    port,
    from: z.object({ host, port }),
    salt: z.string().regex(/^(?:[0-9a-f]{32})?$/),
  }),
  "group-refused": z.object({ group: host, message: z.string().max(2000) }),
  "group-probe": z.object({ number: u32 }),
  "group-heard": z.object({ number: u32 }),
  description: z.object({ description: descriptionSchema }),
  path: z.object({
    sites: z.array(name).max(LIMITS.pathSitesMax),
    originOffsetMs: z.number(),
    quietMs: z.number().min(0).optional(),
    idle: z.boolean().optional(),
    stalled: z
      .object({ forMs: z.number().min(0), reason: z.string().max(2000), trying: siteNamesSchema })
      .optional(),
  }),
};

/** The payload of a control packet. */
export function encodeControl(message: ControlMessage): Uint8Array {
  switch (message.type) {
    case "heartbeat":
    case "ack":
    case "repair":
    case "report":
    case "gap":
    case "bye":
      return encodeBinary(TYPE_CODES[message.type], message);
    default: {
      const { type, ...fields } = message;
      const text = new TextEncoder().encode(JSON.stringify(fields));
      const bytes = new Uint8Array(1 + text.byteLength);
      bytes[0] = TYPE_CODES[type];
      bytes.set(text, 1);
      return bytes;
    }
  }
}

/**
 * Reads the payload of a control packet, which stands in `bytes` between `from` and `end`: no view of it is needed.
 * Copies; never throws.
 */
export function decodeControl(
  bytes: Uint8Array,
  from = 0,
  end = bytes.byteLength,
): ControlMessage | ControlFault {
  if (from >= end) return "empty";
  const code = bytes[from] as number;
  const binary = BINARY_TYPES[code as keyof typeof BINARY_TYPES];
  if (binary !== undefined) return decodeBinary(binary, bytes, from + 1, end);
  const type = JSON_TYPES[code as keyof typeof JSON_TYPES];
  if (type === undefined) return "unknown-type";
  if (end - from > LIMITS.controlBytesMax) return "shape";
  let fields: unknown;
  try {
    fields = JSON.parse(new TextDecoder().decode(bytes.subarray(from + 1, end)));
  } catch {
    return "json";
  }
  const parsed = SCHEMAS[type].safeParse(fields);
  if (!parsed.success) return "shape";
  return { type, ...(parsed.data as object) } as ControlMessage;
}
