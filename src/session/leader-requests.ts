/** What sites ask of their leader. */
import { z } from "zod";
import { MeanderError } from "../base/index.ts";
import type { Json } from "../directory/index.ts";
import { channelNameSchema, siteNameSchema } from "./model.ts";
import { siteSelfSchema } from "./records.ts";
import { describeIssue } from "./zod-issue.ts";

/** `join`: puts the site into the session, under its lease. Answers the session's record. */
export const joinSchema = z.object({ site: siteSelfSchema, lease: z.string() });
/** `leave`: removes that instance of a site. Answers null. */
export const leaveSchema = z.object({ name: siteNameSchema, instance: z.number() });
/** `open-channel`, which answers the channel's record, and `close-channel`, which answers null. */
export const channelSchema = z.object({
  name: channelNameSchema,
  ingest: siteNameSchema.optional(),
});

/** Reads the payload of a request. @throws {MeanderError} `request-invalid` */
export function parsePayload<T>(schema: z.ZodType<T>, subject: string, payload: Json): T {
  const parsed = schema.safeParse(payload);
  if (parsed.success) return parsed.data;
  const { path, what, expected } = describeIssue(parsed.error, payload);
  throw new MeanderError("request-invalid", what, {
    where: path === "" ? `request ${subject}` : `request ${subject}: ${path}`,
    ...(expected === undefined ? {} : { expected }),
  });
}
