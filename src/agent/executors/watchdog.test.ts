import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../base/index.ts";
import { Watchdog } from "./watchdog.ts";

/** A process as its watchdog sees it. */
class World {
  readonly clock = new VirtualClock();
  readonly stuck: number[] = [];
  running: number | undefined;
  beats = 0;
  isBusy = false;
  silentMs: number | undefined;
  silences = 0;
  readonly watchdog: Watchdog = new Watchdog({
    clock: this.clock,
    look: () => ({ running: this.running, beats: this.beats }),
    isBusy: () => this.isBusy,
    shortestMs: () => 100,
    longestMs: (slot) => (slot === 1 ? 100 : 1_000),
    onStuck: (slot) => {
      this.stuck.push(slot);
      this.watchdog.stop();
    },
    silentMs: () => this.silentMs,
    onSilent: () => {
      this.silences++;
      this.watchdog.stop();
    },
  });

  begin(slot: number): void {
    this.running = slot;
    this.beats++;
  }
}

test("watchdog: what runs beyond its time is found, at most two looks later", () => {
  const world = new World();
  world.begin(1);
  world.watchdog.wake();
  world.clock.advance(99);
  assert.deepEqual(world.stuck, []);
  world.clock.advance(51);
  assert.deepEqual(world.stuck, [1]);
});

test("watchdog: each one has its own time", () => {
  const world = new World();
  world.begin(2);
  world.watchdog.wake();
  world.clock.advance(999);
  assert.deepEqual(world.stuck, []);
  world.clock.advance(51);
  assert.deepEqual(world.stuck, [2]);
});

test("watchdog: many short runs are not one long one", () => {
  const world = new World();
  world.watchdog.wake();
  for (let run = 0; run < 100; run++) {
    world.begin(1);
    world.clock.advance(60);
  }
  assert.deepEqual(world.stuck, []);
});

test("watchdog: it looks until nothing runs and nothing can start", () => {
  const world = new World();
  world.isBusy = true;
  world.watchdog.wake();
  world.clock.advance(10_000);
  assert.equal(world.clock.pending.length, 1);
  world.isBusy = false;
  world.begin(2);
  world.clock.advance(100);
  assert.equal(world.clock.pending.length, 1);
  world.running = undefined;
  world.clock.advance(100);
  assert.deepEqual(world.clock.pending, []);
  world.begin(1);
  world.watchdog.wake();
  world.clock.advance(1_000);
  assert.deepEqual(world.stuck, [1]);
});

test("watchdog: a pause of the watching thread itself counts as two looks", () => {
  const clock = new VirtualClock();
  let ahead = 0;
  const stuck: number[] = [];
  const watchdog = new Watchdog({
    clock: { now: () => clock.now() + ahead, wall: () => 0, after: clock.after.bind(clock) },
    look: () => ({ running: 1, beats: 1 }),
    isBusy: () => true,
    shortestMs: () => 100,
    longestMs: () => 100,
    onStuck: (slot) => {
      stuck.push(slot);
      watchdog.stop();
    },
    silentMs: () => undefined,
    onSilent: () => {},
  });
  watchdog.wake();
  // The whole process was stopped for an hour.
  ahead = 3_600_000;
  clock.advance(25);
  assert.deepEqual(stuck, []);
  clock.advance(50);
  assert.deepEqual(stuck, [1]);
});

test("watchdog: a process that begins nothing of what it is to do is found", () => {
  const world = new World();
  world.isBusy = true;
  world.silentMs = 1_000;
  world.watchdog.wake();
  world.clock.advance(900);
  // Something ran, and waits.
  world.beats++;
  world.clock.advance(900);
  assert.equal(world.silences, 0);
  world.clock.advance(200);
  assert.equal(world.silences, 1);
});

test("watchdog: one that only waits may do so for ever", () => {
  const world = new World();
  world.isBusy = true;
  world.watchdog.wake();
  world.clock.advance(10_000_000);
  assert.equal(world.silences, 0);
});
