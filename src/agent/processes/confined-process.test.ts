import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { ConfinedProcess, ProcessLeavings } from "./confined-process.ts";
import type { Order } from "./obedient-process.test.support.ts";
import { wordsOf } from "./process-end.ts";
import { shareOfMemoryMb } from "./process-memory.ts";
import { ProcessPool } from "./process-pool.ts";

const script = new URL("./obedient-process.test.support.js", import.meta.url);
const pool = new ProcessPool({ script, memoryMb: 64 });
after(() => pool[Symbol.asyncDispose]());
const hasProc = process.platform === "linux";

/** A process, what it answers, and what is left of it. */
class Observed {
  readonly process: ConfinedProcess;
  readonly answers: unknown[] = [];
  #waiting: (() => void)[] = [];

  constructor(memoryMb?: number) {
    this.process = pool.take(memoryMb);
    this.process.receive((bytes) => this.#take(bytes));
  }

  order(task: Order["task"], more: Partial<Order> = {}): void {
    this.process.post([Buffer.from(JSON.stringify({ slot: 5, ...more, task }))]);
  }

  async answered(count: number): Promise<void> {
    while (this.answers.length < count)
      await new Promise<void>((resolve) => void this.#waiting.push(resolve));
  }

  /** Settles when it says that this slot runs. */
  async running(slot: number): Promise<void> {
    while (this.process.look()?.running !== slot) await new Promise((done) => setImmediate(done));
  }

  /** Its end, with the answers that it had not sent. */
  async end(): Promise<ProcessLeavings> {
    const leavings = await this.process.ended;
    this.#take(leavings.answers);
    return leavings;
  }

  #take(bytes: Buffer): void {
    for (const line of bytes.toString().split("\n")) {
      if (line !== "") this.answers.push(JSON.parse(line));
    }
    for (const check of this.#waiting.splice(0)) check();
  }
}

test("a process: letters come and go in their order", async () => {
  const one = new Observed();
  for (let value = 0; value < 500; value++) one.order("answer", { value });
  await one.answered(500);
  assert.deepEqual(
    one.answers,
    Array.from({ length: 500 }, (_, value) => value),
  );
  one.process.kill("it is over");
  assert.equal((await one.end()).end.killedFor, "it is over");
});

test("a process: it can reach nothing but its own code and its site", {
  skip: !hasProc,
}, async () => {
  const one = new Observed();
  one.order("surroundings");
  await one.answered(1);
  one.process.kill("it is over");
  const { socket: _, ...reached } = one.answers[0] as Record<string, unknown>;
  assert.deepEqual(reached, {
    environment: {},
    descriptors: "ERR_ACCESS_DENIED",
    read: "ERR_ACCESS_DENIED",
    write: "ERR_ACCESS_DENIED",
    spawn: "ERR_ACCESS_DENIED",
    thread: "ERR_ACCESS_DENIED",
    native: "ERR_DLOPEN_DISABLED",
  });
});

for (const task of ["loop", "regexp"] as const) {
  test(`a process: killed in a ${task}, it says what ran, and what it had answered counts`, async () => {
    const one = new Observed();
    // Letters have 64 answers; the last ones are not sent.
    one.order("answer", { value: "done", count: 70, slot: 3 });
    one.order(task, { slot: 9 });
    await one.running(9);
    one.process.kill("too long");
    const { end, last } = await one.end();
    assert.equal(end.signal, "SIGKILL");
    assert.equal(wordsOf(end, 64), "too long");
    assert.equal(last?.running, 9);
    assert.equal(one.answers.length, 70);
  });
}

for (const [task, memory] of [
  ["heap", /out of memory/],
  ["array", /out of memory/],
  ["abort", /SIGABRT/],
] as const) {
  test(`a process: an engine that ends itself (${task}) is reported, with what ran`, async () => {
    const one = new Observed();
    one.order("answer", { value: 1, slot: 2 });
    one.order(task, { slot: 4 });
    const { end, last } = await one.end();
    assert.equal(end.killedFor, undefined);
    assert.match(wordsOf(end, 64), memory);
    assert.match(end.outOfMemory, task === "abort" ? /perhaps/ : /yes|perhaps/);
    assert.equal(last?.running, 4);
    assert.deepEqual(one.answers, [1]);
  });
}

test("a process: buffers beyond its memory are refused to it", { skip: !hasProc }, async () => {
  const one = new Observed();
  one.order("buffers", { count: 2 });
  one.order("buffers", { count: 64 });
  await one.answered(2);
  assert.deepEqual(one.answers, ["has them", "RangeError"]);
  one.process.kill("it is over");
  await one.end();
});

test("a process: what asks its site to stop does not end it", { skip: !hasProc }, async () => {
  const one = new Observed();
  one.order("answer", { value: 1 });
  await one.answered(1);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.kill(one.process.pid as number, signal);
  one.order("answer", { value: 2 });
  await one.answered(2);
  one.process.kill("it is over");
  assert.equal((await one.end()).end.signal, "SIGKILL");
});

test("a process: an exit is told with its code", async () => {
  const one = new Observed();
  one.order("exit");
  const { end } = await one.end();
  assert.equal(wordsOf(end, 64), "its process ended (exit code 3)");
});

test("a process: what it writes to standard error does not hold it up, nor its site", async () => {
  const one = new Observed();
  one.order("flood");
  await one.answered(1);
  one.process.kill("it is over");
  assert.ok(((await one.end()).end.lastWords?.length ?? 0) <= 200);
});

test("a process: the pool keeps one ready from the first on, and none before", async () => {
  await using small = new ProcessPool({ script, memoryMb: 16 });
  assert.equal(small.ready, undefined);
  const first = small.take();
  const { ready } = small;
  assert.ok(ready !== undefined && ready !== first);
  assert.equal(small.take(), ready);
  // With another bound it is another process.
  const other = small.take(32);
  assert.equal(other.memoryMb, 32);
});

test("a process: one that idles has less than 40 MB of the memory", {
  skip: !hasProc,
}, async () => {
  const one = new Observed();
  one.order("answer", { value: 1 });
  await one.answered(1);
  const share = shareOfMemoryMb(one.process.pid as number);
  assert.ok(share !== undefined && share < 40, `${share} MiB`);
  one.process.kill("it is over");
  await one.end();
});
