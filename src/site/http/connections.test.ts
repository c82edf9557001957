import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { test } from "node:test";
import { VirtualClock } from "../../base/index.ts";
import { Connections } from "./connections.ts";

class FakeSocket extends EventEmitter {
  readonly remoteAddress = "10.0.0.1";
  readonly remotePort: number;
  isDestroyed = false;

  constructor(remotePort: number) {
    super();
    this.remotePort = remotePort;
  }

  destroy(): void {
    this.isDestroyed = true;
    this.emit("close");
  }
}

function open(connections: Connections, port: number): FakeSocket {
  const socket = new FakeSocket(port);
  connections.opened(socket as unknown as Socket);
  return socket;
}

test("connections that said nothing for a second make room when descriptors are spent, the oldest first", () => {
  const clock = new VirtualClock();
  const descriptors = { isSpent: false, isNone: false };
  const connections = new Connections(descriptors, clock);
  const [asked, first, second] = [1, 2, 3].map((port) => open(connections, port));
  connections.spoke({ remoteAddress: "10.0.0.1", remotePort: 1 });
  assert.equal(connections.count, 3);
  descriptors.isSpent = true;
  const third = open(connections, 4);
  assert.equal(first?.isDestroyed, false, "every connection has a second for its request");
  clock.advance(1_000);
  open(connections, 5);
  assert.deepEqual(
    [asked, first, second, third].map((each) => each?.isDestroyed),
    [false, true, false, false],
  );
  assert.equal(connections.count, 4);
});

test("when no descriptor is left, a silent connection is closed at once, or else the new one", () => {
  const descriptors = { isSpent: true, isNone: true };
  const connections = new Connections(descriptors, new VirtualClock());
  const first = open(connections, 1);
  assert.equal(first.isDestroyed, true, "no other connection could be closed");
  descriptors.isNone = false;
  const second = open(connections, 2);
  descriptors.isNone = true;
  const third = open(connections, 3);
  assert.deepEqual([second.isDestroyed, third.isDestroyed], [true, false]);
  connections.spoke({ remoteAddress: "10.0.0.1", remotePort: 3 });
  assert.equal(open(connections, 4).isDestroyed, true);
  assert.equal(connections.count, 1);
});
