import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../base/index.ts";
import { InOrder } from "./in-order.ts";

function printer(): {
  output: InOrder<{ at: number; line: string }>;
  clock: VirtualClock;
  lines: string[];
} {
  const lines: string[] = [];
  const clock = new VirtualClock();
  return { output: new InOrder(({ line }) => lines.push(line), clock), clock, lines };
}

test("an effect that arrives before its cause is printed after it", () => {
  const { output, clock, lines } = printer();
  output.add({ at: 1_008, line: "I am at origin" });
  clock.advance(60);
  output.add({ at: 1_000, line: "Hello world" });
  output.add({ at: 1_000, line: "Hello again" });
  assert.deepEqual(lines, []);
  clock.advance(200);
  assert.deepEqual(lines, ["Hello world", "Hello again", "I am at origin"]);
});

test("events wait only for older ones, and flushing prints the rest at once", () => {
  const { output, clock, lines } = printer();
  output.add({ at: 1, line: "first" });
  clock.advance(90);
  output.add({ at: 2, line: "second" });
  clock.advance(20);
  assert.deepEqual(lines, ["first"]);
  output.add({ at: 3, line: "third" });
  output.flush();
  assert.deepEqual(lines, ["first", "second", "third"]);
  clock.advance(1_000);
  assert.deepEqual(lines, ["first", "second", "third"]);
});
