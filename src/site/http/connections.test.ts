import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { Counters, LIMITS, VirtualClock } from "../../base/index.ts";
import { Connections, type ConnectionsOptions } from "./connections.ts";

class FakeSocket extends EventEmitter {
  readonly remoteAddress: string;
  readonly remotePort: number;
  bytesRead = 0;
  bytesWritten = 0;
  writableLength = 0;
  destroyed = false;

  constructor(remoteAddress: string, remotePort: number) {
    super();
    this.remoteAddress = remoteAddress;
    this.remotePort = remotePort;
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit("close");
  }
}

function makeRig(options: Partial<ConnectionsOptions> = {}) {
  const clock = new VirtualClock();
  const counts = new Counters();
  const connections = new Connections({ clock, counts, ...options });
  let port = 0;
  const open = (address = "10.0.0.1"): FakeSocket => {
    const socket = new FakeSocket(address, ++port);
    connections.opened(socket as unknown as Socket);
    return socket;
  };
  return { clock, counts, connections, open };
}

test("connections that said nothing for a second make room when descriptors are spent, the oldest first", () => {
  const descriptors = { isSpent: false, isNone: false };
  const { clock, connections, open } = makeRig({ descriptors });
  const [asked, first, second] = [open(), open(), open()];
  connections.callerOf(asked);
  assert.equal(connections.count, 3);
  descriptors.isSpent = true;
  const third = open();
  assert.equal(first.destroyed, false, "every connection has a second for its request");
  clock.advance(1_000);
  open();
  assert.deepEqual(
    [asked, first, second, third].map(({ destroyed }) => destroyed),
    [false, true, false, false],
  );
  assert.equal(connections.count, 4);
});

test("when no descriptor is left, a silent connection is closed at once, or else the new one", () => {
  const descriptors = { isSpent: true, isNone: true };
  const { connections, open } = makeRig({ descriptors });
  assert.equal(open().destroyed, true, "no other connection could be closed");
  descriptors.isNone = false;
  const second = open();
  descriptors.isNone = true;
  const third = open();
  assert.deepEqual([second.destroyed, third.destroyed], [true, false]);
  connections.callerOf(third);
  assert.equal(open().destroyed, true);
  assert.equal(connections.count, 1);
});

test("[A21] strangers have places of their own, of which those that are known take none", () => {
  const { counts, connections, open } = makeRig();
  const members = Array.from({ length: 300 }, () => {
    const socket = open("10.0.0.2");
    connections.callerOf(socket)?.known();
    return socket;
  });
  const strangers = Array.from({ length: LIMITS.strangersPerAddress + 5 }, () => open("10.0.0.2"));
  assert.equal(connections.strangerCount, LIMITS.strangersPerAddress);
  assert.equal(strangers.filter(({ destroyed }) => destroyed).length, 5);
  assert.equal(members.filter(({ destroyed }) => destroyed).length, 0);
  assert.deepEqual(counts.toJSON(), { "door-crowded": 5 });
});

test("[A21] an address has its share of all connections, and this machine a larger one", () => {
  const { counts, connections, open } = makeRig({ perAddress: 3 });
  const known = (address: string): FakeSocket => {
    const socket = open(address);
    connections.callerOf(socket)?.known();
    return socket;
  };
  const far = Array.from({ length: 4 }, () => known("192.0.2.1"));
  assert.deepEqual(
    far.map(({ destroyed }) => destroyed),
    [false, false, false, true],
  );
  far[0]?.destroy();
  assert.equal(known("192.0.2.1").destroyed, false, "a place that was left is free");
  const near = Array.from({ length: 3 * LIMITS.loopbackShare + 1 }, () => known("127.0.0.1"));
  assert.equal(near.filter(({ destroyed }) => destroyed).length, 1);
  assert.equal(counts.get("door-address-full"), 2);
});

test("[A21] a stranger has three seconds for its request, and three for the greeting behind it", () => {
  const { clock, counts, connections, open } = makeRig();
  const [mute, greeting, member] = [open(), open(), open()];
  clock.advance(2_000);
  for (const socket of [greeting, member]) {
    const caller = connections.callerOf(socket);
    if (caller !== undefined) connections.upgraded(caller, socket as unknown as Duplex);
  }
  clock.advance(1_500);
  assert.deepEqual(
    [mute, greeting].map(({ destroyed }) => destroyed),
    [true, false],
  );
  connections.callerOf(member)?.known();
  clock.advance(60_000);
  assert.deepEqual(
    [greeting, member].map(({ destroyed }) => destroyed),
    [true, false],
  );
  assert.equal(counts.get("door-late"), 2);
});

test("[A21] a stranger that sends more than a greeting is cut, a member is not", () => {
  const { counts, connections, open } = makeRig();
  const [stranger, member] = [open(), open()];
  for (const socket of [stranger, member]) {
    const caller = connections.callerOf(socket);
    if (caller !== undefined) connections.upgraded(caller, socket as unknown as Duplex);
  }
  connections.callerOf(member)?.known();
  const piece = new Uint8Array(LIMITS.strangerBytesMax / 4);
  for (let i = 0; i < 4; i++) for (const socket of [stranger, member]) socket.emit("data", piece);
  assert.equal(stranger.destroyed, false);
  for (const socket of [stranger, member]) socket.emit("data", new Uint8Array(1));
  assert.deepEqual(
    [stranger, member].map(({ destroyed }) => destroyed),
    [true, false],
  );
  assert.equal(counts.get("door-greeting-long"), 1);
});

test("[A22] a head that never ends is cut, of members too, and no timer is left behind", () => {
  const { clock, counts, connections, open } = makeRig();
  const socket = open();
  const caller = connections.callerOf(socket);
  caller?.known();
  caller?.asked();
  caller?.answered();
  clock.advance(1_000);
  for (let ms = 0; ms < LIMITS.headerMsMax + 1_500; ms += 500) {
    socket.bytesRead++;
    clock.advance(500);
  }
  assert.equal(socket.destroyed, true);
  assert.deepEqual(counts.toJSON(), { "door-header-slow": 1 });
  clock.advance(2_000);
  assert.deepEqual(clock.pending, []);
});

test("[A21] of few descriptors strangers get a quarter, and fewer as others take theirs", () => {
  const usage = { open: 10, limit: 200 };
  const { connections, open } = makeRig({ descriptors: { isSpent: false, isNone: false, usage } });
  const enter = (): void => {
    const before = connections.strangerCount;
    open(`10.0.${usage.open % 250}.1`);
    usage.open += connections.strangerCount - before;
  };
  for (let i = 0; i < 100; i++) enter();
  assert.equal(connections.strangerCount, 50);
  usage.open += 95;
  for (let i = 0; i < 3; i++) enter();
  const [most] = [200 - LIMITS.descriptorsReserved / 2];
  assert.ok(usage.open <= most + 1, `${usage.open} of ${most}`);
  usage.open += 100;
  for (let i = 0; i < 3; i++) enter();
  assert.equal(connections.strangerCount, 8, "some always get in");
});
