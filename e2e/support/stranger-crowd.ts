/**
 * Strangers at the doors of a site, in a process of their own: thousands of sockets spread over its listeners, each
 * idle, half-spoken or talking nonsense, and each there again as soon as it was sent away. Runs until it is ended;
 * prints a line of JSON a second.
 *
 *     node stranger-crowd.js '{"host":"127.0.0.1","http":7000,"frames":7100,"udp":7000,"count":5000}'
 */
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { LINK_PATH, LINK_UPGRADE } from "../../src/transport/index.ts";
import { junk, viewerHello } from "./hostile.ts";

/** Where the strangers come to. */
export interface CrowdOptions {
  readonly host: string;
  /** Ports: of the site's HTTP, of its frames, of its links over UDP. */
  readonly http: number;
  readonly frames: number;
  readonly udp: number;
  /** Sockets that are open, or being opened, at once. */
  readonly count: number;
}

/** What the crowd has done so far. */
export interface CrowdReport {
  /** Sockets over TCP that are connected now. */
  readonly open: number;
  /** Connections made, and how many of them the site has ended. */
  readonly made: number;
  readonly ended: number;
  readonly datagrams: number;
}

/** What a stranger says when it is connected; it says no more. */
type Words = readonly (string | Uint8Array)[];

const options = JSON.parse(process.argv[2] ?? "{}") as CrowdOptions;
const HOST = `Host: ${options.host}:${options.http}\r\n`;
/** A stranger that could not connect tries again after this, ms. */
const RETRY_MS = 100;
const DATAGRAM_SOCKETS = 100;
/** Datagrams of each of those in a second. */
const DATAGRAM_RATE = 20;

const upgrade = (path: string, protocol = "websocket"): string =>
  `GET ${path} HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: ${protocol}\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\n\r\n`;

/** A WebSocket frame of a client; masked with zeros. */
function frame(first: number, payload: string, length = payload.length): Buffer {
  const head = [first, 0x80 | 126, length >> 8, length & 0xff, 0, 0, 0, 0];
  return Buffer.concat([Buffer.from(head), Buffer.from(payload)]);
}

const forged = `${"a".repeat(40)}.${"b".repeat(200)}.${"c".repeat(86)}`;
const hello = JSON.stringify({ type: "hello", protocol: 1, token: forged });
const TEXT = 0x81;
const TEXT_WITHOUT_END = 0x01;

const AT_HTTP: readonly (() => Words)[] = [
  () => [],
  () => ["GET /health HT"],
  () => [`GET /health HTTP/1.1\r\n${HOST}X: `],
  () => [`POST /api/messages/x HTTP/1.1\r\n${HOST}Content-Length: 1000\r\n\r\nab`],
  () => [
    `PUT /api/config HTTP/1.1\r\n${HOST}Authorization: Bearer ${forged}\r\nContent-Length: 9\r\n\r\n{`,
  ],
  () => [`GET / HTTP/1.1\r\n${HOST}\r\n`],
  () => [`GET /api/session HTTP/1.1\r\n${HOST}Authorization: Bearer ${forged}\r\n\r\n`],
  () => [junk(400, Math.random() * 1e9)],
  () => ["\x16\x03\x01\x02\x00\x01\x00\x01"],
  ...["/shell", "/directory", LINK_PATH].flatMap((path) => [
    () => [upgrade(path)],
    () => [upgrade(path), frame(TEXT, "half a frame", 500)],
    () => [upgrade(path), frame(TEXT_WITHOUT_END, "x".repeat(2_000))],
    () => [upgrade(path), frame(TEXT, hello)],
  ]),
  () => [upgrade(LINK_PATH, LINK_UPGRADE)],
  () => [upgrade(LINK_PATH, LINK_UPGRADE), viewerHello("stranger", Math.random() * 2 ** 32)],
  () => [upgrade(LINK_PATH, LINK_UPGRADE), junk(64, Math.random() * 1e9)],
];
const AT_FRAMES: readonly (() => Words)[] = [() => [], () => [junk(200, 9)], () => ["GE"]];

const report = { open: 0, made: 0, ended: 0, datagrams: 0 };

function stranger(index: number): void {
  // One in ten comes to the port for frames.
  const isAtFrames = index % 10 === 0;
  const kinds = isAtFrames ? AT_FRAMES : AT_HTTP;
  const words = kinds[Math.floor(index / 10) % kinds.length]?.() ?? [];
  const socket = connect(isAtFrames ? options.frames : options.http, options.host);
  let isOpen = false;
  socket.on("error", () => {});
  socket.on("connect", () => {
    isOpen = true;
    report.open++;
    report.made++;
    for (const each of words) socket.write(each);
  });
  socket.resume();
  socket.on("end", () => socket.destroy());
  socket.on("close", () => {
    if (isOpen) {
      report.open--;
      report.ended++;
      stranger(index);
    } else setTimeout(() => stranger(index), RETRY_MS);
  });
}

for (let index = 0; index < options.count; index++) stranger(index);
for (let index = 0; index < DATAGRAM_SOCKETS; index++) {
  const socket = createSocket("udp4");
  socket.on("error", () => {});
  setInterval(() => {
    const greets = Math.random() < 0.8;
    const words = greets ? viewerHello("stranger", Math.random() * 2 ** 32) : junk(100, index);
    socket.send(words, options.udp, options.host);
    report.datagrams++;
  }, 1_000 / DATAGRAM_RATE);
}
setInterval(() => process.stdout.write(`${JSON.stringify(report)}\n`), 1_000);
