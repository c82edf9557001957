import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, type MeanderError } from "../base/index.ts";
import { packValue } from "../wire/index.ts";
import type { FailureAction } from "./consumer.ts";
import {
  append,
  consumed,
  failed,
  ScriptedConsumer,
  Signal,
  SmallWorld,
} from "./small-world.test.support.ts";

const names = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${index + 1}`);
/** The shell is the first stream's only sender. */
const SENDER = "shell-1";

/** A consumer that fails on one text as often as given, with what the policy then says. */
function failing(text: string, ...then: FailureAction[]): ScriptedConsumer {
  const consumer = new ScriptedConsumer();
  consumer.batchMax = 3;
  consumer.handle = (each) => {
    const action = each === text ? then.shift() : undefined;
    return action === undefined ? consumed() : failed(action);
  };
  return consumer;
}

async function open(consumer: ScriptedConsumer) {
  const world = new SmallWorld();
  const { resident } = await world.stream("b", "bar", { consumer });
  const shell = world.shell("a", SENDER);
  return { world, resident, shell, source: shell.id };
}

test("[M8] a failed message is tried again after its pause, before all that wait behind it", async () => {
  const consumer = failing("2", { type: "retry", afterMs: 100 }, { type: "retry", afterMs: 300 });
  const { world, shell } = await open(consumer);
  world.send(shell, "bar", names(4));
  await world.run(50);
  assert.deepEqual(consumer.texts, ["1"]);
  await world.run(100);
  assert.deepEqual(consumer.begun.map(({ text, attempt }) => [text, attempt]).slice(0, 3), [
    ["1", 1],
    ["2", 1],
    ["2", 2],
  ]);
  assert.deepEqual(consumer.texts, ["1"]);
  await world.run(400);
  assert.deepEqual(consumer.texts, names(4));
  assert.deepEqual(
    consumer.begun.filter(({ text }) => text === "2").map(({ attempt }) => attempt),
    [1, 2, 3],
  );
  assert.ok(
    consumer.begun.filter(({ text }) => text !== "2").every(({ attempt }) => attempt === 1),
  );
  assert.ok(shell.isEmpty);
});

test("[M8] what a failed handler sent does not leave", async () => {
  const world = new SmallWorld();
  const bar = await world.stream("b", "bar");
  const foo = await world.stream("a", "foo");
  let attempts = 0;
  foo.consumer.handle = () =>
    ++attempts < 3
      ? failed({ type: "retry", afterMs: 10 })
      : consumed({ appends: [append("bar", `${attempts}`)] });
  world.send(world.shell("a"), "foo", ["x"]);
  await world.run(1_000);
  assert.deepEqual(bar.consumer.texts, ["3"]);
});

test("[M8] a skipped message has ended, is counted and reported; a caller that waits gets the error", async () => {
  const consumer = failing("1", { type: "skip" });
  const { world, shell, resident } = await open(consumer);
  const errors: string[] = [];
  const waiter = {
    resolve: () => {},
    reject: (error: MeanderError) => void errors.push(error.code),
  };
  world.send(shell, "bar", ["1"], waiter);
  world.send(shell, "bar", ["2"]);
  await world.run(100);
  assert.deepEqual(consumer.texts, ["2"]);
  assert.deepEqual(errors, ["handler-failed"]);
  assert.equal(resident.counts["skipped"], 1);
  const [told] = world.site("b").events.filter(({ type }) => type === "discarded");
  assert.deepEqual(told, {
    type: "discarded",
    stream: "bar",
    message: "shell-1>bar#1",
    reason: "as the test says",
  });
  assert.ok(shell.isEmpty);
});

test("[M8] a dead letter is kept with its error, and what is behind it goes on", async () => {
  const consumer = failing("2", { type: "retry", afterMs: 1 }, { type: "dead-letter" });
  const { world, shell, resident, source } = await open(consumer);
  world.send(shell, "bar", names(3));
  await world.run(100);
  assert.deepEqual(consumer.texts, ["1", "3"]);
  assert.deepEqual(resident.deadLetters, [
    {
      ...{ source, sourceName: SENDER, seq: 2, attempts: 2, payload: packValue("2"), deaths: [] },
      fault: { code: "handler-failed", message: "as the test says", agent: "tester" },
    },
  ]);
  assert.ok(shell.isEmpty, "its sender need not keep it any more");
});

test("[M8] a dead letter travels, and can be played again as it was, edited, or removed", async () => {
  const consumer = failing("1", { type: "dead-letter" });
  const { world, shell, source } = await open(consumer);
  consumer.handle = (text) =>
    text.startsWith("bad") ? failed({ type: "dead-letter" }) : consumed();
  world.send(shell, "bar", ["bad 1", "bad 2", "bad 3", "4"]);
  await world.run(100);
  const { resident, consumer: there } = await world.move("bar", "a");
  there.handle = (text) => (text === "bad 2" ? failed({ type: "dead-letter" }) : consumed());
  const seqs = (): number[] => resident.deadLetters.map(({ seq }) => seq);
  assert.deepEqual(seqs(), [1, 2, 3]);
  assert.ok(resident.operator.settleLetter({ source, seq: 1 }, false, undefined));
  assert.ok(resident.operator.settleLetter({ source, seq: 2 }, false, packValue("good 2")));
  assert.ok(resident.operator.settleLetter({ source, seq: 3 }, true, undefined));
  assert.ok(!resident.operator.settleLetter({ source, seq: 4 }, false, undefined));
  await world.run(100);
  assert.deepEqual(there.texts, ["4", "bad 1", "good 2"]);
  assert.deepEqual(seqs(), []);
});

test("[M8] a dead letter that fails again stays one, with all its attempts", async () => {
  const consumer = failing("1", { type: "dead-letter" }, { type: "dead-letter" });
  const { world, shell, resident, source } = await open(consumer);
  world.send(shell, "bar", ["1"]);
  await world.run(100);
  resident.operator.settleLetter({ source, seq: 1 }, false, undefined);
  await world.run(100);
  assert.deepEqual(
    resident.deadLetters.map(({ seq, attempts }) => [seq, attempts]),
    [[1, 2]],
  );
});

test("[M8] a dead letter that is played again holds nothing up, whatever the policy says then", async () => {
  const consumer = failing("1", { type: "dead-letter" }, { type: "halt" });
  const { world, shell, resident, source } = await open(consumer);
  world.send(shell, "bar", ["1"]);
  await world.run(100);
  resident.operator.settleLetter({ source, seq: 1 }, false, undefined);
  world.send(shell, "bar", ["2"]);
  await world.run(100);
  assert.deepEqual(consumer.texts, ["2"]);
  assert.deepEqual(
    resident.deadLetters.map(({ seq }) => seq),
    [1],
  );
});

test("[M8] a stream halts at a message until a person has said what becomes of it", async () => {
  for (const verdict of ["again", "edited", "skip"] as const) {
    const consumer = failing("2", { type: "halt" });
    const { world, shell, resident, source } = await open(consumer);
    world.send(shell, "bar", names(3));
    await world.run(5_000);
    assert.deepEqual(consumer.texts, ["1"]);
    assert.equal(resident.current()?.state, "halted");
    assert.ok(
      !resident.operator.settleHalt({ source, seq: 3 }, true, undefined),
      "another message",
    );
    assert.ok(
      resident.operator.settleHalt(
        { source, seq: 2 },
        verdict === "skip",
        verdict === "edited" ? packValue("two") : undefined,
      ),
    );
    await world.run(100);
    const expected = { again: ["1", "2", "3"], edited: ["1", "two", "3"], skip: ["1", "3"] }[
      verdict
    ];
    assert.deepEqual(consumer.texts, expected, verdict);
    assert.ok(shell.isEmpty);
    assert.equal(resident.current(), undefined);
    assert.ok(
      !resident.operator.settleHalt({ source, seq: 2 }, true, undefined),
      "nothing halts it any more",
    );
  }
});

test("[M8] a halted stream still moves, and is halted there", async () => {
  const consumer = failing("1", { type: "halt" });
  const { world, shell, source } = await open(consumer);
  world.send(shell, "bar", ["1", "2"]);
  await world.run(100);
  const { resident, consumer: there } = await world.move("bar", "a");
  await world.run(5_000);
  assert.deepEqual(there.texts, []);
  assert.equal(resident.current()?.state, "halted");
  assert.ok(resident.operator.settleHalt({ source, seq: 1 }, true, undefined));
  await world.run(1_000);
  assert.deepEqual(there.texts, ["2"]);
});

test("[M8] a stream whose box of dead letters is full halts instead of losing one", async () => {
  const consumer = new ScriptedConsumer();
  consumer.batchMax = 64;
  consumer.handle = (text) => (text === "good" ? consumed() : failed({ type: "dead-letter" }));
  const { world, shell, resident, source } = await open(consumer);
  const most = LIMITS.deadLettersMax;
  world.send(shell, "bar", [...names(most + 1), "good"]);
  await world.run(5_000);
  assert.equal(resident.deadLetters.length, most);
  assert.equal(resident.current()?.state, "halted");
  assert.deepEqual(consumer.texts, []);
  // With room, the one that halted it becomes a dead letter, too.
  resident.operator.settleLetter({ source, seq: 1 }, true, undefined);
  resident.operator.settleHalt({ source, seq: most + 1 }, false, undefined);
  await world.run(1_000);
  assert.equal(resident.deadLetters.length, most);
  assert.deepEqual(consumer.texts, ["good"]);
});

test("[M4] a message that is to be tried again does not delay a move, and its attempts are counted on", async () => {
  const consumer = failing("1", { type: "retry", afterMs: 1 }, { type: "retry", afterMs: 60_000 });
  const { world, shell } = await open(consumer);
  world.send(shell, "bar", ["1", "2"]);
  await world.run(100);
  const before = world.clock.now();
  const { consumer: there } = await world.move("bar", "a");
  assert.ok(world.clock.now() - before < 100);
  await world.run(2_000);
  assert.deepEqual(
    there.begun.map(({ text, attempt }) => [text, attempt]),
    [
      ["1", 3],
      ["2", 1],
    ],
  );
  assert.ok(shell.isEmpty);
});

test("every failure is told, with what becomes of the message", async () => {
  const consumer = failing("1", { type: "retry", afterMs: 1 }, { type: "skip" });
  const { world, shell } = await open(consumer);
  world.send(shell, "bar", ["1"]);
  await world.run(100);
  const told = world
    .site("b")
    .events.flatMap((event) =>
      event.type === "failed" ? [[event.message, event.attempt, event.then]] : [],
    );
  assert.deepEqual(told, [
    ["shell-1>bar#1", 1, "retry"],
    ["shell-1>bar#1", 2, "skip"],
  ]);
});

test("[M29] a shell that was given up while its message ran is told nothing, and nothing waits for it", async () => {
  const world = new SmallWorld();
  const consumer = new ScriptedConsumer();
  const running = new Signal();
  consumer.handle = async () => {
    await running.promise;
    return consumed();
  };
  const { resident } = await world.stream("b", "bar", { consumer });
  const shell = world.shell("a");
  world.send(shell, "bar", ["1"], { resolve: () => {}, reject: () => {} });
  await world.run(50);
  const { kernel } = world.site("b");
  world.loses = () => true;
  kernel.locations.removeOther(shell.id);
  running.end();
  await world.run(1_000);
  assert.deepEqual(consumer.texts, ["1"]);
  assert.ok(resident.isEmpty);
  assert.equal(kernel.counts.toJSON()["endpoint-gone"], 1);
});
