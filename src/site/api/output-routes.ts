import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { MeanderError } from "../../base/index.ts";
import type { SiteService } from "../site-service.ts";
import { json, jsonBody, route, tellOn } from "./route.ts";
import { outputAnswerSchema, outputRequestSchema } from "./schemas.ts";

/** Sending channels to plain RTP receivers. */
export function addOutputRoutes(app: OpenAPIHono, site: SiteService): void {
  route(
    app,
    {
      method: "post",
      path: "/api/outputs",
      tag: "outputs",
      act: { what: "output.add" },
      summary:
        "Sends a channel to a plain RTP receiver, or a group of them; RTCP goes to the port after each",
      body: { required: true, content: { "application/json": outputRequestSchema } },
      answers: {
        201: {
          description: "The output is open; the receiver opens the SDP",
          content: { "application/json": outputAnswerSchema, "application/sdp": z.string() },
        },
      },
    },
    async (c) => {
      const { channel, host, ports, sending } = await jsonBody(c, outputRequestSchema);
      tellOn(c, `channel ${channel} to ${host}`);
      const { id, sdp } = await site.addOutput(channel, host, ports, sending);
      if (c.req.header("accept")?.includes("application/sdp") !== true)
        return json({ id, sdp }, 201);
      const headers = {
        "content-type": "application/sdp",
        "cache-control": "no-store",
        "x-meander-output": `${id}`,
      };
      return new Response(sdp, { status: 201, headers });
    },
  );
  route(
    app,
    {
      method: "delete",
      path: "/api/outputs/{id}",
      tag: "outputs",
      act: { what: "output.remove", on: (c) => `output ${c.req.param("id") ?? ""}` },
      summary: "Stops sending",
      answers: { 204: { description: "The output is closed" } },
    },
    async (c) => {
      const text = c.req.param("id") ?? "";
      if (!/^\d{1,15}$/.test(text)) {
        throw new MeanderError("output-unknown", "no output has that number", {
          where: text,
          expected: "its number",
        });
      }
      await site.removeOutput(Number(text));
      return new Response(null, { status: 204 });
    },
  );
}
