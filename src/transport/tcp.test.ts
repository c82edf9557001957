import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
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
import { acceptTcp, LINK_UPGRADE, TcpTransport } from "./tcp.ts";

interface TcpPair extends AsyncDisposable {
  readonly clock: VirtualClock;
  readonly client: Connection;
  readonly server: Connection;
  readonly serverSocket: Socket;
  /** What lies between. */
  readonly wire: CuttableWire;
}

async function tcpPair(native?: NativeStreams): Promise<TcpPair> {
  const clock = new VirtualClock();
  const http = await LoopbackServer.open();
  const wire = await CuttableWire.open(http.port);
  const transport = new TcpTransport({ clock });
  const [client, upgrade] = await Promise.all([
    transport.connect(wire.address),
    http.upgrade().then(({ request, socket, head }) => {
      assert.equal(request.url, "/link");
      assert.equal(request.headers.upgrade, LINK_UPGRADE);
      const connection = acceptTcp(socket, head, { clock, native });
      if (native !== undefined) relaxLater(connection);
      return { socket, connection };
    }),
  ]);
  return {
    clock,
    client,
    server: upgrade.connection,
    serverSocket: upgrade.socket,
    wire,
    [Symbol.asyncDispose]: async () => {
      await transport[Symbol.asyncDispose]();
      upgrade.connection.close();
      clock.advance(LIMITS.closeMsMax);
      await wire[Symbol.asyncDispose]();
      await http[Symbol.asyncDispose]();
    },
  };
}

/** Relaxes a connection as soon as it has a handler. */
function relaxLater(connection: Connection): void {
  const onPackets = connection.onPackets.bind(connection);
  connection.onPackets = (handler) => {
    onPackets(handler);
    connection.relax?.();
  };
}

const TRAITS = { reliable: true, coalesces: true, recovers: false };

connectionConformance("tcp (from the client)", TRAITS, async (): Promise<ConnectionPair> => {
  const pair = await tcpPair();
  return {
    left: pair.client,
    right: pair.server,
    inject: (bytes) => void pair.server.send(bytes),
    vanish: () => pair.wire.cut(),
    advance: (ms) => pair.clock.advance(ms),
    [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose](),
  };
});

for (const [how, native] of streamVariants()) {
  connectionConformance(
    `tcp (from the server, ${how})`,
    TRAITS,
    async (): Promise<ConnectionPair> => {
      const pair = await tcpPair(native);
      return {
        left: pair.server,
        right: pair.client,
        inject: (bytes) => void pair.client.send(bytes),
        advance: (ms) => pair.clock.advance(ms),
        vanish: () => pair.wire.cut(),
        [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose](),
      };
    },
  );
}

test("[T30] a link is an HTTP upgrade, then bare packets, of which the first may come with the request", async () => {
  await using http = await LoopbackServer.open();
  const raw = connect(http.port, "127.0.0.1");
  const request = `GET /link HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ${LINK_UPGRADE}\r\n\r\n`;
  raw.write(Buffer.concat([Buffer.from(request), packetOf(1), packetOf(2).subarray(0, 3)]));
  const { socket, head } = await http.upgrade();
  const connection = acceptTcp(socket, head, { clock: new VirtualClock() });
  assert.equal(connection.peer, `127.0.0.1:${raw.localPort}`);
  const received = new Received(connection);
  raw.write(packetOf(2).subarray(3));
  assert.deepEqual(await received.reach(2), [packetOf(1), packetOf(2)]);
  connection.send(packetOf(3));
  const answer: Buffer[] = [];
  const expected = Buffer.concat([
    Buffer.from(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: meander\r\n\r\n",
    ),
    packetOf(3),
  ]);
  for await (const piece of raw) {
    answer.push(piece as Buffer);
    if (Buffer.concat(answer).byteLength >= expected.byteLength) break;
  }
  assert.deepEqual(Buffer.concat(answer), expected);
});

test("[T31] a stream that ends within a packet was reset", async () => {
  await using pair = await tcpPair();
  const received = new Received(pair.client);
  pair.serverSocket.write(packetOf(10));
  pair.serverSocket.end(packetOf(10).subarray(0, 25));
  assert.equal((await pair.client.closed)?.code, "connection-reset");
  assert.deepEqual(received.packets, [packetOf(10)]);
});

test("[T8] sound packets before the hostile bytes are still handed up", async () => {
  await using pair = await tcpPair();
  const received = new Received(pair.client);
  const hostile = packetOf(10);
  hostile[2] = 19;
  hostile[3] = 0;
  pair.serverSocket.write(Buffer.concat([packetOf(1), packetOf(2), hostile, packetOf(3)]));
  const end = await pair.client.closed;
  assert.equal(end?.code, "wire-malformed");
  assert.equal(end?.where, pair.client.peer);
  assert.deepEqual(received.packets, [packetOf(1), packetOf(2)]);
});

test("what arrives in one piece is handed up in one call", async () => {
  await using pair = await tcpPair();
  const calls: number[] = [];
  const all = new Promise<void>((resolve) => {
    pair.client.onPackets((bytes) => {
      calls.push(bytes.byteLength);
      if (calls.reduce((sum, each) => sum + each, 0) === 50 * 120) resolve();
    });
  });
  pair.serverSocket.write(Buffer.concat(Array.from({ length: 50 }, () => packetOf(100))));
  await all;
  assert(calls.length < 10, `${calls.length} calls`);
});

test("[T5] a peer that never reads does not keep a closed connection forever", async () => {
  await using pair = await tcpPair();
  while (pair.server.send(packetOf(60_000)));
  const cut = once(pair.serverSocket, "close");
  pair.server.close();
  assert.equal(await pair.server.closed, undefined);
  pair.clock.advance(LIMITS.closeMsMax - 1);
  assert.equal(pair.serverSocket.destroyed, false);
  pair.clock.advance(1);
  assert.equal(pair.serverSocket.destroyed, true);
  await cut;
});

test("a closed connection leaves no timer behind", async () => {
  await using pair = await tcpPair();
  for (const each of [pair.client, pair.server]) new Received(each);
  const gone = once(pair.serverSocket, "close");
  pair.client.close();
  await gone;
  await new Promise(setImmediate);
  while (pair.clock.pending.length > 0) await new Promise(setImmediate);
  assert.deepEqual(pair.clock.pending, []);
});

test("connecting to a closed port is refused", async () => {
  const http = await LoopbackServer.open();
  await http[Symbol.asyncDispose]();
  await using transport = new TcpTransport({ clock: new VirtualClock() });
  await assert.rejects(transport.connect(http.address), {
    code: "connect-refused",
    where: http.address,
  });
});

test("connecting to an HTTP server that knows no links is refused with its answer", async () => {
  const server = createServer((socket) => {
    socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  await using transport = new TcpTransport({ clock: new VirtualClock() });
  await assert.rejects(transport.connect(`127.0.0.1:${port}`), (error: Error) => {
    assert.match(error.message, /answered 403 Forbidden; expected 101 on \/link/);
    return true;
  });
  server.close();
});

test("a server that never answers is given up in time", async () => {
  const clock = new VirtualClock();
  await using transport = new TcpTransport({ clock });
  await using http = await LoopbackServer.open();
  const refused = assert.rejects(transport.connect(http.address), { code: "connect-timeout" });
  await http.upgrade();
  clock.advance(LIMITS.connectMsMax);
  await refused;
});

test("disposing aborts connections being opened and refuses further ones", async () => {
  const clock = new VirtualClock();
  const transport = new TcpTransport({ clock });
  await using http = await LoopbackServer.open();
  const refused = assert.rejects(transport.connect(http.address), { code: "transport-closed" });
  await http.upgrade();
  await transport[Symbol.asyncDispose]();
  await refused;
  await assert.rejects(transport.connect(http.address), { code: "transport-closed" });
  assert.deepEqual(clock.pending, []);
});

for (const address of [
  "",
  "north",
  "127.0.0.1",
  "127.0.0.1:0",
  "127.0.0.1:65536",
  "::1:80",
  "http://a:80",
  "a b:80",
  "[zz]:80",
]) {
  test(`${JSON.stringify(address)} is not an address`, async () => {
    await using transport = new TcpTransport({ clock: new VirtualClock() });
    await assert.rejects(transport.connect(address), { code: "address-invalid" });
  });
}
