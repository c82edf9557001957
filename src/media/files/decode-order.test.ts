import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DecodeOrder } from "./decode-order.ts";

/** Presentation times of `groups` groups of pictures with B-frames, in decode order, 40 ms apart. */
function reordered(groups: number, bFrames: number): number[] {
  const times = [0];
  for (let group = 0; group < groups; group++) {
    const first = group * (bFrames + 1) + 1;
    times.push(first + bFrames);
    for (let b = 0; b < bFrames; b++) times.push(first + b);
  }
  return times.map((index) => index * 0.04);
}

function decoded(times: readonly number[]) {
  const order = new DecodeOrder<{ presentation: number }>();
  const out = times.flatMap((presentation) => order.push({ presentation }));
  return [...out, ...order.finish()];
}

test("frames keep their order, are decoded at an even pace, and none after its presentation", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.nat(7), (groups, bFrames) => {
      const times = reordered(groups, bFrames);
      const frames = decoded(times);
      assert.deepEqual(
        frames.map(({ presentation }) => presentation),
        times,
      );
      for (const [index, { decode, presentation }] of frames.entries()) {
        assert.ok(decode <= presentation + 1e-9);
        const before = frames[index - 1];
        if (before !== undefined) assert.ok(Math.abs(decode - before.decode - 0.04) < 1e-9);
      }
      assert.ok(Math.abs((frames[0]?.decode ?? 0) + (bFrames > 0 ? 0.04 : 0)) < 1e-9);
    }),
  );
});

test("without reordering a frame is decoded when it is presented", () => {
  const times = [0, 0.04, 0.09, 0.2];
  assert.deepEqual(
    decoded(times).map(({ decode }) => decode),
    times,
  );
});

test("at most seventeen frames are held", () => {
  const order = new DecodeOrder<{ presentation: number }>();
  let held = 0;
  for (let index = 0; index < 1000; index++) {
    held += 1 - order.push({ presentation: index }).length;
    assert.ok(held <= 17);
  }
});
