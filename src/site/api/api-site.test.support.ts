import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { z } from "@hono/zod-openapi";
import { MeanderError } from "../../base/index.ts";
import type { DemoAction } from "../../client/contract/index.ts";
import { Site } from "../site.ts";
import { errorSchema } from "./schemas.ts";

/** A site of a demo whose API is tested. */
export interface ApiSite extends AsyncDisposable {
  readonly site: Site;
  /** What the demo was asked to do. */
  readonly acts: [site: string, action: DemoAction][];
  send(method: string, path: string, body?: string | Uint8Array, type?: string): Promise<Response>;
}

/** Starts a site named origin, with `the console` as its page. */
export async function startApiSite(): Promise<ApiSite> {
  const folder = await mkdtemp(join(tmpdir(), "meander-api-"));
  const acts: [string, DemoAction][] = [];
  const webRoot = join(folder, "web");
  await mkdir(webRoot);
  await writeFile(join(webRoot, "index.html"), "the console");
  const demo = {
    act: async (name: string, action: DemoAction): Promise<void> => {
      if (name === "nowhere") throw new MeanderError("site-unknown", "the demo has no such site");
      acts.push([name, action]);
    },
  };
  const site = await Site.start(
    { name: "origin", httpPort: 0, data: join(folder, "data") },
    { plane: "local", webRoot, demo },
  );
  return {
    site,
    acts,
    send: (method, path, body, type) => {
      const headers = type === undefined ? {} : { "content-type": type };
      return fetch(site.url + path, { method, headers, ...(body === undefined ? {} : { body }) });
    },
    async [Symbol.asyncDispose]() {
      await site.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Checks the answer against its documented shape. */
export async function shaped<T>(
  response: Response,
  status: number,
  schema: z.ZodType<T>,
): Promise<T> {
  const value: unknown = await response.json();
  assert.equal(response.status, status, JSON.stringify(value));
  return schema.parse(value);
}

/** Checks that the answer is that error. */
export async function refused(
  response: Response,
  status: number,
  code: string,
): Promise<z.infer<typeof errorSchema>["error"]> {
  const { error } = await shaped(response, status, errorSchema);
  assert.equal(error.code, code, JSON.stringify(error));
  return error;
}
