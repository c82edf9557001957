import assert from "node:assert/strict";
import { test } from "node:test";
import { ELSEWHERE, THERE } from "./bench-context.test.support.ts";
import type { Frame } from "./frames.ts";
import { open, TARGET } from "./send-window.test.support.ts";

test("[M27] what is not acknowledged is sent again after 200 ms, 400 ms, … at most 2 s", () => {
  const { context, push } = open();
  push(1);
  const from = context.clock.now();
  context.clock.advance(9_000);
  const times = context.taken().map(({ at }) => at - from);
  assert.deepEqual(times, [0, 200, 600, 1_400, 3_000, 5_000, 7_000, 9_000]);
  assert.equal(context.counts.get("repeated"), 7);
});

test("[M27] only what was sent once measures the round trip", () => {
  const { context, window, ack, push } = open();
  push(1);
  context.clock.advance(30);
  ack({ received: 1 });
  assert.equal(window.roundTripMs, 30);
  push(1);
  // It was sent twice: which copy was acknowledged is unknown.
  context.clock.advance(1_000);
  ack({ received: 2 });
  assert.equal(window.roundTripMs, 30);
  push(1);
  context.clock.advance(46);
  ack({ received: 3 });
  assert.equal(window.roundTripMs, 0.875 * 30 + 0.125 * 46);
});

test("[M28] when all has arrived and nothing is consumed, the target is asked without being sent anything", () => {
  const { context, ack, push } = open();
  push(3);
  context.clock.advance(10);
  ack({ received: 3, consumed: 1 });
  context.taken();
  context.clock.advance(3_000);
  const frames = context.takenOf("append");
  assert.ok(frames.length >= 3);
  for (const frame of frames)
    assert.deepEqual([frame.base, frame.first, frame.segments], [2, 2, []]);
  assert.equal(context.counts.get("asked"), frames.length);
  // Once all is consumed there is nothing to ask.
  ack({ received: 3, consumed: 3 });
  context.clock.advance(10_000);
  assert.deepEqual(context.taken(), []);
});

test("[M28] a hole is filled at once, and once in a round trip", () => {
  const { context, ack, push } = open();
  push(1);
  context.clock.advance(40);
  ack({ received: 1 });
  push(9);
  context.taken();
  context.clock.advance(20);
  // 2, 3 and 4 are missing.
  ack({ received: 1, consumed: 1, beyondGap: 5 });
  assert.deepEqual(context.takenNumbers(), [2, 3, 4]);
  ack({ received: 1, consumed: 1, beyondGap: 5 });
  ack({ received: 2, consumed: 1, beyondGap: 5 });
  assert.deepEqual(context.takenNumbers(), []);
  context.clock.advance(41);
  ack({ received: 2, consumed: 1, beyondGap: 5 });
  assert.deepEqual(context.takenNumbers(), [3, 4]);
});

test("[M29] when the target is somewhere else, all that is not consumed goes there", () => {
  const { context, window, ack, push } = open();
  push(10);
  ack({ received: 10, consumed: 4 });
  context.taken();
  context.locate(TARGET, ELSEWHERE, 2);
  window.rerouted();
  const frames = context.taken();
  assert.deepEqual(new Set(frames.map(({ to }) => to)), new Set([ELSEWHERE]));
  const [first] = frames.map(({ frame }) => frame as Extract<Frame, { type: "append" }>);
  assert.deepEqual([first?.base, first?.first, first?.targetEpoch], [5, 5, 2]);
  assert.equal(first?.segments.length, 6);
});

test("[M9] acknowledgements from an earlier site, and impossible ones, are ignored", () => {
  const { context, window, ack, push } = open();
  context.locate(TARGET, THERE, 3);
  push(5);
  ack({ received: 5, targetEpoch: 2 });
  assert.equal(context.counts.get("stale-ack"), 1);
  ack({ received: 6, targetEpoch: 3 });
  ack({ received: 2, consumed: 3, targetEpoch: 3 });
  assert.equal(context.counts.get("impossible-ack"), 2);
  assert.equal(window.unacknowledged, 5);
  ack({ received: 5, targetEpoch: 3 });
  assert.ok(window.isEmpty);
});

test("[M9] nothing is sent while the owner may not send, or no site has the target", () => {
  const { context, window, owner, push } = open();
  owner.maySend = false;
  push(1);
  context.clock.advance(5_000);
  assert.deepEqual(context.taken(), []);
  owner.maySend = true;
  context.locations.setStream({
    id: TARGET,
    name: "bar",
    siteInstance: THERE,
    streamEpoch: 1,
    live: false,
  });
  context.atTurnEnd(window);
  context.clock.advance(5_000);
  assert.deepEqual(context.taken(), []);
  context.locations.setStream({
    id: TARGET,
    name: "bar",
    siteInstance: THERE,
    streamEpoch: 1,
    live: true,
  });
  window.rerouted();
  assert.deepEqual(context.takenNumbers(), [1]);
});
