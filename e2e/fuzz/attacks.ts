import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { WebSocket } from "ws";
import type { Random } from "../../src/base/index.ts";
import { openTcpLink } from "../support/hostile.ts";
import type { SiteProcess } from "../support/network.ts";
import { mutate } from "./mutate.ts";
import { type Samples, samplesOf } from "./samples.ts";

/** Brings bytes to a site. Settles when they are delivered, or refused. */
export interface Attack {
  readonly name: string;
  run(random: Random): Promise<void>;
}

/** Time that one attack waits for the site, ms. */
const WAIT_MS = 300;
const HTTP_SAMPLES = [
  "GET /api/session HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
  'PUT /api/config HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"upstreams":[]}',
  "PUT /channels/news?ports=assign HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n",
  "GET /link HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: meander\r\n\r\n",
  "GET /directory HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  "POST /channels/a%2Fb/outputs HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
  "DELETE /channels/../../etc HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
];

/** Every listener of a site, and the directory of its leader, which answers there alone. @param rtpPort of an open input, RTCP behind it; @param streamPort of stream frames */
export function attacksOn(
  { site, leader }: { readonly site: SiteProcess; readonly leader: SiteProcess },
  ports: { readonly rtpPort: number; readonly streamPort: number | undefined },
  random: Random,
): Attack[] {
  const samples: Samples = samplesOf(random);
  const http = HTTP_SAMPLES.map((text) => new TextEncoder().encode(text));
  const wire = [...samples.packets, ...samples.controlPackets];
  const some = (of: readonly Uint8Array[], chance: Random): Uint8Array[] =>
    Array.from({ length: 1 + chance.below(20) }, () => mutate(chance, of));
  const udp = (name: string, port: number, of: readonly Uint8Array[]): Attack => ({
    name,
    run: (chance) => sendDatagrams(port, some(of, chance)),
  });
  const webSocket = (at: SiteProcess, path: string, of: readonly Uint8Array[]): Attack => ({
    name: `WebSocket ${path} at ${at.name}`,
    run: (chance) =>
      sendMessages(`${at.url.replace("http", "ws")}${path}`, some(of, chance), chance),
  });
  const encode = (texts: readonly string[]): Uint8Array[] =>
    texts.map((each) => new TextEncoder().encode(each));
  return [
    { name: "HTTP", run: (chance) => sendBytes(site.httpPort, some(http, chance)) },
    { name: "TCP link", run: (chance) => sendOverLink(site, some(wire, chance)) },
    webSocket(site, "/link", wire),
    webSocket(site, "/directory", encode(samples.directory)),
    webSocket(leader, "/directory", encode(samples.directory)),
    webSocket(site, "/shell", encode(samples.shell)),
    udp("UDP link", site.udpPort, wire),
    udp("RTP input", ports.rtpPort, samples.ofCodec("vp8")),
    udp("RTCP input", ports.rtpPort + 1, samples.rtcp),
    ...(ports.streamPort === undefined
      ? []
      : [
          {
            name: "stream frames",
            run: (chance: Random) =>
              sendBytes(
                ports.streamPort as number,
                some([...samples.handshakes, ...samples.frames], chance),
              ),
          },
        ]),
  ];
}

async function sendDatagrams(port: number, datagrams: readonly Uint8Array[]): Promise<void> {
  const socket = createSocket("udp4");
  socket.on("error", () => {});
  for (const datagram of datagrams) {
    if (datagram.byteLength > 60_000) continue;
    await new Promise<void>((done) => socket.send(datagram, port, "127.0.0.1", () => done()));
  }
  socket.close();
}

/** On one connection, until the site closes it or has had its time. */
function sendBytes(port: number, pieces: readonly Uint8Array[]): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const timer = setTimeout(() => socket.destroy(), WAIT_MS);
    socket.on("error", () => {});
    socket.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
    socket.resume();
    for (const piece of pieces) socket.write(piece);
    socket.end();
  });
}

async function sendOverLink(site: SiteProcess, packets: readonly Uint8Array[]): Promise<void> {
  const link = await openTcpLink(site).catch(() => undefined);
  if (link === undefined) return;
  for (const packet of packets) link.socket.write(packet);
  link.socket.end();
  const timer = setTimeout(() => link.socket.destroy(), WAIT_MS);
  await link.closed;
  clearTimeout(timer);
}

function sendMessages(url: string, messages: readonly Uint8Array[], random: Random): Promise<void> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url);
    const timer = setTimeout(() => socket.terminate(), WAIT_MS);
    socket.on("error", () => {});
    socket.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
    socket.once("open", () => {
      for (const message of messages) socket.send(message, { binary: random.below(4) > 0 });
      // What is no text ends the connection; so texts are sent as such too.
      for (const message of messages) socket.send(Buffer.from(message).toString("latin1"));
      socket.close();
    });
  });
}
