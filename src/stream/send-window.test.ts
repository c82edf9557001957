import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LIMITS, MeanderError } from "../base/index.ts";
import { BenchContext, ELSEWHERE, THERE } from "./bench-context.test.support.ts";
import { type Frame, SEGMENT } from "./frames.ts";
import { SendWindow, type WindowOwner } from "./send-window.ts";

const TARGET = 9;
const GONE = new MeanderError("stream-gone", "as the test says");

interface Bench {
  readonly context: BenchContext;
  readonly window: SendWindow;
  readonly owner: { -readonly [K in keyof WindowOwner]: WindowOwner[K] };
  /** What the target says; all that was sent, if nothing else is given. */
  ack(parts: Partial<Extract<Frame, { type: "ack" }>>): void;
  push(count: number, bytes?: number): void;
}

function open({ held = false, resync = false } = {}): Bench {
  const context = new BenchContext();
  context.locate(TARGET, THERE);
  const owner = { id: 1, name: "foo", streamEpoch: 1, maySend: true, windowMoved: () => {} };
  const window = new SendWindow(
    context,
    owner,
    { target: TARGET, targetName: "bar" },
    { held, resync },
  );
  return {
    ...{ context, window, owner },
    ack: (parts) => {
      const { received = 0 } = parts;
      const ack = {
        type: "ack",
        source: 1,
        target: TARGET,
        targetEpoch: 1,
        consumed: received,
        received,
        credit: 2_048,
        beyondGap: 0,
      } as const;
      context.turn(() => window.acknowledged({ ...ack, ...parts }));
    },
    push: (count, bytes = 10) =>
      context.turn(() => {
        for (let index = 0; index < count; index++) window.push(new Uint8Array(bytes).fill(index));
      }),
  };
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);

test("[M2] what has arrived is kept until it is consumed, and not sent again meanwhile", () => {
  const { context, window, ack, push } = open();
  push(3);
  assert.deepEqual(context.takenNumbers(), [1, 2, 3]);
  ack({ received: 3, consumed: 0 });
  context.clock.advance(100);
  assert.deepEqual(context.takenNumbers(), []);
  assert.equal(window.unacknowledged, 3);
  assert.equal(window.state().segments.length, 3);
  ack({ received: 3, consumed: 2 });
  assert.equal(window.unacknowledged, 1);
  ack({ received: 3, consumed: 3 });
  assert.ok(window.isEmpty);
  assert.deepEqual(window.state().segments, []);
});

test("[M25] a message that does not fit one frame becomes segments; its last one's number names it", () => {
  const { context, window } = open();
  const names = context.turn(() => [
    window.push(new Uint8Array(250)),
    window.push(new Uint8Array(100)),
    window.push(new Uint8Array(101)),
  ]);
  assert.deepEqual(names, [3, 4, 6]);
  const segments = context.takenOf("append").flatMap((frame) => frame.segments);
  assert.deepEqual(
    segments.map(({ flags, bytes }) => [flags & SEGMENT.end, bytes.byteLength]),
    [
      [0, 100],
      [0, 100],
      [1, 50],
      [1, 100],
      [0, 100],
      [1, 1],
    ],
  );
});

test("[M25] an empty message has a number, too", () => {
  const { context, window } = open();
  assert.equal(window.push(new Uint8Array()), 1);
  assert.deepEqual(context.takenNumbers(), [1]);
});

test("[M21] a frame holds as many segments as fit it, and tells the lowest number that the source keeps", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(400), { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 300, max: 2_000 }),
      (sizes, frameBytes) => {
        const { context, window } = open();
        context.frameBytes = frameBytes;
        context.turn(() => {
          for (const size of sizes) window.push(new Uint8Array(size));
        });
        let expected = 1;
        for (const { base, first, segments, sourceName } of context.takenOf("append")) {
          assert.equal(base, 1);
          assert.equal(first, expected);
          expected += segments.length;
          const bytes = segments.reduce(
            (sum, each) => sum + 5 + each.bytes.byteLength,
            48 + sourceName.length,
          );
          assert.ok(bytes <= frameBytes);
        }
      },
    ),
  );
});

test("[M26] it begins with 32 segments under way, and grows by what arrives", () => {
  const { context, ack, push } = open();
  push(500);
  assert.deepEqual(context.takenNumbers(), range(1, 32));
  ack({ received: 32 });
  assert.deepEqual(context.takenNumbers(), range(33, 96));
  ack({ received: 40 });
  assert.deepEqual(context.takenNumbers(), range(97, 112));
});

test("[M26] its width halves when the timeout runs out, and then grows by one each round trip", () => {
  const { context, window, ack, push } = open();
  push(1_000);
  ack({ received: 32 });
  assert.equal(window.width, 64);
  context.takenNumbers();
  context.clock.advance(2_000);
  // Several timeouts: 64, 32, 16, …
  assert.ok(window.width < 32 && window.width >= 2);
  const { width } = window;
  ack({ received: 32 + width });
  assert.equal(window.width, width + 1);
});

test("[M26] its width is never below 2 segments, nor above what a window may hold", () => {
  const { context, window, ack, push } = open();
  push(10);
  context.clock.advance(60_000);
  assert.equal(window.width, 2);
  ack({ received: 10 });
  const wide = open();
  for (let round = 0; round < 12; round++) {
    wide.push(1_000);
    wide.ack({ received: wide.window.sent });
  }
  assert.ok(wide.window.width <= LIMITS.streamWindowSegmentsMax);
});

test("[M26] no more leaves than the target gives credit for", () => {
  const { context, ack, push } = open();
  push(20);
  context.takenNumbers();
  ack({ received: 20, consumed: 5, credit: 18 });
  push(30);
  // 18 beyond what is consumed.
  assert.deepEqual(context.takenNumbers(), [21, 22, 23]);
  ack({ received: 23, consumed: 23, credit: 2 });
  assert.deepEqual(context.takenNumbers(), [24, 25]);
});

test("[M28] a target that gave no credit is asked, though nothing is under way", () => {
  const { context, ack, push } = open();
  push(1);
  ack({ received: 1, credit: 0 });
  context.taken();
  push(1);
  assert.deepEqual(context.takenNumbers(), []);
  context.clock.advance(LIMITS.streamWindowSegmentsMax);
  const [ask] = context.takenOf("append");
  assert.deepEqual([ask?.first, ask?.segments], [2, []]);
  ack({ received: 1, credit: 5 });
  assert.deepEqual(context.takenNumbers(), [2]);
});

test("[M10] it is full at 2 048 segments or 2 MiB that are not consumed", () => {
  const { window, push, ack } = open();
  push(LIMITS.streamWindowSegmentsMax - 1);
  assert.ok(!window.isFull);
  push(1);
  assert.ok(window.isFull);
  ack({ received: 32 });
  assert.ok(!window.isFull);
  const heavy = open();
  heavy.context.segmentBytes = LIMITS.streamWindowBytesMax;
  heavy.push(1, LIMITS.streamWindowBytesMax - 1);
  assert.ok(!heavy.window.isFull);
  heavy.push(1, 1);
  assert.ok(heavy.window.isFull);
  // What was consumed is not counted any more.
  heavy.ack({ received: 2 });
  assert.ok(!heavy.window.isFull);
});

test("[M7] what is held back leaves when it is released, and no later", () => {
  const { context, window, push } = open({ held: true });
  push(5);
  context.clock.advance(5_000);
  assert.deepEqual(context.taken(), []);
  window.release(3);
  assert.deepEqual(context.takenNumbers(), [1, 2, 3]);
  window.release(2);
  assert.deepEqual(context.takenNumbers(), []);
  window.release(5);
  assert.deepEqual(context.takenNumbers(), [4, 5]);
});

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

test("[M6] who lost its numbers asks where to go on before it sends, and again until it is told", () => {
  const { context, window } = open({ resync: true });
  const told: unknown[] = [];
  const waiter = { resolve: (value: unknown) => void told.push(value), reject: () => {} };
  context.turn(() => {
    window.push(new Uint8Array(1));
    window.push(new Uint8Array(1), { waiter });
  });
  context.clock.advance(250);
  assert.deepEqual(
    context.taken().map(({ frame }) => frame.type),
    ["resync", "resync"],
  );
  window.resynced(17);
  assert.deepEqual(context.takenNumbers(), [18, 19]);
  assert.deepEqual([window.base, window.next], [18, 20]);
  // Who waits for its second message is told of the number that it has now.
  assert.ok(!window.replied(2, undefined));
  assert.ok(window.replied(19, Uint8Array.of(1)));
  assert.deepEqual(told, [Uint8Array.of(1)]);
  assert.equal(window.resynced(5), false, "and only once");
  assert.equal(window.base, 18);
});

test("[M29] giving up counts messages, not segments, and rejects the callers that wait", () => {
  const { context, window, ack } = open();
  const errors: unknown[] = [];
  context.turn(() => {
    window.push(new Uint8Array(250));
    window.push(new Uint8Array(10), {
      waiter: { resolve: () => {}, reject: (error) => void errors.push(error) },
    });
  });
  context.taken();
  assert.equal(window.discard(GONE), 2);
  assert.deepEqual(errors, [GONE]);
  assert.ok(window.isEmpty);
  // It goes on behind them, and says that they will not come.
  window.push(new Uint8Array(1));
  const [frame] = context.takenOf("append");
  assert.deepEqual([frame?.base, frame?.first], [5, 5]);
  ack({ received: 5 });
  assert.ok(window.isEmpty);
});

test("[M10] a caller that waits for a reply is told once; one that has stopped waiting is not", () => {
  const { context, window } = open();
  const told: unknown[] = [];
  const waiter = {
    resolve: (value: unknown) => void told.push(value),
    reject: (error: unknown) => void told.push(error),
  };
  const [first, second, third] = context.turn(() =>
    [1, 2, 3].map(() => window.push(new Uint8Array(1), { waiter })),
  ) as [number, number, number];
  const [frame] = context.takenOf("append");
  assert.ok(frame?.segments.every(({ flags }) => (flags & SEGMENT.wantsReply) !== 0));
  assert.ok(window.replied(first, undefined));
  assert.ok(!window.replied(first, undefined));
  window.forgetWaiter(second);
  assert.ok(!window.replied(second, undefined));
  assert.ok(window.replied(third, GONE));
  assert.deepEqual(told, [undefined, GONE]);
});

test("[M5] a window that moved continues with its numbers; callers that waited stay behind", () => {
  const { context, window } = open();
  let left: unknown;
  context.turn(() => {
    window.push(new Uint8Array(150));
    window.push(new Uint8Array(1), {
      chain: [4, 5],
      waiter: {
        resolve: () => {},
        reject: (error) => {
          left = error;
        },
      },
    });
  });
  const state = window.state();
  window.close(GONE);
  assert.equal(left, GONE);
  const there = open();
  there.window.adopt(state);
  assert.deepEqual(there.context.takenNumbers(), [1, 2, 3]);
  assert.equal(there.window.push(new Uint8Array(1)), 4);
  const [flags] = there.window
    .state()
    .segments.slice(2, 3)
    .map((segment) => segment.flags);
  assert.equal(flags, SEGMENT.end | SEGMENT.chain);
});

test("a closed window sends nothing any more", () => {
  const { context, window, push } = open();
  push(1);
  context.taken();
  window.close(GONE);
  push(1);
  context.clock.advance(10_000);
  assert.deepEqual(context.taken(), []);
});
