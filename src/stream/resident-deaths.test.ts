/** [M14] What becomes of messages and events that end what runs them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, MeanderError } from "../base/index.ts";
import type { EventCall, FailureAction } from "./consumer.ts";
import {
  consumed,
  died,
  failed,
  ScriptedConsumer,
  Signal,
  SmallWorld,
  settle,
} from "./small-world.test.support.ts";
import { decodeState, type StreamState, withoutNumbers } from "./stream-state.ts";

const AGAIN: FailureAction = { type: "retry", afterMs: 10 };
const DEAD: FailureAction = { type: "dead-letter" };

/** A consumer that ends its executor on texts that begin so, and says of the second time what a policy would. */
function poisoned(then: FailureAction = DEAD): ScriptedConsumer {
  const consumer = new ScriptedConsumer();
  consumer.batchMax = 8;
  consumer.handle = (text, { deaths }) => {
    if (text.startsWith("poison"))
      return died(deaths + 1 < LIMITS.executorDeathsMax ? AGAIN : then);
    return consumed();
  };
  return consumer;
}

test("[M14] the second death makes a dead letter that says all that is known, and the rest goes on", async () => {
  const world = new SmallWorld();
  const consumer = poisoned();
  const { resident } = await world.stream("b", "bar", { consumer });
  const shell = world.shell("a");
  world.send(shell, "bar", ["1", "poison", "2", "3"]);
  await world.run(200);
  assert.deepEqual(consumer.texts, ["1", "2", "3"]);
  const [letter] = resident.deadLetters;
  assert.deepEqual(
    letter?.deaths.map(({ site, instance, reason }) => ({ site, instance, reason })),
    [1, 2].map(() => ({ site: "b", instance: 2, reason: "out of memory" })),
  );
  assert.ok((letter?.deaths[1]?.at ?? 0) > (letter?.deaths[0]?.at ?? 0));
  assert.equal(letter?.attempts, 2);
  const told = world.site("b").events.find(({ type }) => type === "dead-lettered");
  assert.match((told as { reason: string }).reason, /ended what ran it 2 times: out of memory/);
  assert.deepEqual(resident.state().suspects, []);
  assert.ok(shell.isEmpty);
});

test("[M14] what has ended an executor runs by itself from then on, and spoils no batch", async () => {
  const world = new SmallWorld();
  const consumer = poisoned();
  const batches: string[][] = [];
  const { consume } = consumer;
  consumer.consume = (batch, done) => {
    batches.push(batch.map(({ seq }) => `${seq}`));
    consume.call(consumer, batch, done);
  };
  await world.stream("b", "bar", { consumer });
  world.send(world.shell("a"), "bar", ["1", "poison 2", "3", "4"]);
  await world.run(200);
  assert.deepEqual(batches.slice(-3), [["1", "2", "3", "4"], ["2"], ["3", "4"]].slice(-3));
});

test("[M14] deaths are counted apart from failures, and a message that ends well in the end is no suspect", async () => {
  const world = new SmallWorld();
  const consumer = new ScriptedConsumer();
  const tries: number[][] = [];
  consumer.handle = (_text, { attempt, deaths }) => {
    tries.push([attempt, deaths]);
    if (attempt === 1) return died(AGAIN);
    return attempt < 4 ? failed(AGAIN) : consumed();
  };
  const { resident } = await world.stream("b", "bar", { consumer });
  world.send(world.shell("a"), "bar", ["x"]);
  await world.run(200);
  assert.deepEqual(tries, [
    [1, 0],
    [2, 1],
    [3, 1],
    [4, 1],
  ]);
  assert.deepEqual([resident.deadLetters, resident.state().suspects], [[], []]);
});

test("[M14] a stream whose policy says so is halted by a poison, and a person decides", async () => {
  const world = new SmallWorld();
  const consumer = poisoned({ type: "halt" });
  const { resident } = await world.stream("b", "bar", { consumer });
  const shell = world.shell("a");
  world.send(shell, "bar", ["poison", "2"]);
  await world.run(200);
  assert.equal(resident.current()?.state, "halted");
  assert.deepEqual(consumer.texts, []);
  assert.ok(resident.operator.settleHalt({ source: shell.id, seq: 1 }, true, undefined));
  await world.run(50);
  assert.deepEqual(consumer.texts, ["2"]);
});

test("[M14] the count moves with the stream: one more death elsewhere is the last", async () => {
  const world = new SmallWorld();
  const consumer = poisoned();
  consumer.handle = (text) =>
    text === "poison" ? died({ type: "retry", afterMs: 500 }) : consumed();
  await world.stream("b", "bar", { consumer });
  world.send(world.shell("a"), "bar", ["poison", "2"]);
  await world.run(100);
  const there = poisoned();
  const { resident } = await world.move("bar", "a", { consumer: there });
  await world.run(400);
  assert.deepEqual(
    there.begun.map(({ text, attempt }) => [text, attempt]),
    [
      ["poison", 2],
      ["2", 1],
    ],
  );
  assert.deepEqual(
    resident.deadLetters[0]?.deaths.map(({ site }) => site),
    ["b", "a"],
  );
});

for (const durability of [{ type: "message" }, { type: "checkpoint", every: 5 }] as const)
  test(`[M14] with ${durability.type} the record has the first death before the second run, and a takeover knows it`, async () => {
    const world = new SmallWorld();
    const records: StreamState[] = [];
    let isKeeperThere = true;
    const keep = async (state: Uint8Array): Promise<void> => {
      if (!isKeeperThere) throw new Error("the keeper is silent");
      records.push(decodeState(state) as StreamState);
    };
    const consumer = poisoned();
    await world.stream("b", "bar", { consumer, durability, keep });
    const shell = world.shell("a");
    isKeeperThere = false;
    world.send(shell, "bar", ["poison", "2"]);
    await world.run(2_000);
    assert.equal(consumer.begun.length, 1, "it waits for its record");
    isKeeperThere = true;
    consumer.handle = () => died({ type: "retry", afterMs: 60_000 });
    await world.run(1_000);
    assert.equal(consumer.begun.length, 2);
    const last = records.find(({ suspects }) => suspects[0]?.deaths.length === 1) as StreamState;
    const state = durability.type === "message" ? last : withoutNumbers(last);
    const there = poisoned();
    const { resident } = await world.stream("a", "bar", {
      ...{ consumer: there, durability, state, streamEpoch: 2 },
    });
    await world.run(2_000);
    assert.deepEqual(
      there.begun.map(({ text }) => text),
      ["poison", "2"],
    );
    assert.equal(resident.deadLetters.length, 1);
  });

test("[M14] one that has ended as many as it may does not run again wherever it comes, unless a person has it replayed", async () => {
  const world = new SmallWorld();
  const consumer = poisoned();
  const shell = world.shell("a");
  const death = { at: 1, site: "c", instance: 9, reason: "it was killed" };
  const suspects = [{ source: shell.id, seq: 1, deaths: [death, death], shared: [] }];
  const state = { ...(await world.stream("b", "foo")).resident.state(), suspects };
  const { resident } = await world.stream("b", "bar", { consumer, state });
  world.send(shell, "bar", ["poison", "2"]);
  await world.run(100);
  assert.deepEqual(
    consumer.begun.map(({ text }) => text),
    ["2"],
  );
  assert.deepEqual(resident.deadLetters[0]?.fault.message, "it was killed");
  assert.ok(resident.operator.settleLetter({ source: shell.id, seq: 1 }, false, undefined));
  await world.run(100);
  assert.deepEqual(
    consumer.begun.map(({ text }) => text),
    ["2", "poison"],
  );
  assert.equal(resident.deadLetters[0]?.deaths.length, 3);
});

test("[M14] an event that ends executors becomes a dead letter as a message does, and its count travels", async () => {
  const world = new SmallWorld();
  const consumer = new ScriptedConsumer();
  const call: EventCall = { agent: "x", handler: "siteLeft", argument: new Uint8Array([1]) };
  const fault = { code: "executor-failed", message: "it was killed", agent: "x" } as const;
  const dies = (then: FailureAction) => () => ({
    ...{ appends: [], timers: [], relocate: undefined, reply: undefined, changed: false },
    ...{
      handled: true,
      failures: [{ call, fault: { ...fault, endedExecutor: true as const }, then }],
    },
  });
  consumer.onEvent = dies({ type: "retry", afterMs: 300 });
  const { resident } = await world.stream("b", "bar", { consumer });
  await world.until(resident.tell({ type: "siteLeft", site: "c" }));
  const there = new ScriptedConsumer();
  there.onRecall = dies(DEAD);
  const { resident: moved } = await world.move("bar", "a", { consumer: there });
  await world.run(1_000);
  const [letter] = moved.deadLetters;
  assert.deepEqual([letter?.sourceName, letter?.attempts], ["x:siteLeft", 2]);
  assert.deepEqual(
    letter?.deaths.map(({ site }) => site),
    ["b", "a"],
  );
});

test("[M14] what would run in the site's process is noted before it runs, and does not run when it cannot be", async () => {
  const world = new SmallWorld();
  const consumer = Object.assign(new ScriptedConsumer(), { sharesProcess: true });
  consumer.batchMax = 8;
  const noted: string[] = [];
  let isFull = false;
  const marks = {
    set: (messages: readonly { seq: number }[]): undefined => {
      if (isFull) throw new MeanderError("mark-write-failed", "no space left on the disk");
      noted.push(messages.map(({ seq }) => seq).join(" "));
      assert.equal(consumer.begun.length, noted.length === 1 ? 0 : 3, "before it runs");
    },
  };
  const { resident } = await world.stream("b", "bar", { consumer, marks });
  const shell = world.shell("a");
  world.send(shell, "bar", ["1", "2", "3"]);
  await world.run(20);
  assert.deepEqual([noted, consumer.texts], [["1 2 3"], ["1", "2", "3"]]);
  isFull = true;
  world.send(shell, "bar", ["4"]);
  await world.run(3_500);
  assert.deepEqual(consumer.texts, ["1", "2", "3"]);
  assert.match(resident.current()?.error ?? "", /does not run.*no space left/);
  assert.ok((resident.counts["unmarked"] ?? 0) >= 3);
  isFull = false;
  await world.run(1_500);
  assert.deepEqual(consumer.texts, ["1", "2", "3", "4"]);
  assert.equal(consumer.begun.at(-1)?.attempt, 1, "what did not run is no attempt");
});

test("[M14] a move does not wait for a note that is not written", async () => {
  const world = new SmallWorld();
  const consumer = Object.assign(new ScriptedConsumer(), { sharesProcess: true });
  const marks = { set: () => new Promise<void>(() => {}) };
  await world.stream("b", "bar", { consumer, marks });
  world.send(world.shell("a"), "bar", ["1"]);
  await world.run(20);
  const { consumer: there } = await world.move("bar", "a");
  await world.run(500);
  assert.deepEqual([consumer.texts, there.texts], [[], ["1"]]);
});

test("[M14] what is noted late does not run without a lease", async () => {
  const world = new SmallWorld();
  const consumer = Object.assign(new ScriptedConsumer(), { sharesProcess: true });
  const noted = new Signal();
  await world.stream("b", "bar", { consumer, marks: { set: () => noted.promise } });
  world.send(world.shell("a"), "bar", ["1"]);
  await world.run(20);
  const { kernel } = world.site("b");
  kernel.setLease(world.clock.now());
  noted.end();
  await settle();
  assert.deepEqual(consumer.begun, []);
  kernel.setLease(1e9);
  await world.run(20);
  assert.deepEqual(consumer.texts, ["1"]);
});

test("[M15] a stream that is installed halted takes messages and runs nothing before it is resumed", async () => {
  const world = new SmallWorld();
  const consumer = new ScriptedConsumer();
  const first = { type: "failure", lostSite: "c" } as const;
  const { resident } = await world.stream("b", "bar", { consumer, first, isHalted: true });
  const shell = world.shell("a");
  world.send(shell, "bar", ["1"]);
  void resident.tell({ type: "siteLeft", site: "c" });
  await world.run(500);
  assert.deepEqual([consumer.told, consumer.begun, resident.waiting], [[], [], 1]);
  await world.until(resident.halt.resume());
  await world.run(100);
  assert.deepEqual(
    consumer.told.map(({ type }) => type),
    ["failure", "siteLeft"],
  );
  assert.deepEqual(consumer.texts, ["1"]);
});

test("[M15] a halted stream can be moved, and goes on there", async () => {
  const world = new SmallWorld();
  await world.stream("b", "bar", { isHalted: true });
  world.send(world.shell("a"), "bar", ["1"]);
  await world.run(50);
  const { consumer } = await world.move("bar", "a");
  await world.run(500);
  assert.deepEqual(consumer.texts, ["1"]);
});
