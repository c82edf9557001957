import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { MeanderError } from "../../base/index.ts";
import type { OutputPorts } from "../../client/contract/index.ts";
import type { Grant } from "../access/grant.ts";
import type { PublishRequest, SiteService } from "../site-service.ts";
import { choice, json, route } from "./route.ts";
import { channelViewSchema, publishAnswerSchema } from "./schemas.ts";

/** Header in which the listener's client address reaches the handlers. */
export const REMOTE_ADDRESS = "x-meander-remote-address";

/** Publishing on channels and looking at them. */
export function addChannelRoutes(app: OpenAPIHono, site: SiteService): void {
  const sdp = z.string().openapi({ description: "RFC 8866" });
  route(
    app,
    {
      method: "put",
      path: "/channels/{name}",
      rest: true,
      tag: "channels",
      access: { anyOf: ["publish"], channel: "name" },
      act: { what: "channel.publish", on: inputOf },
      summary: "Opens an input of a channel at this site: RTP as an SDP describes it, or data",
      query: {
        input: "name of the input among the channel's (main)",
        source: "equal for inputs that carry the same capture (the input's name)",
        ports: "sdp: listen on the ports of the SDP; assign: on free ones (sdp)",
        replace: "true: close an input of that name first",
        kind: "data: a data channel; then the body is the first message, if there is one",
        trusted:
          "IP addresses whose packets are accepted, separated by commas (the client's; for groups the first sender's)",
        interface:
          "for groups: name or address of the interface (the one that the site listens on)",
      },
      body: {
        required: false,
        content: { "application/sdp": sdp, "text/plain": z.string(), "application/json": z.any() },
      },
      answers: {
        201: { description: "Send here", content: { "application/json": publishAnswerSchema } },
      },
    },
    (c, grant) => publish(c, site, grant),
  );
  route(
    app,
    {
      method: "get",
      path: "/channels/{name}",
      rest: true,
      tag: "channels",
      access: { anyOf: ["watch", "publish"], channel: "name" },
      summary: "The channel at this site; with format=sdp, what a plain RTP receiver opens",
      query: {
        format: "json or sdp (json)",
        host: "sdp: address of the receiver (127.0.0.1)",
        ports: "sdp: video and audio port of the receiver, divided by a comma (5004,5006)",
      },
      answers: {
        200: {
          description: "The channel",
          content: { "application/json": channelViewSchema, "application/sdp": sdp },
        },
      },
    },
    async (c) => {
      const name = c.req.param("name") ?? "";
      if (choice(c, "format", ["json", "sdp"]) === "json") return json(await site.channel(name));
      const text = await site.receiverSdp(
        name,
        c.req.query("host") ?? "127.0.0.1",
        portsOf(c.req.query("ports")),
      );
      return new Response(text, {
        headers: { "content-type": "application/sdp", "cache-control": "no-store" },
      });
    },
  );
  route(
    app,
    {
      method: "delete",
      path: "/channels/{name}",
      rest: true,
      tag: "channels",
      access: { anyOf: ["publish"], channel: "name" },
      act: { what: "channel.unpublish", on: inputOf },
      summary: "Closes an input of the channel at this site",
      query: { input: "name of the input (main)" },
      answers: { 204: { description: "The input is closed" } },
    },
    async (c, grant) => {
      await site.unpublish(c.req.param("name") ?? "", c.req.query("input") ?? "main", grant);
      return new Response(null, { status: 204 });
    },
  );
  route(
    app,
    {
      method: "post",
      path: "/api/messages/{name}",
      tag: "channels",
      access: { anyOf: ["publish"], channel: "name" },
      act: { what: "channel.message", on: (c) => `channel ${c.req.param("name") ?? ""}` },
      summary: "Publishes the body as one message on a data channel that is ingested here",
      body: { required: true, content: { "text/plain": z.string(), "application/json": z.any() } },
      answers: { 204: { description: "The message was published" } },
    },
    async (c) => {
      const bytes = new Uint8Array(await c.req.arrayBuffer());
      await site.sendMessage(c.req.param("name") ?? "", contentTypeOf(c) ?? "text/plain", bytes);
      return new Response(null, { status: 204 });
    },
  );
}

function inputOf(c: Context): string {
  return `channel ${c.req.param("name") ?? ""}, input ${c.req.query("input") ?? "main"}`;
}

async function publish(c: Context, site: SiteService, grant: Grant | undefined): Promise<Response> {
  const input = c.req.query("input") ?? "main";
  const remote = c.req.header(REMOTE_ADDRESS) ?? "127.0.0.1";
  const request: PublishRequest = {
    channel: c.req.param("name") ?? "",
    input,
    source: c.req.query("source") ?? input,
    trusted: c.req.query("trusted")?.split(","),
    asker: remote,
    interface: c.req.query("interface"),
    replace: choice(c, "replace", ["false", "true"]) === "true",
    grant,
  };
  if (choice(c, "kind", ["rtp", "data"]) === "data") {
    const answer = await site.publishData(request);
    const first = new Uint8Array(await c.req.arrayBuffer());
    if (first.byteLength > 0)
      await site.sendMessage(request.channel, contentTypeOf(c) ?? "text/plain", first);
    return json(answer, 201);
  }
  const type = contentTypeOf(c);
  if (type !== undefined && type !== "application/sdp") {
    throw new MeanderError("request-invalid", `got ${type}`, {
      where: "header Content-Type",
      expected: "application/sdp, or the query kind=data",
    });
  }
  return json(
    await site.publishSdp(request, await c.req.text(), choice(c, "ports", ["sdp", "assign"])),
    201,
  );
}

function contentTypeOf(c: Context): string | undefined {
  return c.req.header("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
}

function portsOf(text: string | undefined): OutputPorts {
  const [video, audio] = (text ?? "5004,5006").split(",").map((part) => {
    if (/^\d{1,5}$/.test(part) && Number(part) >= 1 && Number(part) <= 65_535) return Number(part);
    throw new MeanderError("request-invalid", `got ${JSON.stringify(text)}`, {
      where: "query parameter ports",
      expected: "a video and an audio port from 1 to 65535, such as 5004,5006",
    });
  });
  return { video, audio };
}
