import { OpenAPIHono, type z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { MeanderError } from "../../base/index.ts";
import type { AuditAct, AuditAction } from "../../trust/index.ts";
import type { Grant, Need } from "../access/grant.ts";
import { errorBodyOf } from "../http/messages.ts";
import { errorSchema } from "./schemas.ts";
import { statusOf } from "./status.ts";

/** One kind of answer. */
export interface AnswerSpec {
  readonly description: string;
  /** Media type and shape; undefined: no body. */
  readonly content?: Readonly<Record<string, z.ZodType>>;
}

/** What an operation requires of its client. */
export interface RouteAccess {
  /** One of these rights is enough; none: any token of the session. */
  readonly anyOf: Need["anyOf"];
  /** The parameter of the path that names the channel which the right is for. */
  readonly channel?: string;
  /** Required even where the site is open. */
  readonly always?: boolean;
}

/** What the audit log says of an operation. */
export interface RouteAct {
  readonly what: AuditAction;
  /** On what; undefined: method and path. {@link tellOn} may say more when it is done. */
  readonly on?: ((c: Context) => string) | undefined;
  /** Whether it is noted when it was allowed, too; default: unless it only reads. */
  readonly isNoted?: boolean;
}

/** What the router gives to each request. */
export interface RouteBindings {
  /** The request's body has not been read: it is only to be judged. */
  readonly judgeOnly: boolean;
  /** Notes a refusal. @throws {MeanderError} `token-…` */
  authorise(
    need: Need,
    options: { readonly always: boolean; readonly act: AuditAct },
  ): Promise<Grant | undefined>;
  /** Does what was granted, and notes what became of it. @param act as it is when it is done */
  perform(
    need: Need,
    grant: Grant | undefined,
    act: () => AuditAct,
    work: () => Promise<Response> | Response,
  ): Promise<Response>;
}

/** One operation of the API: enough to route it and to describe it. */
export interface RouteSpec {
  readonly method: "get" | "put" | "post" | "delete";
  /** With parameters in braces: `/channels/{name}`. */
  readonly path: string;
  /** True when the last parameter takes the rest of the path, slashes too. */
  readonly rest?: boolean;
  readonly tag: string;
  readonly summary: string;
  /** What the audit log calls it; undefined: `site.request`, and of what only reads, `site.read`. */
  readonly act?: RouteAct;
  /** `open`: nothing is required. Undefined: the right to administer. */
  readonly access?: RouteAccess | "open";
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: {
    readonly required: boolean;
    readonly content: Readonly<Record<string, z.ZodType>>;
  };
  readonly answers: Readonly<Record<number, AnswerSpec>>;
}

/** Adds an operation to `app` and to its OpenAPI document. Errors thrown by `handler` become error answers. */
export function route(
  app: OpenAPIHono,
  spec: RouteSpec,
  handler: (c: Context, grant: Grant | undefined) => Promise<Response> | Response,
): void {
  const parameters = [...spec.path.matchAll(/{(\w+)}/g)].map((match) => match[1] ?? "");
  app.openAPIRegistry.registerPath({
    method: spec.method,
    path: spec.path,
    tags: [spec.tag],
    summary: spec.summary,
    parameters: [
      ...parameters.map((name) => ({
        in: "path" as const,
        name,
        required: true,
        schema: { type: "string" as const },
      })),
      ...Object.entries(spec.query ?? {}).map(([name, description]) => ({
        in: "query" as const,
        name,
        description,
        schema: { type: "string" as const },
      })),
    ],
    ...(spec.body === undefined
      ? {}
      : {
          request: {
            body: { required: spec.body.required, content: contentOf(spec.body.content) },
          },
        }),
    responses: {
      ...Object.fromEntries(
        Object.entries(spec.answers).map(([status, { description, content }]) => [
          status,
          { description, ...(content === undefined ? {} : { content: contentOf(content) }) },
        ]),
      ),
      default: {
        description: "What went wrong, where, and what to do",
        content: contentOf({ "application/json": errorSchema }),
      },
    },
  });
  const last = parameters.at(-1);
  const pattern = spec.path.replaceAll(/{(\w+)}/g, (_all, name: string) =>
    // With line breaks too: the parser of names reports what is wrong with them.
    spec.rest === true && name === last ? `:${name}{[\\s\\S]+}` : `:${name}`,
  );
  app.on(spec.method.toUpperCase(), pattern, async (c) => {
    const { access } = spec;
    const { judgeOnly, perform } = c.env as RouteBindings;
    const act = actOf(c, spec);
    const grant = await authorise(c, access, act);
    if (judgeOnly) return new Response(null, { headers: { [GOOD]: "1" } });
    const isNoted = spec.act?.isNoted ?? spec.method !== "get";
    if (access === "open" || !isNoted) return handler(c, grant);
    const told = (): AuditAct => ({ ...act, on: (c.get(TOLD as never) as string) ?? act.on });
    return await perform(needOf(c, access), grant, told, () => handler(c, grant));
  });
}

/** Says on what an operation was done, when its address does not. */
export function tellOn(c: Context, on: string): void {
  c.set(TOLD as never, on as never);
}

const TOLD = "meander-told-on";

function actOf(c: Context, { act, method }: Pick<RouteSpec, "act" | "method">): AuditAct {
  const what = act?.what ?? (method === "get" ? "site.read" : "site.request");
  // Without its query, in which a secret may stand that does not belong there.
  return { what, on: act?.on?.(c) ?? `${c.req.method} ${c.req.path}` };
}

const GOOD = "x-meander-let-in";

/** Whether a request that was only to be judged may send its body. */
export function isLetIn(response: Response): boolean {
  return response.headers.has(GOOD);
}

/** Admits a request, or throws the reason. @throws {MeanderError} `token-…` */
export async function authorise(
  c: Context,
  access: RouteAccess | "open" = ADMINISTER,
  act: AuditAct = actOf(c, { method: "get" }),
): Promise<Grant | undefined> {
  if (access === "open") return undefined;
  const { always = false } = access;
  return await (c.env as RouteBindings).authorise(needOf(c, access), { always, act });
}

const ADMINISTER: RouteAccess = { anyOf: ["administer"] };

function needOf(c: Context, { anyOf, channel }: RouteAccess = ADMINISTER): Need {
  return { anyOf, channel: channel === undefined ? undefined : (c.req.param(channel) ?? "") };
}

/** The answer to a thrown error. Bugs are rethrown, to be logged. */
export function errorAnswer(error: unknown): Response {
  if (!(error instanceof MeanderError)) throw error;
  const status = statusOf(error.code);
  return Response.json(errorBodyOf(error), {
    status,
    headers: {
      "cache-control": "no-store",
      ...(status === 401 ? { "www-authenticate": 'Bearer realm="Meander"' } : {}),
    },
  });
}

/** A JSON answer that is never cached. */
export function json(value: unknown, status = 200): Response {
  return Response.json(value, { status, headers: { "cache-control": "no-store" } });
}

/** The value of a query parameter that has a fixed set of values. @throws {MeanderError} `request-invalid` */
export function choice<T extends string>(
  c: Context,
  name: string,
  values: readonly [T, ...T[]],
): T {
  const value = c.req.query(name) ?? values[0];
  const found = values.find((each) => each === value);
  if (found !== undefined) return found;
  throw new MeanderError("request-invalid", `got ${JSON.stringify(value)}`, {
    where: `query parameter ${name}`,
    expected: values.join(" or "),
  });
}

/** The body as JSON of a known shape. @throws {MeanderError} `request-invalid` */
export async function jsonBody<T>(c: Context, schema: z.ZodType<T>): Promise<T> {
  const parsed = schema.safeParse(await rawJson(c));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = ["body", ...(issue?.path ?? [])].join(".");
  throw new MeanderError("request-invalid", issue?.message ?? "invalid", {
    where,
    next: "see /openapi.json",
  });
}

/** The body as JSON. @throws {MeanderError} `request-invalid` */
export async function rawJson(c: Context): Promise<unknown> {
  try {
    return JSON.parse(await c.req.text());
  } catch (cause) {
    throw new MeanderError("request-invalid", "the body is not JSON", {
      where: "body",
      expected: "JSON",
      cause,
    });
  }
}

/** A router without routes that answers errors as JSON. */
export function newRouter(): OpenAPIHono {
  const app = new OpenAPIHono();
  app.onError((error) => errorAnswer(error));
  return app;
}

function contentOf(
  content: Readonly<Record<string, z.ZodType>>,
): Record<string, { schema: z.ZodType }> {
  return Object.fromEntries(Object.entries(content).map(([type, schema]) => [type, { schema }]));
}
