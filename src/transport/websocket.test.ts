import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { WebSocket } from "ws";
import { LIMITS, VirtualClock } from "../base/index.ts";
import type { Connection } from "../stack/index.ts";
import {
  type ConnectionPair,
  connectionConformance,
  packetOf,
  Received,
} from "./connection.conformance.ts";
import { CuttableWire, LoopbackServer, streamVariants } from "./loopback-server.conformance.ts";
import type { NativeStreams } from "./native/native-streams.ts";
import { WebSocketTransport } from "./websocket.ts";
import { WebSocketAcceptor } from "./websocket-acceptor.ts";
import { encodeBinaryFrame } from "./websocket-frame.ts";

interface Accepted {
  readonly connection: Connection;
  readonly socket: Socket;
}

/** A server, and whatever connects to it. */
class Site implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly acceptor: WebSocketAcceptor;
  readonly transport = new WebSocketTransport({ clock: this.clock });
  readonly http: LoopbackServer;
  /** What lies between it and its clients. */
  readonly wire: CuttableWire;

  static async open(native?: NativeStreams): Promise<Site> {
    const http = await LoopbackServer.open();
    return new Site(http, await CuttableWire.open(http.port), native);
  }

  private constructor(http: LoopbackServer, wire: CuttableWire, native: NativeStreams | undefined) {
    this.acceptor = new WebSocketAcceptor({ clock: this.clock, native });
    this.http = http;
    this.wire = wire;
  }

  get url(): string {
    return `ws://${this.wire.address}/link`;
  }

  async accept(): Promise<Accepted> {
    const { request, socket, head } = await this.http.upgrade();
    return { connection: await this.acceptor.accept(request, socket, head), socket };
  }

  async pair(): Promise<{ readonly client: Connection; readonly server: Accepted }> {
    const [client, server] = await Promise.all([this.transport.connect(this.url), this.accept()]);
    return { client, server };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.transport[Symbol.asyncDispose]();
    this.clock.advance(LIMITS.closeMsMax);
    await this.wire[Symbol.asyncDispose]();
    await this.http[Symbol.asyncDispose]();
  }
}

const TRAITS = { reliable: true, coalesces: true, recovers: true };

connectionConformance("websocket (from the client)", TRAITS, async (): Promise<ConnectionPair> => {
  const site = await Site.open();
  const { client, server } = await site.pair();
  return {
    left: client,
    right: server.connection,
    inject: (bytes) => void server.connection.send(bytes),
    vanish: () => site.wire.cut(),
    advance: (ms) => site.clock.advance(ms),
    [Symbol.asyncDispose]: () => site[Symbol.asyncDispose](),
  };
});

for (const [how, native] of streamVariants()) {
  connectionConformance(
    `websocket (from the server, ${how})`,
    TRAITS,
    async (): Promise<ConnectionPair> => {
      const site = await Site.open(native);
      const { client, server } = await site.pair();
      return {
        left: server.connection,
        right: client,
        inject: (bytes) => void client.send(bytes),
        advance: (ms) => site.clock.advance(ms),
        vanish: () => site.wire.cut(),
        [Symbol.asyncDispose]: () => site[Symbol.asyncDispose](),
      };
    },
  );
}

/** A client made by hand, to send what no library sends. */
async function rawClient(site: Site): Promise<{ readonly raw: Socket; readonly server: Accepted }> {
  const raw = connect(site.http.port, "127.0.0.1");
  raw.on("error", () => {});
  raw.write(
    [
      "GET /link HTTP/1.1",
      `Host: ${site.http.address}`,
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "\r\n",
    ].join("\r\n"),
  );
  const server = await site.accept();
  await once(raw, "data");
  return { raw, server };
}

test("[T40] a message that is not packets is counted and dropped, and the connection stays open", async () => {
  await using site = await Site.open();
  const client = new WebSocket(site.url);
  const { connection } = await site.accept();
  await once(client, "open");
  const received = new Received(connection);
  const [good, wrong] = [packetOf(10), packetOf(10)];
  wrong[0] = 0;
  client.send(wrong);
  client.send("text");
  client.send(new Uint8Array(0));
  client.send(good.subarray(0, 25));
  client.send(Buffer.concat([good, wrong]));
  client.send(good);
  assert.deepEqual(await received.reach(2), [good, good]);
  assert.equal(connection.malformed, 5);
  client.close();
  assert.equal(await connection.closed, undefined);
});

for (const [what, bytes] of [
  ["random bytes", Uint8Array.from({ length: 400 }, (_, at) => (at * 89 + 3) & 0xff)],
  ["a frame without a mask", encodeBinaryFrame(packetOf(10))],
  ["a reserved opcode", Uint8Array.of(0x83, 0x80, 0, 0, 0, 0)],
  ["a claim of 2^63 bytes", Uint8Array.of(0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0)],
] as const) {
  test(`[T8] ${what} instead of a frame ends the connection as malformed`, async () => {
    await using site = await Site.open();
    const { raw, server } = await rawClient(site);
    const received = new Received(server.connection);
    raw.write(bytes);
    const end = await server.connection.closed;
    assert.equal(end?.code, "wire-malformed");
    assert.equal(server.connection.malformed, 1);
    assert.deepEqual(received.packets, []);
    raw.destroy();
  });
}

test("[T40] a message larger than a batch ends the connection", async () => {
  await using site = await Site.open();
  const client = new WebSocket(site.url);
  const { connection } = await site.accept();
  await once(client, "open");
  new Received(connection);
  client.send(new Uint8Array(LIMITS.batchBytesMax + 1));
  assert.equal((await connection.closed)?.code, "wire-malformed");
});

test("[T7] a client that is cut off without a closing handshake was reset", async () => {
  await using site = await Site.open();
  const { raw, server } = await rawClient(site);
  new Received(server.connection);
  raw.end();
  assert.equal((await server.connection.closed)?.code, "connection-reset");
});

test("[T41] a buffer for many is framed once, and reaches all", async () => {
  await using site = await Site.open();
  const pairs = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const { client, server } = await site.pair();
      return { received: new Received(client), server: server.connection };
    }),
  );
  const [first, second] = [packetOf(1_000, 1), packetOf(70_000 - 5_000, 2)];
  for (const { server } of pairs) {
    server.send(first);
    server.send(second);
  }
  for (const { received } of pairs) assert.deepEqual(await received.reach(2), [first, second]);
  assert.equal(site.acceptor.framesMade, 2);
});

test("frames made here and the library's own (a pong) do not disturb each other", async () => {
  await using site = await Site.open();
  const client = new WebSocket(site.url);
  const { connection } = await site.accept();
  await once(client, "open");
  const messages: number[] = [];
  const all = new Promise<void>((resolve) => {
    client.on("message", (data: Buffer) => {
      messages.push(data.byteLength);
      if (messages.length === 100) resolve();
    });
  });
  new Received(connection);
  const pong = once(client, "pong");
  for (let at = 0; at < 100; at++) {
    connection.send(packetOf(at * 10, at));
    if (at % 10 === 0) client.ping();
  }
  await Promise.all([all, pong]);
  assert.deepEqual(
    messages,
    Array.from({ length: 100 }, (_, at) => 20 + at * 10),
  );
  client.terminate();
});

test("[T5] a peer that never answers the close does not keep the socket forever", async () => {
  await using site = await Site.open();
  const { raw, server } = await rawClient(site);
  raw.pause();
  const cut = once(server.socket, "close");
  server.connection.close();
  assert.equal(await server.connection.closed, undefined);
  site.clock.advance(LIMITS.closeMsMax - 1);
  assert.equal(server.socket.destroyed, false);
  site.clock.advance(1);
  await cut;
  raw.destroy();
});

test("a closed connection leaves no timer behind", async () => {
  await using site = await Site.open();
  const { client, server } = await site.pair();
  for (const each of [client, server.connection]) new Received(each);
  const gone = once(server.socket, "close");
  client.close();
  await gone;
  while (site.clock.pending.length > 0) await new Promise(setImmediate);
  assert.deepEqual(site.clock.pending, []);
});

test("a request that is not a WebSocket handshake is answered and refused", async () => {
  await using site = await Site.open();
  const raw = connect(site.http.port, "127.0.0.1");
  raw.write("GET /link HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  const { request, socket, head } = await site.http.upgrade();
  const answer = once(raw, "data");
  await assert.rejects(site.acceptor.accept(request, socket, head), { code: "upgrade-invalid" });
  assert.match(String((await answer)[0]), /^HTTP\/1.1 400 /);
  raw.destroy();
});

test("connecting fails to a closed port, to another kind of server, and to an invalid WebSocket URL", async () => {
  await using site = await Site.open();
  const other = await LoopbackServer.open();
  await other[Symbol.asyncDispose]();
  await assert.rejects(site.transport.connect(`ws://${other.address}/link`), {
    code: "connect-refused",
  });
  for (const url of ["", "127.0.0.1:80", "http://127.0.0.1/link", "ws://"]) {
    await assert.rejects(site.transport.connect(url), { code: "address-invalid" });
  }
  const refused = assert.rejects(site.transport.connect(site.url), { code: "connect-refused" });
  const { socket } = await site.http.upgrade();
  socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  await refused;
});

test("a server that never answers is given up in time, or when the transport is disposed of", async () => {
  await using site = await Site.open();
  const late = assert.rejects(site.transport.connect(site.url), { code: "connect-timeout" });
  await site.http.upgrade();
  site.clock.advance(LIMITS.connectMsMax);
  await late;
  const givenUp = assert.rejects(site.transport.connect(site.url), { code: "transport-closed" });
  await site.http.upgrade();
  await site.transport[Symbol.asyncDispose]();
  await givenUp;
  await assert.rejects(site.transport.connect(site.url), { code: "transport-closed" });
});
