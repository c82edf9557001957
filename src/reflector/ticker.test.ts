import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../base/index.ts";
import { type Pace, Ticker } from "./ticker.ts";

function open() {
  const clock = new VirtualClock(500);
  const state: { pace: Pace } = { pace: "fast" };
  const beats: { at: number; slow: boolean; second: boolean }[] = [];
  const ticker = new Ticker({
    clock,
    pace: () => state.pace,
    onTick: ({ second, slow }) => beats.push({ at: clock.now() - 500, slow, second }),
  });
  const timesOf = (which: "slow" | "second"): number[] =>
    beats.filter((beat) => beat[which]).map(({ at }) => at);
  return { clock, state, beats, ticker, timesOf };
}

test("it ticks every 10 ms, and marks the ticks of each 100 ms and of each second", () => {
  const { beats, clock, timesOf } = open();
  clock.advance(2_000);
  assert.equal(beats.length, 200);
  assert.deepEqual(timesOf("slow").slice(0, 3), [100, 200, 300]);
  assert.deepEqual(timesOf("second"), [1_000, 2_000]);
});

test("while calm it ticks every second, and within 10 ms after hurry()", () => {
  const { beats, clock, state, ticker, timesOf } = open();
  state.pace = "calm";
  clock.advance(2_010);
  assert.deepEqual(
    beats.map(({ at }) => at),
    [10, 1_010, 2_010],
  );
  assert.deepEqual(timesOf("slow"), [1_010, 2_010]);
  assert.deepEqual(timesOf("second"), [1_010, 2_010]);
  clock.advance(33);
  state.pace = "fast";
  ticker.hurry();
  ticker.hurry();
  clock.advance(10);
  assert.equal(beats.at(-1)?.at, 2_053);
  clock.advance(20);
  assert.equal(beats.at(-1)?.at, 2_073);
  state.pace = "calm";
  clock.advance(2_000);
  assert.equal(beats.length, 3 + 3 + 2);
});

test("while nothing is due within 100 ms it ticks every 100 ms, each of them a slow tick", () => {
  const { beats, clock, state, timesOf } = open();
  state.pace = "slow";
  clock.advance(2_010);
  assert.equal(beats.length, 21);
  assert.deepEqual(timesOf("slow").length, 20);
  assert.deepEqual(timesOf("second"), [1_010, 2_010]);
});

test("a tick that ends the calm is followed by another within 10 ms", () => {
  const { clock, state } = open();
  const at: number[] = [];
  const ticker = new Ticker({
    clock,
    pace: () => state.pace,
    onTick: () => {
      at.push(clock.now() - 500);
      state.pace = at.length === 2 ? "fast" : "calm";
    },
  });
  state.pace = "calm";
  clock.advance(2_100);
  ticker.close();
  assert.deepEqual(at, [10, 1_010, 1_020, 1_030, 2_030]);
});

test("after close() it never ticks again", () => {
  const { beats, clock, ticker } = open();
  ticker.close();
  ticker.hurry();
  clock.advance(1_000);
  assert.equal(beats.length, 0);
});
