import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { every } from "./clock.ts";
import { SeededRandom } from "./random.ts";
import { VirtualClock } from "./virtual-clock.ts";

test("timers run at their own instants, soonest first, and those of one instant in the order they were set", () => {
  const clock = new VirtualClock(100);
  const ran: string[] = [];
  const set = (name: string, delayMs: number): void =>
    void clock.after(name, delayMs, () => ran.push(`${name}@${clock.now()}`));
  set("c", 20);
  set("a", 10);
  set("b", 10);
  set("d", 20.5);
  assert.deepEqual(clock.pending, ["a", "b", "c", "d"]);
  clock.advance(20);
  assert.deepEqual(ran, ["a@110", "b@110", "c@120"]);
  assert.equal(clock.now(), 120);
  assert.deepEqual(clock.pending, ["d"]);
});

test("wall time runs along", () => {
  const clock = new VirtualClock(5, 1_000);
  clock.advance(2.5);
  assert.equal(clock.now(), 7.5);
  assert.equal(clock.wall(), 1_007.5);
});

test("what a task sets for the same instant runs within the same advance, and time never goes back", () => {
  const clock = new VirtualClock();
  const ran: number[] = [];
  clock.after("outer", 10, () => {
    clock.after("now", 0, () => ran.push(clock.now()));
    clock.advance(50);
    ran.push(clock.now());
  });
  clock.after("between", 30, () => ran.push(clock.now()));
  clock.advance(20);
  assert.deepEqual(ran, [10, 30, 60]);
  assert.equal(clock.now(), 60);
});

test("a cancelled timer does not run, and cancelling late or twice does nothing", () => {
  const clock = new VirtualClock();
  const ran: string[] = [];
  const cancelFirst = clock.after("first", 1, () => ran.push("first"));
  const cancelSecond = clock.after("second", 1, () => ran.push("second"));
  clock.after("third", 1, () => ran.push("third"));
  cancelSecond();
  cancelSecond();
  clock.advance(1);
  cancelFirst();
  assert.deepEqual(ran, ["first", "third"]);
  assert.deepEqual(clock.pending, []);
});

test("a task may cancel its neighbours of the same instant", () => {
  const clock = new VirtualClock();
  const ran: string[] = [];
  clock.after("first", 1, () => {
    ran.push("first");
    cancel();
  });
  const cancel = clock.after("second", 1, () => ran.push("second"));
  clock.advance(10);
  assert.deepEqual(ran, ["first"]);
});

test("step runs exactly the soonest timer, and returns false without one", () => {
  const clock = new VirtualClock();
  const ran: string[] = [];
  assert.equal(clock.nextAt, undefined);
  assert.equal(clock.step(), false);
  clock.after("later", 7, () => ran.push("later"));
  clock.after("sooner", 3, () => {
    ran.push("sooner");
    clock.after("same", 0, () => ran.push("same"));
  });
  assert.equal(clock.nextAt, 3);
  assert.equal(clock.step(), true);
  assert.deepEqual(ran, ["sooner"]);
  assert.equal(clock.now(), 3);
  assert.equal(clock.nextAt, 3);
  assert.ok(clock.step() && clock.step());
  assert.deepEqual(ran, ["sooner", "same", "later"]);
  assert.equal(clock.now(), 7);
  assert.equal(clock.step(), false);
  assert.equal(clock.now(), 7);
});

test("a timer that is never due stays pending", () => {
  const clock = new VirtualClock();
  clock.after("never", Number.POSITIVE_INFINITY, () => assert.fail("it ran"));
  clock.advance(1e12);
  assert.deepEqual(clock.pending, ["never"]);
});

test("a repeating timer runs until it is cancelled", () => {
  const clock = new VirtualClock();
  const ran: number[] = [];
  const cancel = every(clock, "tick", 10, () => ran.push(clock.now()));
  clock.advance(35);
  cancel();
  clock.advance(100);
  assert.deepEqual(ran, [10, 20, 30]);
});

test("drawn ties change the order within an instant alone, the same for the same seed", () => {
  const orderOf = (seed: number): string => {
    const clock = new VirtualClock(0, 0, { ties: new SeededRandom(seed) });
    const ran: string[] = [];
    for (const name of "abcdefgh") clock.after(name, 5, () => ran.push(name));
    clock.after("early", 4, () => ran.push("<"));
    clock.after("late", 6, () => ran.push(">"));
    const { pending } = clock;
    clock.advance(10);
    assert.deepEqual(
      pending.filter((name) => name.length === 1),
      ran.slice(1, -1),
    );
    return ran.join("");
  };
  const orders = [1, 2, 3, 4, 5].map(orderOf);
  for (const [index, order] of orders.entries()) {
    assert.equal([...order].sort().join(""), "<>abcdefgh");
    assert.match(order, /^<.*>$/);
    assert.equal(orderOf(index + 1), order);
  }
  assert.equal(new Set(orders).size, orders.length);
});

test("whatever is set and cancelled, timers run in the order of a sorted list", () => {
  const action = fc.record(
    { delayMs: fc.integer({ min: 0, max: 20 }), cancels: fc.option(fc.nat({ max: 60 })) },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(
      fc.array(action, { maxLength: 60 }),
      fc.array(fc.nat({ max: 8 })),
      (actions, moves) => {
        const clock = new VirtualClock();
        const ran: number[] = [];
        const set: { at: number; id: number }[] = [];
        const cancels: (() => void)[] = [];
        for (const [id, { delayMs, cancels: other }] of actions.entries()) {
          cancels.push(clock.after(`${id}`, delayMs, () => ran.push(id)));
          set.push({ at: clock.now() + delayMs, id });
          if (other !== null && cancels[other] !== undefined) {
            cancels[other]();
            // Those that ran already are before `now`; cancelling them changes nothing.
            const index = set.findIndex((timer) => timer.id === other && !ran.includes(timer.id));
            if (index >= 0) set.splice(index, 1);
          }
          clock.advance(moves[id] ?? 0);
        }
        clock.advance(100);
        const expected = set.sort((a, b) => a.at - b.at || a.id - b.id).map(({ id }) => id);
        assert.deepEqual(ran, expected);
        assert.deepEqual(clock.pending, []);
      },
    ),
  );
});
