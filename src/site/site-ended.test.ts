import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { test } from "node:test";
import { SystemClock } from "../base/index.ts";
import type { SiteRecord } from "../session/index.ts";
import { hasEnded } from "./site-ended.ts";

const clock = new SystemClock();

function recordAt(port: number): SiteRecord {
  const endpoint = { host: "127.0.0.1", port };
  return {
    ...{ name: "north", instance: 7, http: endpoint, udp: endpoint },
    ...{ pid: 1, version: "0", leader: false, startedAt: 0 },
  };
}

/** Asks about a site at whose port `answer` does with each connection what it does. */
async function askedOf(answer: (socket: Socket) => void): Promise<boolean> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("data", () => answer(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    return await hasEnded(recordAt((server.address() as { port: number }).port), clock);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

function says(body: string): (socket: Socket) => void {
  return (socket) => socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
}

test("a site has ended when no program listens at its port", async () => {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  assert.equal(await hasEnded(recordAt(port), clock), true);
});

test("a site has ended when another start of a site is at its port", async () => {
  assert.equal(await askedOf(says('{"site":{"name":"north","instance":8}}')), true);
  assert.equal(await askedOf(says('{"site":{"name":"south","instance":9}}')), true);
});

test("a site that answers, or might, has not certainly ended", async () => {
  assert.equal(await askedOf(says('{"site":{"name":"north","instance":7}}')), false);
  assert.equal(await askedOf(says("<html>")), false);
  assert.equal(await askedOf(says('{"site":3}')), false);
  assert.equal(await askedOf((socket) => socket.end("220 mail.example\r\n")), false);
  assert.equal(await askedOf((socket) => socket.destroy()), false);
  assert.equal(await askedOf(() => {}), false, "one that says nothing");
});
