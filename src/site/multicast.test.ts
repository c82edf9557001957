/** Groups on this machine's own interface: a site that is not open to others takes part in no other network. */
import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { SiteClient } from "../client/index.ts";
import { encodeRtp } from "../wire/index.ts";
import { Site } from "./site.ts";

const HERE = "127.0.0.1";
const FROM = "239.255.78.1";
const TO = "239.255.78.2";

let data = "";
let site: Site;
let client: SiteClient;

before(async () => {
  data = await mkdtemp(join(tmpdir(), "meander-multicast-"));
  site = await Site.start({ name: "studio", httpPort: 0, data }, { plane: "local" });
  client = new SiteClient(site.url);
});

after(async () => {
  await site?.stop();
  await rm(data, { recursive: true, force: true });
});

function sdp(connection: string, port: number, ...more: readonly string[]): string {
  const media = [`m=audio ${port} RTP/AVP 0`, ...more];
  return ["v=0", "s=x", `c=IN ${connection}`, "t=0 0", ...media].join("\r\n");
}

function rtp(sequence: number): Uint8Array {
  const header = { marker: false, payloadType: 0, sequence, timestamp: sequence * 160, ssrc: 7 };
  return encodeRtp({ ...header, csrcs: [], extensions: [], payload: new Uint8Array(160) });
}

async function bound(port = 0, address?: string): Promise<Socket> {
  const socket = createSocket({ type: "udp4", reuseAddr: true });
  socket.bind(port, address);
  await once(socket, "listening");
  return socket;
}

async function freePort(): Promise<number> {
  const socket = await bound();
  const { port } = socket.address();
  socket.close();
  await once(socket, "close");
  return port;
}

async function refusalOf(promise: Promise<unknown>): Promise<string> {
  return await promise.then(
    () => "none",
    (error: { readonly code: string }) => error.code,
  );
}

test("[G30] [G31] what comes from a group goes to another group, with the time to live that was asked for", async () => {
  const port = await freePort();
  const answer = await client.publishSdp("radio", sdp(`IP4 ${FROM}/1`, port), { ports: "sdp" });
  assert.deepEqual(
    answer.tracks.map(({ group, rtpPort }) => [group, rtpPort]),
    [[FROM, port]],
  );
  const camera = await bound();
  camera.setMulticastInterface(HERE);
  let sequence = 0;
  const sending = setInterval(() => camera.send(rtp(sequence++), port, FROM), 20);
  try {
    const receiver = await bound(0, TO);
    receiver.addMembership(TO, HERE);
    const { port: audio } = receiver.address();
    const { id, sdp: text } = await client.addOutput("radio", TO, { audio }, { ttl: 7 });
    assert.match(text, /^c=IN IP4 239\.255\.78\.2\/7\r$/m);
    const [bytes] = (await once(receiver, "message")) as [Uint8Array];
    assert.deepEqual([bytes.byteLength, bytes[1]], [172, 0]);
    await client.removeOutput(id);
    receiver.close();
    const { snapshot } = await client.channel("radio");
    assert.equal(snapshot?.inputs[0]?.drops["untrusted-source"], undefined);
  } finally {
    clearInterval(sending);
    camera.close();
    await client.unpublish("radio");
  }
});

test("[G32] the publisher may name whose packets are taken from a group", async () => {
  const port = await freePort();
  const settings = { ports: "sdp", trusted: ["192.0.2.1"] } as const;
  await client.publishSdp("named", sdp(`IP4 ${FROM}/1`, port), settings);
  const stranger = await bound();
  stranger.setMulticastInterface(HERE);
  for (;;) {
    stranger.send(rtp(0), port, FROM);
    const { snapshot } = await client.channel("named");
    const [input] = snapshot?.inputs ?? [];
    if ((input?.drops["untrusted-source"] ?? 0) > 0) {
      assert.equal(input?.packets, 0);
      break;
    }
  }
  stranger.close();
  await client.unpublish("named");
});

test("groups that cannot be used are refused, and leave no input", async () => {
  const put = (text: string, settings: Parameters<SiteClient["publishSdp"]>[2]) =>
    refusalOf(client.publishSdp("wrong", text, settings));
  const group = sdp(`IP4 ${FROM}/1`, 5_004);
  assert.equal(await put(group, { ports: "assign" }), "multicast-refused");
  const mixed = sdp(`IP4 ${FROM}/1`, 5_004, "m=audio 5006 RTP/AVP 0", `c=IN IP4 ${HERE}`);
  assert.equal(await put(mixed, { ports: "sdp" }), "multicast-refused");
  assert.equal(await put(group, { ports: "sdp", interface: "no-such-0" }), "interface-unknown");
  const filtered = sdp(`IP4 ${FROM}/1`, 5_004, `a=source-filter: incl IN IP4 ${FROM} nobody`);
  assert.equal(await put(filtered, { ports: "sdp" }), "multicast-refused");
  assert.equal(
    await refusalOf(
      client
        .channel("wrong")
        .then(({ snapshot }) => snapshot?.inputs[0] ?? Promise.reject({ code: "no input" })),
    ),
    "no input",
  );
});

test("outputs to groups that cannot be are refused", async () => {
  await client.publishData("words");
  const add = (host: string, sending: { ttl?: number; interface?: string }) =>
    refusalOf(client.addOutput("words", host, { audio: 5_004 }, sending));
  assert.equal(await add(TO, { ttl: 0 }), "request-invalid");
  assert.equal(await add(TO, { ttl: 256 }), "request-invalid");
  assert.equal(await add(TO, { interface: "no-such-0" }), "interface-unknown");
  assert.equal(await add(HERE, { ttl: 3 }), "output-invalid");
});

const outward = Object.entries(networkInterfaces()).find(([, infos = []]) =>
  infos.some(({ family, internal }) => family === "IPv4" && !internal),
)?.[0];

test("a site that is not open to others uses groups on no interface but its machine's own", {
  skip: outward === undefined && "this machine has no other interface",
}, async () => {
  const text = sdp(`IP4 ${FROM}/1`, 5_004);
  const publishing = client.publishSdp("out", text, { ports: "sdp", interface: outward });
  assert.equal(await refusalOf(publishing), "open-required");
  await client.publishData("words", { replace: true });
  const sending = client.addOutput("words", TO, { audio: 5_004 }, { interface: outward });
  assert.equal(await refusalOf(sending), "open-required");
});
