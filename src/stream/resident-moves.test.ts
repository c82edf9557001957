import assert from "node:assert/strict";
import { test } from "node:test";
import { packValue } from "../wire/index.ts";
import { NO_EFFECTS } from "./consumer.ts";
import { encodeFrame } from "./frames.ts";
import type { Location } from "./locations.ts";
import {
  append,
  consumed,
  ScriptedConsumer,
  Signal,
  SmallWorld,
} from "./small-world.test.support.ts";

const names = (count: number, first = 1): string[] =>
  Array.from({ length: count }, (_, index) => `${first + index}`);

test("[M5] a move lets the current message end, tells the agents, and its senders send the rest to the new site", async () => {
  const world = new SmallWorld(["a", "b", "c"]);
  const consumer = new ScriptedConsumer();
  consumer.batchMax = 10;
  const slow = new Signal<ReturnType<typeof consumed>>();
  consumer.handle = (text) => (text === "2" ? slow.promise : consumed());
  const { resident } = await world.stream("b", "bar", { consumer });
  const shell = world.shell("a");
  world.send(shell, "bar", names(5));
  await world.run(10);
  const moved = world.move("bar", "c");
  await world.run(100);
  assert.ok(!resident.isFrozen);
  assert.deepEqual(consumer.told, []);
  slow.end(consumed());
  const { consumer: there } = await moved;
  assert.deepEqual(consumer.told, [{ type: "departure", to: "c" }]);
  assert.deepEqual(there.told, [{ type: "arrival", from: "b" }]);
  assert.deepEqual(consumer.texts, ["1", "2"]);
  assert.ok(consumer.isClosed);
  await world.run(100);
  assert.deepEqual(there.texts, names(5));
  assert.deepEqual(
    there.begun.map(({ text }) => text),
    ["3", "4", "5"],
  );
  assert.ok(shell.isEmpty);
});

test("[M5] the agents are told of the arrival before the first message", async () => {
  const world = new SmallWorld();
  await world.stream("b", "bar");
  const shell = world.shell("b");
  const consumer = new ScriptedConsumer();
  const arrived = new Signal();
  const order: string[] = [];
  consumer.onEvent = async (event) => {
    await arrived.promise;
    order.push(event.type);
    return NO_EFFECTS;
  };
  consumer.handle = (text) => {
    order.push(text);
    return consumed();
  };
  const moved = world.move("bar", "a", { consumer });
  await world.run(10);
  world.send(shell, "bar", ["1"]);
  await world.run(500);
  assert.deepEqual(order, []);
  arrived.end();
  await moved;
  await world.run(500);
  assert.deepEqual(order, ["arrival", "1"]);
});

test("[M5] a site that it has left forwards nothing, and answers where it is", async () => {
  const world = new SmallWorld(["a", "b", "c"]);
  const bar = await world.stream("b", "bar");
  const shell = world.shell("a");
  // The sender's site hears of the move last.
  const { consumer } = await world.move("bar", "c", { told: ["b", "c"] });
  const before = world.sent.length;
  world.send(shell, "bar", ["1"]);
  await world.run(10);
  assert.deepEqual(consumer.texts, ["1"]);
  const since = world.sent.slice(before);
  assert.ok(!since.some(({ from, to }) => from === "b" && to === "c"));
  const [moved] = world.framesOf("moved");
  assert.deepEqual([moved?.from, moved?.to], ["b", "a"]);
  assert.deepEqual(moved?.frame, {
    type: "moved",
    source: shell.id,
    target: bar.id,
    targetEpoch: 2,
    siteInstance: world.site("c").siteInstance,
  });
  assert.equal(world.site("a").kernel.locations.stream(bar.id)?.streamEpoch, 2);
});

test("[M5] a site that knows no later location is silent, and the sender asks again", async () => {
  const world = new SmallWorld(["a", "b", "c"]);
  const bar = await world.stream("b", "bar");
  const shell = world.shell("a");
  const { consumer } = await world.move("bar", "c", { told: ["c"] });
  world.send(shell, "bar", ["1"]);
  await world.run(1_000);
  assert.deepEqual(consumer.texts, []);
  assert.deepEqual(world.framesOf("moved"), []);
  assert.ok(world.site("b").kernel.counts.get("not-here") > 1);
  world.tell({ ...(world.locations.get("bar") as Location) });
  await world.run(1_000);
  assert.deepEqual(consumer.texts, ["1"]);
  assert.equal(bar.id, 1);
});

test("[M5] until it is decided, a frozen stream takes, acknowledges, sends and runs nothing", async () => {
  const world = new SmallWorld();
  const bar = await world.stream("b", "bar");
  const foo = await world.stream("a", "foo");
  const shell = world.shell("b", "shell-b");
  foo.consumer.handle = (text) =>
    consumed({
      appends: [append("bar", text)],
      timers: [{ agent: "x", delayMs: 300, payload: packValue(1) }],
    });
  world.loses = (frame) => frame.type === "append" && frame.source === foo.id;
  world.send(shell, "foo", ["1"]);
  await world.run(5);
  const state = await world.until(foo.resident.freeze("b", () => false));
  assert.ok(foo.resident.isFrozen);
  world.loses = () => false;
  const before = world.sent.length;
  world.send(shell, "foo", ["2"]);
  await world.run(5_000);
  assert.deepEqual(
    world.sent.slice(before).filter(({ from }) => from === "a"),
    [],
  );
  assert.deepEqual(bar.consumer.texts, []);
  assert.deepEqual(foo.consumer.texts, ["1"]);
  assert.equal(foo.resident.waiting, 0);
  assert.deepEqual(foo.consumer.told, [{ type: "departure", to: "b" }]);
  assert.ok(state !== undefined);
  // The move is given up: it goes on here, and nothing is lost or done twice.
  world.site("a").kernel.turn(() => foo.resident.thaw());
  await world.run(5_000);
  assert.deepEqual(foo.consumer.texts, ["1", "2"]);
  assert.deepEqual(bar.consumer.texts, ["1", "2"]);
  assert.deepEqual(
    foo.consumer.told.map(({ type }) => type),
    ["departure", "timer", "timer"],
  );
  assert.ok(shell.isEmpty);
});

test("[M5] a move that was given up before the current message ended does not freeze the stream", async () => {
  const world = new SmallWorld();
  const consumer = new ScriptedConsumer();
  const slow = new Signal<ReturnType<typeof consumed>>();
  consumer.handle = (text) => (text === "1" ? slow.promise : consumed());
  const { resident } = await world.stream("b", "bar", { consumer });
  world.send(world.shell("a"), "bar", ["1", "2"]);
  await world.run(10);
  let cancelled = false;
  const frozen = resident.freeze("a", () => cancelled);
  await world.run(100);
  cancelled = true;
  slow.end(consumed());
  assert.equal(await world.until(frozen), undefined);
  await world.run(100);
  assert.deepEqual(consumer.texts, ["1", "2"]);
  assert.deepEqual(consumer.told, []);
});

test("[M5] a move does not wait for a keeper that does not answer", async () => {
  const world = new SmallWorld();
  for (const [name, durability] of [
    ["bar", { type: "checkpoint", every: 1 }],
    ["foo", { type: "message" }],
  ] as const) {
    const keeper = { answers: true };
    const keep = async (): Promise<void> => {
      if (!keeper.answers) throw new Error("its site has ended");
    };
    const { resident } = await world.stream("b", name, { durability, keep });
    keeper.answers = false;
    world.send(world.shell("a", `shell-${name}`), name, ["1"]);
    await world.run(1_000);
    assert.ok(!resident.isSettled);
    assert.ok((await world.until(resident.freeze("a", () => false))) !== undefined);
    world.site("b").kernel.turn(() => resident.thaw());
    const changed = resident.tell({ type: "siteJoined", site: "x" });
    await world.until(changed);
  }
});

test("[M6] the numbers travel: what was consumed is not consumed again, though its acknowledgement was lost", async () => {
  const world = new SmallWorld(["a", "b", "c"]);
  const { consumer } = await world.stream("b", "bar");
  world.loses = (frame) => frame.type === "ack";
  const shell = world.shell("a");
  world.send(shell, "bar", names(5));
  await world.run(20);
  assert.deepEqual(consumer.texts, names(5));
  world.loses = () => false;
  const { consumer: there } = await world.move("bar", "c");
  world.send(shell, "bar", names(3, 6));
  await world.run(1_000);
  assert.deepEqual(
    there.begun.map(({ text }) => text),
    names(3, 6),
  );
  assert.ok(shell.isEmpty);
});

test("[M6] a sender's numbers travel, too: its receivers see one sequence", async () => {
  const world = new SmallWorld(["a", "b", "c"]);
  const bar = await world.stream("b", "bar");
  const foo = await world.stream("a", "foo");
  const passOn = (text: string): ReturnType<typeof consumed> =>
    consumed({ appends: [append("bar", text)] });
  foo.consumer.handle = passOn;
  // Nothing of it arrives before it moves.
  world.loses = (frame) => frame.type === "append" && frame.target === bar.id;
  const shell = world.shell("b");
  world.send(shell, "foo", names(40));
  await world.run(20);
  world.loses = () => false;
  const there = new ScriptedConsumer(foo.consumer.snapshot());
  there.handle = passOn;
  await world.move("foo", "c", { consumer: there });
  world.send(shell, "foo", names(10, 41));
  await world.run(2_000);
  assert.deepEqual(bar.consumer.texts, names(50));
  assert.deepEqual(
    [...bar.resident.pairs.values()].map(({ consumed: seq }) => seq),
    [50],
  );
  assert.equal(world.site("b").kernel.counts.get("lost-with-source"), 0);
});

test("[M6] messages that wait for an unknown stream travel", async () => {
  const world = new SmallWorld(["a", "b", "c"]);
  const foo = await world.stream("a", "foo");
  foo.consumer.handle = () => consumed({ appends: [append("late", "1"), append("late", "2")] });
  world.send(world.shell("b"), "foo", ["x"]);
  await world.run(100);
  await world.move("foo", "c");
  const late = await world.stream("b", "late");
  await world.run(1_000);
  assert.deepEqual(late.consumer.texts, ["1", "2"]);
});

test("[M9] what is addressed to an earlier or a later epoch than the stream's is not taken", async () => {
  const world = new SmallWorld();
  const { consumer, id } = await world.stream("b", "bar", { streamEpoch: 5 });
  const { kernel } = world.site("b");
  const { siteInstance } = world.site("a");
  const frame = {
    type: "append",
    source: 2 ** 33,
    sourceEpoch: 0,
    target: id,
    base: 1,
    first: 1,
    sourceName: "x",
    segments: [{ flags: 1, bytes: packValue("1") }],
  } as const;
  for (const targetEpoch of [4, 6, 5])
    world.bring(siteInstance, "b", encodeFrame({ ...frame, targetEpoch }));
  await world.run(10);
  assert.deepEqual(consumer.begun.length, 1);
  assert.equal(kernel.counts.get("moved"), 1);
  assert.equal(kernel.counts.get("ahead-of-us"), 1);
});

test("[M9] a site that learns of a higher epoch reports that its own is void", async () => {
  const world = new SmallWorld(["a", "b", "c"]);
  const bar = await world.stream("b", "bar");
  const { events, kernel } = world.site("b");
  kernel.setLocation({
    id: bar.id,
    name: "bar",
    siteInstance: world.site("c").siteInstance,
    streamEpoch: 2,
    live: true,
  });
  assert.deepEqual(events, [{ type: "superseded", stream: "bar", id: bar.id }]);
});

test("[M9] a refusal or a new number from a site that the stream has left is ignored", async () => {
  const world = new SmallWorld(["a", "b", "c"]);
  const bar = await world.stream("b", "bar");
  const shell = world.shell("a");
  const { consumer } = await world.move("bar", "c");
  world.loses = (frame) => frame.type === "append";
  world.send(shell, "bar", ["1"]);
  const { siteInstance } = world.site("b");
  world.bring(
    siteInstance,
    "a",
    encodeFrame({
      type: "refused",
      source: shell.id,
      target: bar.id,
      targetEpoch: 1,
      code: "append-denied",
      message: "no",
    }),
  );
  world.bring(
    siteInstance,
    "a",
    encodeFrame({
      type: "resynced",
      source: shell.id,
      sourceEpoch: 0,
      target: bar.id,
      targetEpoch: 1,
      received: 50,
    }),
  );
  world.bring(
    siteInstance,
    "a",
    encodeFrame({ type: "moved", source: shell.id, target: bar.id, targetEpoch: 1, siteInstance }),
  );
  assert.ok(!shell.isEmpty);
  world.loses = () => false;
  await world.run(1_000);
  assert.deepEqual(consumer.texts, ["1"]);
  const { counts } = world.site("a").kernel;
  assert.deepEqual([counts.get("stale-refusal"), counts.get("stale-resync")], [1, 1]);
});

test("[M9] without its site's lease a stream runs, sends and acknowledges nothing; with it again, it goes on", async () => {
  const world = new SmallWorld();
  const bar = await world.stream("b", "bar");
  const foo = await world.stream("a", "foo");
  const timer = { agent: "x", delayMs: 1_000, payload: packValue(1) };
  foo.consumer.handle = (text) => consumed({ appends: [append("bar", text)], timers: [timer] });
  const shell = world.shell("b");
  world.send(shell, "foo", ["1"]);
  await world.run(100);
  const { kernel } = world.site("a");
  kernel.setLease(world.clock.now() + 50);
  assert.ok(kernel.leaseHolds);
  await world.run(50);
  assert.ok(!kernel.leaseHolds);
  const before = world.sent.length;
  world.send(shell, "foo", ["2"]);
  const told = foo.resident.tell({ type: "siteJoined", site: "x" });
  await world.run(10_000);
  assert.deepEqual(foo.consumer.texts, ["1"]);
  assert.deepEqual(foo.consumer.told, [], "nor do its timers ring");
  assert.deepEqual(
    world.sent.slice(before).filter(({ from }) => from === "a"),
    [],
  );
  kernel.setLease(world.clock.now() + 10_000);
  await told;
  await world.run(5_000);
  assert.deepEqual(bar.consumer.texts, ["1", "2"]);
  assert.deepEqual(foo.consumer.told.map(({ type }) => type).sort(), [
    "siteJoined",
    "timer",
    "timer",
  ]);
  assert.ok(shell.isEmpty);
});

test("[M9] when the lease runs out the running message ends, and the rest of its batch waits", async () => {
  const world = new SmallWorld();
  const consumer = new ScriptedConsumer();
  consumer.batchMax = 10;
  consumer.handle = async () => {
    await new Promise<void>((resolve) => void world.clock.after("handler", 100, resolve));
    return consumed();
  };
  await world.stream("b", "bar", { consumer });
  const shell = world.shell("a");
  world.send(shell, "bar", names(5));
  const { kernel } = world.site("b");
  kernel.setLease(world.clock.now() + 250);
  await world.run(5_000);
  assert.equal(consumer.begun.length, 3);
  kernel.setLease(world.clock.now() + 10_000);
  await world.run(5_000);
  assert.deepEqual(consumer.texts, names(5));
  assert.ok(shell.isEmpty);
});

test("[M9] a lease that turns out to be lost ends at once", async () => {
  const world = new SmallWorld();
  const { kernel } = world.site("b");
  kernel.setLease(world.clock.now() + 10_000);
  kernel.setLease(world.clock.now());
  assert.ok(!kernel.leaseHolds);
});
