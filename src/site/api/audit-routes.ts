import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { type Clock, LIMITS, MeanderError, parseDuration } from "../../base/index.ts";
import { AUDIT_ACTIONS } from "../../trust/index.ts";
import type { SiteService } from "../site-service.ts";
import { choice, json, route } from "./route.ts";

const LIMIT_DEFAULT = 100;
/** Characters of a parameter: the longest names have fewer. */
const TEXT_MAX = 200;

const count = z.number().int().min(0);
const text = z.string();

export const auditPageSchema = z
  .strictObject({
    site: text,
    records: z.array(
      z.strictObject({
        number: count,
        at: z.number(),
        site: text,
        by: text,
        label: text.optional(),
        token: text.optional(),
        from: text.optional(),
        what: z.enum(AUDIT_ACTIONS),
        on: text,
        verdict: z.enum(["allowed", "denied", "failed"]),
        rule: text,
        reason: text.optional(),
        ms: z.number().min(0).optional(),
        count: count.optional(),
        overMs: count.optional(),
      }),
    ),
    more: z.boolean(),
    next: count,
  })
  .openapi("AuditPage");

/** Reading the site's audit log. docs/spec/access.md [A53] */
export function addAuditRoutes(app: OpenAPIHono, { audit }: SiteService, clock: Clock): void {
  route(
    app,
    {
      method: "get",
      path: "/api/audit",
      tag: "site",
      summary: "Who did what at this site, and why that was allowed or refused; the oldest first",
      query: {
        since: "how far back (1h), or a time (2026-11-30T14:00:00Z); without, as far as there is",
        until: "the same for the end",
        by: "a principal (subject:bob), its name alone (bob), or a label; * at the end stands for any rest",
        what: "an action (stream.move); * at the end stands for any rest (stream.*)",
        on: "a part of what it was done on",
        denied: "1: only what was denied",
        after:
          "only records behind this number, the oldest of them: `next` of the last answer, to follow the log",
        limit: `records at most (${LIMIT_DEFAULT}), of those that match the newest`,
      },
      answers: {
        200: { description: "Records", content: { "application/json": auditPageSchema } },
      },
    },
    async (c) => {
      const page = await audit.find({
        since: timeOf(c, "since", clock),
        until: timeOf(c, "until", clock),
        by: textOf(c, "by"),
        what: textOf(c, "what"),
        on: textOf(c, "on"),
        denied: choice(c, "denied", ["0", "1"]) === "1",
        after: numberOf(c, "after", 0, Number.MAX_SAFE_INTEGER),
        limit: numberOf(c, "limit", 1, LIMITS.auditPageMax) ?? LIMIT_DEFAULT,
      });
      return json(page);
    },
  );
}

function textOf(c: Context, name: string): string | undefined {
  const value = c.req.query(name);
  if (value === undefined || value.length <= TEXT_MAX) return value;
  throw invalid(name, value, `at most ${TEXT_MAX} characters`);
}

function numberOf(c: Context, name: string, least: number, most: number): number | undefined {
  const value = c.req.query(name);
  if (value === undefined) return undefined;
  const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw invalid(name, value, `a whole number from ${least} to ${most}`);
}

/** Wall clock, ms. */
function timeOf(c: Context, name: string, clock: Clock): number | undefined {
  const value = c.req.query(name);
  if (value === undefined) return undefined;
  const back = parseDuration(value);
  const time = back === undefined ? Date.parse(ISO.test(value) ? value : "") : clock.wall() - back;
  if (!Number.isNaN(time)) return time;
  throw invalid(name, value, "a duration such as 30s, 10m, 1h or 7d, or a time as in ISO 8601");
}

const ISO = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)?)?$/;

function invalid(name: string, value: string, expected: string): MeanderError {
  return new MeanderError("request-invalid", `got ${JSON.stringify(value.slice(0, 60))}`, {
    where: `query parameter ${name}`,
    expected,
  });
}
