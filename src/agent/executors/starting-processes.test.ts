import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, VirtualClock } from "../../base/index.ts";
import { StartingProcesses } from "./starting-processes.ts";

/** A start that ends when the test says. */
function start(starting: StartingProcesses, owner: string): { end(): void; over: Promise<void> } {
  let end = (): void => {};
  const started = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { end, over: starting.during(owner, started) };
}

test("an owner has so many processes started at once, and all owners so many, whoever they are", async () => {
  const starting = new StartingProcesses(new VirtualClock());
  const mine = [start(starting, "mine"), start(starting, "mine")];
  assert.equal(mine.length, LIMITS.ownerProcessStartsMax);
  assert.equal(starting.mayStart("mine"), false);
  assert.equal(starting.mayStart("other"), true);
  for (let count = mine.length; count < LIMITS.processStartsMax; count++)
    start(starting, `other ${count}`);
  assert.equal(starting.mayStart("yet another"), false);
  mine[0]?.end();
  await mine[0]?.over;
  assert.deepEqual([starting.mayStart("mine"), starting.mayStart("yet another")], [true, true]);
});

test("what an agent's own code takes is no start any more, and holds up nobody", () => {
  const clock = new VirtualClock();
  const starting = new StartingProcesses(clock);
  for (let count = 0; count < LIMITS.processStartsMax; count++) start(starting, `loops ${count}`);
  assert.equal(starting.mayStart("other"), false);
  clock.advance(1_000);
  assert.equal(starting.mayStart("other"), true);
});

test("so many agents of one owner wait, and more are told at once", async () => {
  const starting = new StartingProcesses(new VirtualClock());
  let end = (): void => {};
  const turn = new Promise<void>((resolve) => {
    end = resolve;
  });
  const waits = Array.from({ length: LIMITS.ownerProcessWaitsMax }, () =>
    starting.waiting("mine", turn),
  );
  assert.deepEqual([starting.mayWait("mine"), starting.mayWait("other")], [false, true]);
  end();
  await Promise.all(waits);
  assert.equal(starting.mayWait("mine"), true);
});
