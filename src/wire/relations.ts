/** What a site tells its neighbours of itself: how it stands to others, and how much room it has. [W36] [W37] */
import { z } from "zod";
import { LIMITS } from "../base/index.ts";

/** What a site receives of a channel from whom, and who receives it from there: names of sites. [W28] */
export interface ChannelRelations {
  readonly channel: string;
  /** That it can be received from, the one that it is received from first; empty: it is ingested there. */
  readonly sources: readonly string[];
  /** Sites that receive it, or may at any moment. */
  readonly clients: readonly string[];
}

/** How much more a site would send, within its limits. Rounded down, so that it seldom changes. [W37] */
export interface SiteRoom {
  /** Subscribers that it would still admit, over all channels; an integer. */
  readonly subscribers: number;
  /** What it would still send, over all channels, bits per second. */
  readonly bitsPerSecond: number;
}

/** A site's room, as its leader passes it on to the others. */
export interface NamedRoom extends SiteRoom {
  readonly site: string;
}

const name = z.string().max(200);

/** Names of sites. */
export const siteNamesSchema: z.ZodType<readonly string[]> = z
  .array(name)
  .max(LIMITS.relationSitesMax);

/** Reads relations to other sites. */
export const relationsSchema: z.ZodType<readonly ChannelRelations[]> = z
  .array(z.object({ channel: name, sources: siteNamesSchema, clients: siteNamesSchema }))
  .max(LIMITS.relationChannelsMax);

const room = { subscribers: z.int().min(0).max(1e9), bitsPerSecond: z.number().min(0).max(1e15) };

/** Reads a {@link SiteRoom}. */
export const siteRoomSchema: z.ZodType<SiteRoom> = z.object(room);

/** Reads what a leader passes on. */
export const namedRoomsSchema: z.ZodType<readonly NamedRoom[]> = z
  .array(z.object({ site: name, ...room }))
  .max(LIMITS.roomsToldMax);
