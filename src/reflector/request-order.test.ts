import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../base/index.ts";
import type { Peer } from "../channel/index.ts";
import { RequestOrder } from "./request-order.ts";

const peerOver = (reliable: boolean): Peer => ({ connection: { reliable } }) as Peer;

test("[W23] a request that a newer one about the same channel has overtaken is late; a repeated one is not", () => {
  const order = new RequestOrder(new VirtualClock());
  const [peer, other] = [peerOver(false), peerOver(false)];
  const late = [5, 6, 6, 5, 7, 6].map((request) => order.isLate(peer, 1, request));
  assert.deepEqual(late, [false, false, false, true, false, true]);
  assert.equal(order.isLate(peer, 2, 5), false, "of another channel");
  assert.equal(order.isLate(other, 1, 5), false, "of another peer");
  assert.equal(order.isLate(peer, 3, 0xffff_ffff), false);
  assert.equal(order.isLate(peer, 3, 0), false, "numbers wrap");
  assert.equal(order.isLate(peer, 3, 0xffff_ffff), true);
});

test("[W23] numbers may begin anew: after 10 s, on streams, and with another connection or channel", () => {
  const clock = new VirtualClock();
  const order = new RequestOrder(clock);
  const [peer, stream] = [peerOver(false), peerOver(true)];
  for (const each of [peer, stream]) assert.equal(order.isLate(each, 1, 9), false);
  assert.equal(order.isLate(stream, 1, 1), false);
  clock.advance(10_000);
  assert.equal(order.isLate(peer, 1, 1), true);
  clock.advance(1);
  assert.equal(order.isLate(peer, 1, 1), false);
  assert.equal(order.isLate(peer, 1, 9), false);
  order.closed(1);
  assert.equal(order.isLate(peer, 1, 1), false);
  assert.equal(order.isLate(peer, 1, 9), false);
  order.forget(peer);
  assert.equal(order.isLate(peer, 1, 1), false);
});
