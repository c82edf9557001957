import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { SILENT, VirtualClock } from "../base/index.ts";
import { type Connection, composeStack, parseStack } from "../stack/index.ts";
import { encodeControl, encodePacket, KIND } from "../wire/index.ts";
import {
  type ConnectionPair,
  connectionConformance,
  packetOf,
  Received,
} from "./connection.conformance.ts";
import { loadNative } from "./native/load-native.ts";
import type { NativeCalls } from "./native/native-calls.ts";
import { RemoteTable } from "./remote-table.ts";
import { UdpTransport } from "./udp.ts";

const HOST = "127.0.0.1";
const common = { host: HOST, port: 0, clock: new VirtualClock(), log: SILENT };

function helloPacket(): Uint8Array {
  const hello = encodeControl({
    type: "hello",
    role: "site",
    name: "north",
    instance: 1,
    token: "",
    heartbeatMs: 50,
  });
  const ids = { channel: 0, source: 0, medium: 0, sourceGeneration: 0, sequence: 0 };
  return encodePacket({ kind: KIND.control, flags: 0, ...ids }, hello);
}

/** Two sockets that have connected to each other. */
async function udpPair(stack: string, native?: NativeCalls): Promise<ConnectionPair> {
  const [here, there] = await Promise.all([
    UdpTransport.open({ ...common, native }),
    UdpTransport.open({ ...common, native }),
  ]);
  const clock = new VirtualClock();
  const { modules } = parseStack(stack);
  const below = await there.connect(here.address);
  return {
    left: composeStack(modules, await here.connect(there.address), { clock }),
    right: composeStack(modules, below, { clock }),
    inject: (bytes) => {
      below.send(bytes);
      // By itself: what is wrong in it would spoil what the kernel joins to it.
      there.flush();
    },
    advance: (ms) => clock.advance(ms),
    [Symbol.asyncDispose]: async () => {
      await here[Symbol.asyncDispose]();
      await there[Symbol.asyncDispose]();
    },
  };
}

const { absence, calls } = loadNative({ disabled: false });
for (const stack of ["udp", "frag:udp"]) {
  const traits = { reliable: false, coalesces: false, recovers: true };
  connectionConformance(stack, traits, () => udpPair(stack));
  if (calls !== undefined) {
    connectionConformance(`batched ${stack}`, traits, () => udpPair(stack, calls));
  } else test(`batched ${stack}`, (t) => t.skip(`no native calls: ${absence}`));
}

/** A site's socket that accepts, and a plain one to talk to it. */
async function siteAndStranger(
  accept?: (connection: Connection) => void,
): Promise<{ site: UdpTransport; stranger: Socket } & AsyncDisposable> {
  const site = await UdpTransport.open({ ...common, accept });
  const stranger = createSocket("udp4");
  stranger.bind(0, HOST);
  await once(stranger, "listening");
  return {
    site,
    stranger,
    [Symbol.asyncDispose]: async () => {
      stranger.close();
      await site[Symbol.asyncDispose]();
    },
  };
}

test("[T22] a stranger whose first packet is a hello is accepted, and its packets are handed up", async () => {
  const accepted = deferred<Connection>();
  await using both = await siteAndStranger(accepted.resolve);
  const { site, stranger } = both;
  stranger.send(helloPacket(), site.port, HOST);
  const connection = await accepted.promise;
  assert.equal(connection.peer, `${HOST}:${stranger.address().port}`);
  const received = new Received(connection);
  stranger.send(packetOf(5), site.port, HOST);
  assert.deepEqual(await received.reach(2), [helloPacket(), packetOf(5)]);
  const answer = once(stranger, "message");
  connection.send(packetOf(6));
  const [bytes] = (await answer) as [Buffer];
  assert.deepEqual(new Uint8Array(bytes), packetOf(6));
});

test("[T22] everything but a hello from a stranger is dropped and counted", async () => {
  const accepted = deferred<Connection>();
  let acceptedCount = 0;
  await using both = await siteAndStranger((connection) => {
    acceptedCount++;
    accepted.resolve(connection);
  });
  const { site, stranger } = both;
  const notHello = helloPacket();
  notHello[20] = 16;
  const noPayload = packetOf(0);
  noPayload[0] = 0x11;
  const truncated = helloPacket().subarray(0, 30);
  for (const each of [packetOf(5), notHello, noPayload, truncated, Uint8Array.of(1, 2, 3)]) {
    stranger.send(each, site.port, HOST);
  }
  stranger.send(new Uint8Array(0), site.port, HOST);
  stranger.send(helloPacket(), site.port, HOST);
  await accepted.promise;
  assert.equal(acceptedCount, 1);
  assert.equal(site.counts.get("remote-unknown"), 3);
  assert.equal(site.counts.get("malformed"), 3);
});

test("[T22] accepted connections are bounded, and closing one makes room", async () => {
  const accepted: Connection[] = [];
  let next = deferred<void>();
  const site = await UdpTransport.open({
    ...common,
    acceptedMax: 1,
    accept: (connection) => {
      accepted.push(connection);
      next.resolve();
    },
  });
  await using both = await siteAndStranger();
  const second = await UdpTransport.open(common);
  const fromSecond = await second.connect(site.address);
  both.stranger.send(helloPacket(), site.port, HOST);
  await next.promise;
  next = deferred();
  fromSecond.send(helloPacket());
  while (site.counts.get("accept-full") === 0) await new Promise(setImmediate);
  assert.equal(site.connectionCount, 1);
  accepted[0]?.close();
  assert.equal(site.connectionCount, 0);
  fromSecond.send(helloPacket());
  await next.promise;
  assert.deepEqual(accepted.map(({ peer }) => peer).slice(1), [second.address]);
  await second[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
});

test("[T20] from the first fault in a datagram on, the rest is dropped and counted", async () => {
  const pair = await udpPair("udp");
  const atLeft = new Received(pair.left);
  const good = packetOf(10);
  pair.inject(new Uint8Array([...good, ...good, 0xff, ...good]));
  assert.deepEqual(await atLeft.reach(2), [good, good]);
  assert.equal(pair.left.malformed, 1);
  await pair[Symbol.asyncDispose]();
});

test("[T21] a second connection to the same remote is refused until the first is closed", async () => {
  const pair = await udpPair("udp");
  const site = await UdpTransport.open(common);
  const first = await site.connect(pair.right.peer);
  await assert.rejects(site.connect(pair.right.peer), { code: "connection-exists" });
  first.close();
  (await site.connect(pair.right.peer)).close();
  assert.equal(site.connectionCount, 0);
  await site[Symbol.asyncDispose]();
  await pair[Symbol.asyncDispose]();
});

test("[T23] a send that the kernel refuses is counted, and the socket stays open", async () => {
  await using site = await UdpTransport.open(common);
  // A loopback socket cannot reach another network.
  const nowhere = await site.connect("203.0.113.1:9");
  nowhere.send(packetOf(1));
  await new Promise(setImmediate);
  const errors = Object.entries(site.counts.toJSON()).filter(([name]) => name.startsWith("error-"));
  assert.equal(errors.length, 1, JSON.stringify(site.counts));
  const other = await UdpTransport.open(common);
  const received = new Received(await other.connect(site.address));
  (await site.connect(other.address)).send(packetOf(2));
  assert.deepEqual(await received.reach(1), [packetOf(2)]);
  await other[Symbol.asyncDispose]();
});

test("IPv6 addresses are known in every spelling", async (t) => {
  const open = (): Promise<UdpTransport> => UdpTransport.open({ ...common, host: "::1" });
  const here = await open().catch(() => undefined);
  if (here === undefined) return t.skip("IPv6 is not available on loopback");
  const there = await open();
  const left = await here.connect(`[0:0:0::0:1]:${there.port}`);
  const right = await there.connect(here.address);
  const received = new Received(left);
  right.send(packetOf(1));
  assert.deepEqual(await received.reach(1), [packetOf(1)]);
  assert.equal(left.peer, `[::1]:${there.port}`);
  await assert.rejects(here.connect("127.0.0.1:9"), { code: "address-invalid" });
  await here[Symbol.asyncDispose]();
  await there[Symbol.asyncDispose]();
});

test("a name is resolved once, when connecting", async () => {
  await using site = await UdpTransport.open(common);
  assert.equal((await site.connect("localhost:9")).peer, "127.0.0.1:9");
});

test("a port in use and a wrong host are reported with readable errors", async () => {
  await using site = await UdpTransport.open(common);
  await assert.rejects(UdpTransport.open({ ...common, port: site.port }), { code: "port-in-use" });
  await assert.rejects(UdpTransport.open({ ...common, host: "north" }), {
    code: "address-invalid",
  });
  await assert.rejects(UdpTransport.open({ ...common, host: "203.0.113.1" }), {
    code: "bind-failed",
  });
});

test("disposing closes all connections, is idempotent, and connecting afterwards is refused", async () => {
  const site = await UdpTransport.open(common);
  const connection = await site.connect("127.0.0.1:9");
  await site[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
  assert.equal(await connection.closed, undefined);
  assert.equal(connection.send(packetOf(1)), false);
  await assert.rejects(site.connect("127.0.0.1:9"), { code: "transport-closed" });
});

test("a remote table distinguishes hosts and ports", () => {
  const table = new RemoteTable<string>();
  table.set("a", 1, "a1");
  table.set("a", 2, "a2");
  table.set("b", 1, "b1");
  table.set("b", 1, "b1 again");
  assert.equal(table.get("b", 1), "b1 again");
  assert.equal(table.get("b", 2), undefined);
  table.delete("a", 1);
  table.delete("a", 1);
  table.delete("c", 1);
  assert.deepEqual([table.get("a", 1), table.get("a", 2)], [undefined, "a2"]);
  assert.equal(table.get("b", 1), "b1 again");
});

function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
