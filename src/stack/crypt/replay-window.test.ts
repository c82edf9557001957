import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { OrderedNumbers, REPLAY_WINDOW, ReplayWindow } from "./replay-window.ts";

/** The same, by remembering everything. */
class PlainWindow {
  readonly #seen = new Set<number>();
  #newest = -1;

  judge(number: number): string | undefined {
    if (number <= this.#newest && this.#newest - number >= REPLAY_WINDOW) return "too-old";
    return this.#seen.has(number) ? "replayed" : undefined;
  }

  accept(number: number): void {
    this.#seen.add(number);
    this.#newest = Math.max(this.#newest, number);
  }
}

test("[S35] the window is at least 1024 numbers wide", () => {
  assert(REPLAY_WINDOW >= 1_024);
});

test("[S35] the window decides as one that remembers everything", () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: -40, max: 40 }) },
    { weight: 2, arbitrary: fc.integer({ min: -3_000, max: 100 }) },
    { weight: 1, arbitrary: fc.integer({ min: -5_000, max: 5_000 }) },
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 0xffff_ffff - 400_000 }),
      fc.array(step, { maxLength: 400 }),
      (start, steps) => {
        const [window, plain] = [new ReplayWindow(), new PlainWindow()];
        let newest = start;
        for (const each of steps) {
          const number = Math.max(0, newest + each);
          const fault = plain.judge(number);
          assert.equal(window.faultOf(number), fault);
          // What is not authentic is asked about and not accepted.
          if (fault === undefined && each % 7 !== 0) {
            window.accept(number);
            plain.accept(number);
            newest = Math.max(newest, number);
          }
        }
      },
    ),
    { numRuns: 300 },
  );
});

test("[S38] where order is kept, only the next number is right", () => {
  const numbers = new OrderedNumbers();
  assert.equal(numbers.faultOf(0), undefined);
  numbers.accept(0);
  assert.equal(numbers.faultOf(0), "replayed");
  assert.equal(numbers.faultOf(2), "out-of-order");
  assert.equal(numbers.faultOf(1), undefined);
});
