import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { LIMITS } from "../../base/index.ts";
import { connect, packageRoot } from "../../client/index.ts";
import { publishFile } from "../../client/publish/index.ts";
import { parseSdp } from "../../wire/index.ts";
import { type ApiSite, refused, shaped, startApiSite } from "./api-site.test.support.ts";
import {
  channelViewSchema,
  healthSchema,
  outputAnswerSchema,
  publishAnswerSchema,
  sessionViewSchema,
  siteViewSchema,
  streamsViewSchema,
} from "./schemas.ts";

const SDP = `v=0
o=- 0 0 IN IP4 127.0.0.1
s=test
c=IN IP4 127.0.0.1
t=0 0
m=video 5004 RTP/AVP 96
a=rtpmap:96 H264/90000
a=fmtp:96 packetization-mode=1
m=audio 5006 RTP/AVP 97
a=rtpmap:97 opus/48000/2
`;

let api: ApiSite;
let site: ApiSite["site"];
let send: ApiSite["send"];

before(async () => {
  api = await startApiSite();
  ({ site, send } = api);
});
after(() => api[Symbol.asyncDispose]());

test("health, session and site answer in their documented shapes", async () => {
  const health = await shaped(await send("GET", "/health"), 200, healthSchema);
  assert.equal(health.status, "ok");
  const session = await shaped(await send("GET", "/api/session"), 200, sessionViewSchema);
  assert.deepEqual(
    [session.self, session.leader, session.directory, session.demo],
    ["origin", "origin", "connected", true],
  );
  const view = await shaped(await send("GET", "/api/site"), 200, siteViewSchema);
  assert.equal(view.site.http.port, site.record.http.port);
  assert.ok(view.process.rssBytes > 0);
});

test("streams are listed with what was counted of them, and shells attach", async () => {
  const shell = await connect(site.url, { name: "tester" });
  const stream = await shell.createStream("listed", { durability: { type: "message" } });
  await stream.registerAgent({ on: { append: (_ctx, message) => message } });
  assert.deepEqual((await stream.append("a", { until: "consumed" })).reply, "a");
  const view = await shaped(await send("GET", "/api/streams"), 200, streamsViewSchema);
  assert.deepEqual(
    view.streams.map(({ name, site: at, status, agents }) => [name, at, status, agents]),
    [["listed", "origin", "live", ["agent"]]],
  );
  const { resident, shells, messages } = view.counts;
  assert.deepEqual([resident, shells, messages["consumed"]], [1, 1, 1]);
  const health = await shaped(await send("GET", "/health"), 200, healthSchema);
  assert.equal(health.streams, 1);
  const metrics = await (await send("GET", "/metrics")).text();
  for (const line of [
    'meander_streams_resident{site="origin"} 1',
    'meander_shells{site="origin"} 1',
    'meander_stream_consumed_total{site="origin"} 1',
    'meander_stream_dead_lettered_total{site="origin"} 0',
    'meander_stream_frames_sent_total{peer="origin",site="origin"} 0',
  ])
    assert.ok(metrics.split("\n").includes(line), line);
  await stream.destroy();
  await shell.close();
});

test("the OpenAPI document names every operation, and its shapes resolve", async () => {
  const document = (await (await send("GET", "/openapi.json")).json()) as {
    openapi: string;
    paths: Record<string, Record<string, { responses: Record<string, unknown> }>>;
    components: { schemas: Record<string, unknown> };
  };
  assert.equal(document.openapi, "3.1.0");
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  assert.deepEqual(operations.sort(), [
    "DELETE /api/outputs/{id}",
    "DELETE /api/tokens",
    "DELETE /channels/{name}",
    "GET /api/audit",
    "GET /api/config",
    "GET /api/figures",
    "GET /api/log-level",
    "GET /api/recordings",
    "GET /api/session",
    "GET /api/site",
    "GET /api/stats",
    "GET /api/streams",
    "GET /api/tokens",
    "GET /api/trace",
    "GET /channels/{name}",
    "GET /health",
    "POST /api/demo/sites/{name}/{action}",
    "POST /api/messages/{name}",
    "POST /api/outputs",
    "POST /api/restart",
    "POST /api/stop",
    "POST /api/streams/resume",
    "POST /api/tokens",
    "PUT /api/config",
    "PUT /api/log-level",
    "PUT /channels/{name}",
  ]);
  const references = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(
    (match) => match[1] ?? "",
  );
  assert.ok(references.length > 10);
  for (const name of references) assert.ok(name in document.components.schemas, name);
});

test("an SDP opens an input on assigned ports, shows it, and closes it", async () => {
  const path = "/channels/studio/cam-1?input=main&ports=assign";
  const answer = await shaped(
    await send("PUT", path, SDP, "application/sdp"),
    201,
    publishAnswerSchema,
  );
  assert.equal(answer.channel, "studio/cam-1");
  assert.deepEqual(
    answer.tracks.map(({ kind, codec, medium }) => [kind, codec, medium]),
    [
      ["video", "h264", 2],
      ["audio", "opus", 1],
    ],
  );
  for (const { rtpPort, rtcpPort } of answer.tracks) assert.equal(rtcpPort, rtpPort + 1);
  const view = await shaped(await send("GET", "/channels/studio/cam-1"), 200, channelViewSchema);
  assert.deepEqual(view.channel, { name: "studio/cam-1", id: answer.id, ingests: ["origin"] });
  assert.equal(view.snapshot?.inputs[0]?.kind, "rtp");

  const second = await refused(
    await send("PUT", path, SDP, "application/sdp"),
    409,
    "publisher-exists",
  );
  assert.match(second.next ?? "", /replace/);
  const replaced = await send("PUT", `${path}&replace=true`, SDP, "application/sdp");
  assert.equal((await shaped(replaced, 201, publishAnswerSchema)).id, answer.id);
  assert.equal((await send("DELETE", "/channels/studio/cam-1?input=main")).status, 204);
  await refused(await send("DELETE", "/channels/studio/cam-1?input=main"), 404, "channel-unknown");
});

test("the ports of an SDP are used as given, and a taken one is refused", async () => {
  const socket = createSocket("udp4");
  await new Promise<void>((done) => socket.bind(0, "127.0.0.1", done));
  const taken = socket.address().port;
  const sdp = SDP.replace("m=video 5004", `m=video ${taken}`).replace(/m=audio[\s\S]*/, "");
  const error = await refused(
    await send("PUT", "/channels/ports", sdp, "application/sdp"),
    409,
    "port-in-use",
  );
  assert.match(`${error.where} ${error.message}`, new RegExp(String(taken)));
  socket.close();
});

test("invalid requests of publishers are refused with the reason", async () => {
  const none = SDP.replace(/m=[\s\S]*/, "");
  await refused(await send("PUT", "/channels/a", none, "application/sdp"), 400, "sdp-no-media");
  await refused(await send("PUT", "/channels/a", "hello", "application/sdp"), 400, "sdp-invalid");
  await refused(
    await send("PUT", "/channels/a", SDP.replace(/^m=(\w+) \d+/gm, "m=$1 0"), "application/sdp"),
    400,
    "sdp-port-invalid",
  );
  await refused(await send("PUT", "/channels/a", "<html>", "text/html"), 400, "request-invalid");
  const ports = await refused(
    await send("PUT", "/channels/a?ports=any", SDP, "application/sdp"),
    400,
    "request-invalid",
  );
  assert.equal(ports.expected, "sdp or assign");
  await refused(
    await send("PUT", "/channels/a?input=x%20y&ports=assign", SDP, "application/sdp"),
    400,
    "request-invalid",
  );
  for (const name of ["%20", ".hidden", "a/.b", "a%00b", `${"x".repeat(101)}`, "a//b", "%ff"]) {
    await refused(
      await send("PUT", `/channels/${name}?ports=assign`, SDP, "application/sdp"),
      400,
      "channel-invalid",
    );
  }
  const large = new Uint8Array(LIMITS.bodyBytesMax + 1);
  await refused(await send("PUT", "/channels/a", large, "application/sdp"), 413, "body-too-large");
});

test("a data channel accepts messages only where it is open", async () => {
  await refused(
    await send("POST", "/api/messages/news", "x", "text/plain"),
    404,
    "channel-unknown",
  );
  const opened = await send("PUT", "/channels/news?kind=data", '{"first":1}', "application/json");
  assert.deepEqual((await shaped(opened, 201, publishAnswerSchema)).tracks, []);
  assert.equal((await send("POST", "/api/messages/news", "second", "text/plain")).status, 204);
  const { snapshot } = await shaped(await send("GET", "/channels/news"), 200, channelViewSchema);
  assert.equal(snapshot?.packetsIn, 2);
  assert.deepEqual(
    snapshot?.inputs.map(({ kind, name }) => [kind, name]),
    [["data", "main"]],
  );
  await refused(await send("PUT", "/channels/news?kind=data"), 409, "publisher-exists");
  await refused(
    await send("POST", "/api/messages/news", "x", "not a type"),
    400,
    "content-type-invalid",
  );
  assert.equal((await send("DELETE", "/channels/news")).status, 204);
});

test("a channel's name with a slash goes encoded where more path could follow", async () => {
  await send("PUT", "/channels/a/b?kind=data");
  assert.equal((await send("POST", "/api/messages/a%2Fb", "hello", "text/plain")).status, 204);
  await send("DELETE", "/channels/a/b");
});

test("an output sends plain RTP to a receiver, which gets an SDP that fits", async (t) => {
  const clip = join(packageRoot(), "media", "clip.mp4");
  const publication = await publishFile(clip, { site: site.url, channel: "clip", loop: true });
  t.after(() => publication.close());
  const socket = createSocket("udp4").unref();
  await new Promise<void>((done) => socket.bind(0, "127.0.0.1", done));
  const { port } = socket.address();
  const arrived = new Promise<Buffer>((resolve) => socket.once("message", resolve));
  const request = JSON.stringify({ channel: "clip", host: "127.0.0.1", ports: { video: port } });
  const { id, sdp } = await shaped(
    await send("POST", "/api/outputs", request),
    201,
    outputAnswerSchema,
  );
  const [video, none] = parseSdp(sdp).tracks;
  assert.deepEqual(
    [video?.codec, video?.port, video?.rtcpPort, none],
    ["h264", port, port + 1, undefined],
  );
  assert.equal((await arrived)[0], 0x80);

  const asSdp = await fetch(`${site.url}/channels/clip?format=sdp&ports=6000,6002`);
  assert.equal(asSdp.headers.get("content-type"), "application/sdp");
  assert.deepEqual(
    parseSdp(await asSdp.text()).tracks.map((track) => track.port),
    [6000, 6002],
  );
  assert.equal((await send("DELETE", `/api/outputs/${id}`)).status, 204);
  await refused(await send("DELETE", `/api/outputs/${id}`), 404, "output-unknown");
  socket.close();
});

test("impossible outputs are refused with the reason", async () => {
  const post = (value: unknown): Promise<Response> =>
    send("POST", "/api/outputs", JSON.stringify(value));
  const ports = { video: 5004 };
  await refused(await post({ channel: "none", host: "127.0.0.1", ports }), 404, "channel-unknown");
  await refused(await post({ channel: "clip", host: "10.0.0.1", ports }), 400, "open-required");
  await refused(
    await post({ channel: "clip", host: "127.0.0.1", ports: {} }),
    400,
    "request-invalid",
  );
  await refused(
    await post({ channel: "clip", host: "127.0.0.1", ports, more: 1 }),
    400,
    "request-invalid",
  );
  await refused(await send("POST", "/api/outputs", "{"), 400, "request-invalid");
  await refused(await send("DELETE", "/api/outputs/x"), 404, "output-unknown");
});
