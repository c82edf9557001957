import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../../base/index.ts";
import { ArrivalWait, type Awaited } from "./arrival-wait.ts";

const LOOP = 1_000;
const READABLE = 1;

/** A scripted kernel, and a loop whose next timer is due in `timeoutMs`. */
class World {
  readonly wait: ArrivalWait;
  /** Descriptors that can be read, for each call to come. */
  readonly answers: number[][] = [];
  /** The descriptors and the time of each call. */
  readonly calls: { readonly descriptors: number[]; readonly timeoutMs: number }[] = [];
  timeoutMs = 50;
  updates = 0;
  #words: Uint32Array = new Uint32Array(0);

  constructor() {
    this.wait = new ArrivalWait({
      loop: {
        descriptor: LOOP,
        timeout: () => this.timeoutMs,
        updateTime: () => this.updates++,
      },
      poll: (_entries, count, timeoutMs) => this.#poll(count, timeoutMs),
      addressOf: (memory) => {
        this.#words = new Uint32Array(memory.buffer);
        return 4_096;
      },
    });
  }

  /** Someone to wait for; `taken` has its descriptor each time that it takes something. */
  awaited(descriptor: number, taken: number[], onTake = (): void => {}): Awaited {
    const take = (): void => {
      taken.push(descriptor);
      onTake();
    };
    return { descriptor, take };
  }

  #poll(count: number, timeoutMs: number): number {
    const readable = this.answers.shift() ?? [];
    const entries = Array.from({ length: count }, (_, index) => index * 2);
    this.calls.push({ descriptors: entries.map((at) => this.#words[at] as number), timeoutMs });
    for (const at of entries) {
      const isReadable = readable.includes(this.#words[at] as number);
      assert.equal((this.#words[at + 1] as number) & 0xffff, READABLE);
      this.#words[at + 1] = READABLE | (isReadable ? READABLE << 16 : 0);
    }
    return readable.length;
  }
}

test("what arrives is taken until it is the loop alone that has something to do", () => {
  const world = new World();
  const taken: number[] = [];
  for (const descriptor of [3, 4]) world.wait.add(world.awaited(descriptor, taken));
  world.answers.push([3], [4, LOOP], [3, 4, LOOP], [LOOP], [3]);
  world.wait.run();
  assert.deepEqual(taken, [3, 4, 4, 3]);
  assert.equal(world.calls.length, 4);
  assert.deepEqual(world.calls[0], { descriptors: [3, 4, LOOP], timeoutMs: 50 });
  assert.equal(world.updates, 4);
});

test("it ends when a timer is due, now or later, and without asking when it is now", () => {
  const world = new World();
  world.wait.add(world.awaited(3, []));
  world.answers.push([]);
  world.wait.run();
  assert.equal(world.calls.length, 1);
  world.timeoutMs = 0;
  world.wait.run();
  assert.equal(world.calls.length, 1);
});

test("the loop has its turn now and then, however much arrives", () => {
  const world = new World();
  const taken: number[] = [];
  world.wait.add(world.awaited(3, taken));
  for (let i = 0; i < 100; i++) world.answers.push([3]);
  world.wait.run();
  assert.equal(taken.length, LIMITS.arrivalRoundsMax);
});

test("sockets added or removed meanwhile are waited for, or not, from then on", () => {
  const world = new World();
  const taken: number[] = [];
  const first = world.awaited(3, taken);
  const third = world.awaited(5, taken);
  const second = world.awaited(4, taken, () => {
    world.wait.delete(first);
    world.wait.delete(second);
    world.wait.add(third);
  });
  world.wait.add(first);
  world.wait.add(second);
  world.answers.push([3, 4], [3, 4, 5]);
  world.wait.run();
  assert.deepEqual(taken, [4, 5]);
  assert.deepEqual(world.calls.at(-1)?.descriptors, [5, LOOP]);
  world.wait.delete(third);
  world.wait.delete(third);
  const { length } = world.calls;
  world.wait.run();
  assert.equal(world.calls.length, length);
});

test("with more than a table has room for, the loop waits", () => {
  const world = new World();
  const taken: number[] = [];
  const all = Array.from({ length: LIMITS.arrivalWaitMax + 1 }, (_, at) => at + 3);
  const awaited = all.map((descriptor) => world.awaited(descriptor, taken));
  for (const each of awaited) world.wait.add(each);
  world.wait.run();
  assert.equal(world.calls.length, 0);
  world.wait.delete(awaited[0] as Awaited);
  world.answers.push([all.at(-1) as number]);
  world.wait.run();
  assert.deepEqual(taken, [all.at(-1)]);
});
