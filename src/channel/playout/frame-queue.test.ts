import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FrameQueue, type TimedFrame } from "./frame-queue.ts";

class TestFrame implements TimedFrame {
  readonly run: number;
  readonly orderMs: number;
  readonly mediaMs: number;
  closed = 0;

  constructor(mediaMs: number, run = 0) {
    this.run = run;
    this.orderMs = mediaMs;
    this.mediaMs = mediaMs;
  }

  close(): void {
    this.closed++;
  }
}

const asIs = (mediaMs: number): number => mediaMs;

test("frames come out when they are due, in order, whatever order they came in", () => {
  const queue = new FrameQueue<TestFrame>(8);
  for (const mediaMs of [0, 120, 40, 80]) queue.push(new TestFrame(mediaMs));
  assert.equal(queue.take(-1, asIs, 500), undefined);
  const taken = [0, 40, 80, 120].map((now) => queue.take(now, asIs, 500)?.mediaMs);
  assert.deepEqual(taken, [0, 40, 80, 120]);
  assert.equal(queue.skipped, 0);
});

test("after a short stall no frame is left out, after a long one the newest due frame is next", () => {
  const late = [0, 40, 80, 120].map((mediaMs) => new TestFrame(mediaMs));
  const patient = new FrameQueue<TestFrame>(8);
  for (const frame of late) patient.push(frame);
  assert.equal(patient.take(100, asIs, 500)?.mediaMs, 0);
  assert.equal(patient.take(101, asIs, 500)?.mediaMs, 40);

  const hasty = new FrameQueue<TestFrame>(8);
  for (const frame of late) hasty.push(frame);
  assert.equal(hasty.take(100, asIs, 50)?.mediaMs, 80);
  assert.equal(hasty.skipped, 2);
  assert.deepEqual(
    late.map(({ closed }) => closed),
    [1, 1, 0, 0],
  );
});

test("a frame that comes after a later one was taken is closed", () => {
  const queue = new FrameQueue<TestFrame>(8);
  queue.push(new TestFrame(40));
  queue.take(40, asIs, 500);
  const late = new TestFrame(0);
  queue.push(late);
  assert.deepEqual([late.closed, queue.count, queue.skipped], [1, 0, 1]);
});

test("what a source sent before another one took over comes first, though it is decoded last and due later", () => {
  const queue = new FrameQueue<TestFrame>(8);
  for (const frame of [
    new TestFrame(100, 1),
    new TestFrame(120, 0),
    new TestFrame(80, 0),
    new TestFrame(140, 1),
  ])
    queue.push(frame);
  assert.equal(queue.take(79, asIs, 500), undefined);
  const taken = [80, 101, 102, 140].map((now) => queue.take(now, asIs, 500));
  assert.deepEqual(
    taken.map((frame) => frame && [frame.run, frame.mediaMs]),
    [
      [0, 80],
      [0, 120],
      [1, 100],
      [1, 140],
    ],
  );
  queue.push(new TestFrame(200, 0));
  queue.push(new TestFrame(0, 2));
  assert.equal(queue.skipped, 1);
  assert.equal(queue.take(140, asIs, 500)?.run, 2);
});

test("after a clear, media time may start over", () => {
  const queue = new FrameQueue<TestFrame>(8);
  const waiting = new TestFrame(9_000);
  queue.push(new TestFrame(8_000));
  queue.take(8_000, asIs, 500);
  queue.push(waiting);
  queue.clear();
  queue.push(new TestFrame(0));
  assert.equal(waiting.closed, 1);
  assert.equal(queue.take(0, asIs, 500)?.mediaMs, 0);
});

test("every frame is either handed out or closed once, and the queue keeps its bound", () => {
  const action = fc.oneof(
    fc.record({ push: fc.nat(2_000) }),
    fc.record({ take: fc.nat(2_000), lateMsMax: fc.nat(500) }),
  );
  fc.assert(
    fc.property(fc.array(action), (actions) => {
      const queue = new FrameQueue<TestFrame>(5);
      const all: TestFrame[] = [];
      const taken = new Set<TestFrame>();
      for (const each of actions) {
        if ("push" in each) {
          const frame = new TestFrame(each.push);
          all.push(frame);
          queue.push(frame);
        } else {
          const frame = queue.take(each.take, asIs, each.lateMsMax);
          if (frame !== undefined) taken.add(frame);
        }
        assert.ok(queue.count <= 5);
      }
      queue.clear();
      for (const frame of all) assert.equal(frame.closed, taken.has(frame) ? 0 : 1);
      assert.equal(queue.skipped, all.length - taken.size);
    }),
  );
});
