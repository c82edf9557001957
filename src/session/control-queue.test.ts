import assert from "node:assert/strict";
import { test } from "node:test";
import { ControlQueue } from "./control-queue.ts";

/** Jobs that end when the test decides. */
class Jobs {
  readonly log: string[] = [];
  readonly #ends = new Map<string, () => void>();

  make(name: string): () => Promise<string> {
    return () =>
      new Promise((resolve) => {
        this.log.push(name);
        this.#ends.set(name, () => resolve(name));
      });
  }

  async end(name: string): Promise<void> {
    this.#ends.get(name)?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("jobs of one key run one after the other in their order, those of others beside them", async () => {
  const jobs = new Jobs();
  const queue = new ControlQueue();
  const all = ["a1", "a2", "b1", "a3"].map((name) => queue.run(name.slice(0, 1), jobs.make(name)));
  assert.deepEqual(jobs.log, ["a1", "b1"]);
  for (const name of ["a1", "a2", "a3", "b1"]) await jobs.end(name);
  assert.deepEqual(jobs.log, ["a1", "b1", "a2", "a3"]);
  assert.deepEqual(await Promise.all(all), ["a1", "a2", "b1", "a3"]);
});

test("a job that fails fails its caller, and the next runs", async () => {
  const queue = new ControlQueue();
  const failed = queue.run("a", () => Promise.reject(new Error("no")));
  const next = queue.run("a", () => Promise.resolve("yes"));
  await assert.rejects(failed, /no/);
  assert.equal(await next, "yes");
});

test("urgent jobs run before those that wait, and are never refused", async () => {
  const jobs = new Jobs();
  const queue = new ControlQueue({ capacity: 2 });
  const usual = ["1", "2", "3"].map((name) => queue.run("a", jobs.make(name)));
  await assert.rejects(queue.run("a", jobs.make("4")), { code: "control-busy" });
  const urgent = queue.runUrgent("a", jobs.make("!"));
  for (const name of ["1", "!", "2", "3"]) await jobs.end(name);
  assert.deepEqual(jobs.log, ["1", "!", "2", "3"]);
  await Promise.all([...usual, urgent]);
  assert.equal(await queue.run("a", () => Promise.resolve(5)), 5);
});

test("as many jobs of one key run at once as the queue is wide", async () => {
  const jobs = new Jobs();
  const queue = new ControlQueue({ width: 2 });
  const all = ["1", "2", "3", "4"].map((name) => queue.run("a", jobs.make(name)));
  assert.deepEqual(jobs.log, ["1", "2"]);
  await jobs.end("2");
  assert.deepEqual(jobs.log, ["1", "2", "3"]);
  for (const name of ["1", "3", "4"]) await jobs.end(name);
  await Promise.all(all);
});
