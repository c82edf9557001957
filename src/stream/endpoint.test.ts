import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, type MeanderError } from "../base/index.ts";
import { packValue, unpackValue } from "../wire/index.ts";
import {
  append,
  consumed,
  failed,
  ScriptedConsumer,
  SmallWorld,
} from "./small-world.test.support.ts";

const names = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${index + 1}`);

test("[M35] messages to an unknown stream are held, and delivered in order when it is there", async () => {
  const world = new SmallWorld();
  const shell = world.shell("a");
  world.site("a").kernel.turn(() => {
    for (const text of ["1", "2", "3"]) shell.append(append("late", text));
  });
  await world.run(LIMITS.unknownStreamMs - 100);
  assert.ok(!shell.isEmpty);
  assert.equal(world.sent.length, 0);
  const { consumer } = await world.stream("b", "late");
  world.site("a").kernel.turn(() => shell.append(append("late", "4")));
  await world.run(1_000);
  assert.deepEqual(consumer.texts, ["1", "2", "3", "4"]);
  assert.ok(shell.isEmpty);
});

test("[M35] after 5 s they are given up, counted and told of", async () => {
  const world = new SmallWorld();
  const shell = world.shell("a");
  const { kernel, events } = world.site("a");
  kernel.turn(() => {
    shell.append(append("never", "1"));
    shell.append(append("never", "2"));
  });
  await world.run(LIMITS.unknownStreamMs + 1);
  assert.ok(shell.isEmpty);
  assert.equal(kernel.counts.get("stream-unknown"), 2);
  assert.deepEqual(
    events.map((event) => event.type === "discarded" && [event.stream, event.message]),
    [["never", "shell-1>never"]],
  );
  // Later ones have their own 5 s, and those given up do not come back.
  kernel.turn(() => shell.append(append("never", "3")));
  const { consumer } = await world.stream("b", "never");
  await world.run(1_000);
  assert.deepEqual(consumer.texts, ["3"]);
});

test("[M10] it is full, too, while a window of messages waits for an unknown stream", async () => {
  const world = new SmallWorld();
  const shell = world.shell("a");
  const { kernel } = world.site("a");
  kernel.turn(() => {
    for (const text of names(LIMITS.streamWindowSegmentsMax)) shell.append(append("never", text));
  });
  assert.ok(shell.isFull);
  let hasRoom = false;
  void shell.whenRoom().then(() => {
    hasRoom = true;
  });
  await world.run(LIMITS.unknownStreamMs + 1);
  assert.ok(hasRoom && !shell.isFull);
});

test("[M10] callers that wait for room are woken when messages were consumed", async () => {
  const world = new SmallWorld();
  const { consumer } = await world.stream("b", "bar");
  const shell = world.shell("a");
  world.send(shell, "bar", names(LIMITS.streamWindowSegmentsMax));
  assert.ok(shell.isFull);
  let hasRoom = false;
  void shell.whenRoom().then(() => {
    hasRoom = true;
  });
  assert.ok(await world.waitFor(() => hasRoom));
  assert.ok(consumer.texts.length > 0 && !shell.isFull);
});

test("[M10] a sender that waits gets the reply of the handler, or its error", async () => {
  const world = new SmallWorld();
  const consumer = new ScriptedConsumer();
  consumer.handle = (text) =>
    text === "bad" ? failed({ type: "skip" }) : consumed({ reply: packValue(`${text}!`) });
  await world.stream("b", "bar", { consumer });
  const shell = world.shell("a");
  const told: unknown[] = [];
  const waiter = {
    resolve: (value: Uint8Array | undefined) =>
      void told.push(value === undefined ? value : unpackValue(value)),
    reject: (error: MeanderError) => void told.push([error.code, error.what, error.where]),
  };
  world.send(shell, "bar", ["hello", "bad"], waiter);
  await world.run(100);
  assert.deepEqual(told, ["hello!", ["handler-failed", "as the test says", "agent tester"]]);
});

test("[M31] replies find a sender that has moved; one that does not wait any more is counted", async () => {
  const world = new SmallWorld(["a", "b", "c"]);
  const bar = await world.stream("b", "bar");
  let answer: (outcome: ReturnType<typeof consumed>) => void = () => {};
  bar.consumer.handle = () =>
    new Promise((resolve) => {
      answer = resolve;
    });
  const foo = await world.stream("a", "foo");
  const told: unknown[] = [];
  world.send(foo.resident, "bar", ["x"], {
    resolve: (value) => void told.push(value),
    reject: (error) => void told.push(error.code),
  });
  await world.run(50);
  await world.move("foo", "c");
  // The callers waited at the site that it left.
  assert.deepEqual(told, ["stream-gone"]);
  answer(consumed({ reply: packValue(1) }));
  await world.run(100);
  assert.equal(world.site("c").kernel.counts.get("reply-late"), 1);
});

test("[M31] what is no reply is counted", async () => {
  const world = new SmallWorld();
  const foo = await world.stream("a", "foo");
  const shell = world.shell("b");
  world.site("b").kernel.turn(() => {
    for (const bytes of [
      Uint8Array.of(250),
      packValue("x"),
      packValue(["x"]),
      packValue([5, null]),
    ])
      shell.send({ target: -foo.id, targetName: "foo" }, bytes);
  });
  await world.run(50);
  const { counts } = world.site("a").kernel;
  assert.equal(counts.get("reply-malformed"), 3);
  assert.equal(counts.get("reply-late"), 1);
  assert.ok(shell.isEmpty);
});

test("[M29] what waits for a stream that is destroyed is given up, counted, and told with its names", async () => {
  const world = new SmallWorld();
  const bar = await world.stream("b", "bar");
  world.loses = () => true;
  const shell = world.shell("a");
  const errors: unknown[] = [];
  const waiter = {
    resolve: () => {},
    reject: (error: MeanderError) => void errors.push(error.code),
  };
  world.send(shell, "bar", ["1"], waiter);
  world.send(shell, "bar", ["2", "3"]);
  const { kernel, events } = world.site("a");
  kernel.removeLocation(bar.id);
  await world.run(0);
  assert.deepEqual(errors, ["stream-destroyed"]);
  assert.equal(kernel.counts.get("stream-destroyed"), 3);
  assert.deepEqual(
    events.map((event) => event.type === "discarded" && event.message),
    ["shell-1>bar#1..3"],
  );
  assert.ok(shell.isEmpty);
});

test("[M29] unconsumed messages of a shell are counted when it is closed for good", async () => {
  const world = new SmallWorld();
  await world.stream("b", "bar");
  world.loses = () => true;
  const shell = world.shell("a");
  world.send(shell, "bar", ["1", "2"]);
  const { kernel, events } = world.site("a");
  kernel.turn(() => shell.append(append("never", "3")));
  kernel.closeShell(shell);
  assert.deepEqual(
    [kernel.counts.get("shell-closed"), kernel.counts.get("stream-unknown")],
    [2, 1],
  );
  assert.deepEqual(
    events.map((event) => event.type === "discarded" && event.message),
    ["shell-1>bar#1..2", "shell-1>never"],
  );
  const before = world.sent.length;
  await world.run(10_000);
  assert.equal(world.sent.length, before);
});
