import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LIMITS } from "../base/index.ts";
import { SEGMENT } from "./frames.ts";
import { GONE, open, range } from "./send-window.test.support.ts";

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
