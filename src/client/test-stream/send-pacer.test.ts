import assert from "node:assert/strict";
import { test } from "node:test";
import { type Cancel, type Clock, VirtualClock } from "../../base/index.ts";
import { SendPacer } from "./send-pacer.ts";

/** 30 packets per second: one each 33⅓ ms. */
const RATE = { packetBytes: 5_000, bitsPerSecond: 1_200_000 } as const;

/** A clock whose timers run later than they should. */
class LateClock implements Clock {
  readonly #clock: VirtualClock;
  readonly #lateAt: (dueMs: number) => number;

  /** @param lateAt when a timer runs that is due at a time */
  constructor(clock: VirtualClock, lateAt: (dueMs: number) => number) {
    this.#clock = clock;
    this.#lateAt = lateAt;
  }

  now(): number {
    return this.#clock.now();
  }

  wall(): number {
    return this.#clock.wall();
  }

  after(name: string, delayMs: number, task: () => void): Cancel {
    const now = this.#clock.now();
    return this.#clock.after(name, this.#lateAt(now + delayMs) - now, task);
  }
}

function run(
  seconds: number,
  adaptMs: number | undefined,
  lateAt: (dueMs: number) => number = (due) => due,
  rate: { readonly packetBytes: number; readonly bitsPerSecond: number } = RATE,
) {
  const clock = new VirtualClock();
  const at: number[] = [];
  const numbers: number[] = [];
  const pacer = new SendPacer({
    ...{ ...rate, adaptMs, clock: new LateClock(clock, lateAt) },
    send(number) {
      numbers.push(number);
      at.push(clock.now());
    },
  });
  pacer.start();
  clock.advance(seconds * 1000);
  const between = at.slice(1).map((each, index) => each - (at[index] as number));
  return { clock, pacer, at, between, numbers };
}

test("packets leave one interval apart, numbered, the first at once, and none after the stop", () => {
  const { at, clock, numbers, pacer } = run(10, 1_000);
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => index),
  );
  assert.ok(Math.abs(at.length - 301) <= 1, `${at.length} packets`);
  for (const [index, each] of at.entries()) assert.ok(Math.abs(each - (index * 100) / 3) < 1e-6);
  assert.equal(pacer.corrections, 0);
  pacer.stop();
  pacer.stop();
  clock.advance(1_000);
  assert.equal(pacer.sent, at.length);
  assert.deepEqual(clock.pending, []);
});

test("ticks of 10 ms give intervals of 30 and 40 ms, and the rate on average", () => {
  const { between, pacer } = run(60, 1_000, (due) => Math.ceil(due / 10 - 1e-6) * 10);
  assert.deepEqual([...new Set(between.map((each) => Math.round(each)))].sort(), [30, 40]);
  assert.ok(Math.abs(pacer.bitsPerSecond / RATE.bitsPerSecond - 1) < 0.002);
});

test("a pace beyond the timer's grain is kept by packets that leave together", () => {
  const rate = { packetBytes: 125, bitsPerSecond: 5_000_000 };
  const { pacer } = run(10, 1_000, (due) => Math.ceil(due), rate);
  assert.ok(Math.abs(pacer.sent - 50_000) <= 6, `${pacer.sent} packets`);
});

test("what a halt left out is made up for evenly, at most twice as fast, and no burst follows", () => {
  const halted = (due: number): number => (due > 4_990 && due < 5_500 ? 5_500 : due);
  const { at, between, pacer } = run(30, 1_000, halted);
  assert.ok(between.every((each) => each > 100 / 6 - 1e-6));
  assert.ok(Math.abs(at.length - 900) <= 1, `${at.length} packets`);
  const before = at.filter((each) => each < 5_600).length;
  assert.ok(before < 156, `${before} of 168 had left before a correction`);
  assert.ok(pacer.corrections > 0);
  assert.ok(Math.abs(pacer.intervalMs - 100 / 3) < 1e-6, "then it is as it was");
});

test("without corrections the interval stays, and the hole with it", () => {
  const halted = (due: number): number => (due > 4_990 && due < 5_500 ? 5_500 : due);
  const { at, pacer } = run(30, undefined, halted);
  assert.ok(Math.abs(at.length - 885) <= 1, `${at.length} packets`);
  assert.equal(pacer.corrections, 0);
});

test("timers that are always too late are outweighed by a shorter interval", () => {
  const slow = { packetBytes: 5_000, bitsPerSecond: 400_000 };
  const { pacer } = run(60, 1_000, (due) => due + 25, slow);
  assert.ok(pacer.intervalMs < 80, `each ${pacer.intervalMs} ms`);
  assert.ok(Math.abs(pacer.bitsPerSecond / slow.bitsPerSecond - 1) < 0.02);
});
