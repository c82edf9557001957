import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../base/index.ts";
import { packValue } from "../wire/index.ts";
import { NO_EFFECTS } from "./consumer.ts";
import {
  append,
  consumed,
  failed,
  ScriptedConsumer,
  Signal,
  SmallWorld,
} from "./small-world.test.support.ts";

const names = (count: number, first = 1): string[] =>
  Array.from({ length: count }, (_, index) => `${first + index}`);

/** A consumer whose handlers end when the test says so, in the order in which they began. */
function patient(): {
  consumer: ScriptedConsumer;
  end: (outcome?: ReturnType<typeof consumed>) => void;
} {
  const consumer = new ScriptedConsumer();
  const running: Signal<ReturnType<typeof consumed>>[] = [];
  consumer.handle = () => {
    const signal = new Signal<ReturnType<typeof consumed>>();
    running.push(signal);
    return signal.promise;
  };
  return { consumer, end: (outcome = consumed()) => running.shift()?.end(outcome) };
}

test("[M1] each sender's messages are consumed in the order in which it sent them", async () => {
  const world = new SmallWorld(["a", "b", "c"]);
  const { consumer } = await world.stream("b", "bar");
  consumer.batchMax = 10;
  const shells = ["a", "b", "c"].map((site) => world.shell(site, `shell-${site}`));
  for (const [index, text] of names(50).entries()) {
    const shell = shells[index % 3] as (typeof shells)[number];
    world.send(shell, "bar", [text]);
    await world.run(index % 3);
  }
  await world.run(1_000);
  for (const { name } of shells) {
    const got = consumer.begun.filter(({ from }) => from === name).map(({ text }) => Number(text));
    assert.deepEqual(
      got,
      [...got].sort((a, b) => a - b),
    );
  }
  assert.equal(consumer.texts.length, 50);
});

test("[M2] a message is acknowledged when its handlers have ended, not when it has arrived", async () => {
  const world = new SmallWorld();
  const { consumer, end } = patient();
  await world.stream("b", "bar", { consumer });
  const shell = world.shell("a");
  world.send(shell, "bar", ["1", "2"]);
  await world.run(1_000);
  assert.equal(shell.windowTo(1)?.received, 2);
  assert.equal(shell.windowTo(1)?.unacknowledged, 2);
  end();
  await world.run(10);
  assert.equal(shell.windowTo(1)?.unacknowledged, 1);
  end();
  await world.run(10);
  assert.ok(shell.isEmpty);
});

test("[M2] without an append handler a message counts as consumed, and is counted", async () => {
  const world = new SmallWorld();
  const consumer = new ScriptedConsumer();
  consumer.handle = () => consumed({ handled: false });
  const { resident } = await world.stream("b", "bar", { consumer });
  const shell = world.shell("a");
  world.send(shell, "bar", ["1"]);
  await world.run(10);
  assert.ok(shell.isEmpty);
  assert.equal(resident.counts["noHandler"], 1);
});

test("[M3] messages, events and changes of the agents never overlap", async () => {
  const world = new SmallWorld(["a", "b", "c"]);
  const { consumer, end } = patient();
  consumer.batchMax = 4;
  let changing = 0;
  consumer.onEvent = async () => {
    await new Promise<void>((resolve) => void world.clock.after("handler", 3, resolve));
    assert.equal(changing, 0);
    return NO_EFFECTS;
  };
  const { resident } = await world.stream("b", "bar", { consumer });
  for (const site of ["a", "b", "c"])
    world.send(world.shell(site, `shell-${site}`), "bar", names(4));
  const changes = [1, 2, 3].map((site) => [
    resident.tell({ type: "siteJoined", site: `${site}` }),
    resident.change(async () => {
      changing++;
      await new Promise<void>((resolve) => void world.clock.after("change", 2, resolve));
      changing--;
      return NO_EFFECTS;
    }),
  ]);
  for (let round = 0; round < 100; round++) {
    await world.run(2);
    end();
  }
  await Promise.all(changes.flat());
  assert.equal(consumer.overlaps, 0);
  assert.equal(consumer.texts.length, 12);
});

test("[M4] a change waits for the end of the current message, not for the queue", async () => {
  const world = new SmallWorld();
  const { consumer, end } = patient();
  consumer.batchMax = 3;
  const { resident } = await world.stream("b", "bar", { consumer });
  world.send(world.shell("a"), "bar", names(5));
  await world.run(10);
  let seen: readonly string[] | undefined;
  const changed = resident.change(async () => {
    seen = [...consumer.texts];
    return NO_EFFECTS;
  });
  await world.run(100);
  assert.equal(seen, undefined);
  end();
  await world.run(1);
  await changed;
  assert.deepEqual(seen, ["1"]);
  // Those that were handed over already come again, in their order.
  for (const _ of names(4)) {
    end();
    await world.run(1);
  }
  assert.deepEqual(consumer.texts, names(5));
  assert.ok(consumer.begun.every(({ attempt }) => attempt === 1));
});

test("[M4] changes and events are done in the order in which they are asked for", async () => {
  const world = new SmallWorld();
  const { resident, consumer } = await world.stream("b", "bar");
  const order: string[] = [];
  consumer.onEvent = (event) => {
    order.push(event.type);
    return NO_EFFECTS;
  };
  const slow = new Signal();
  void resident.change(async () => {
    await slow.promise;
    order.push("first change");
    return NO_EFFECTS;
  });
  void resident.tell({ type: "siteLeft", site: "x" });
  void resident.change(async () => {
    order.push("second change");
    return NO_EFFECTS;
  });
  await world.run(10);
  slow.end();
  await world.run(10);
  assert.deepEqual(order, ["first change", "siteLeft", "second change"]);
});

test("a change that fails rejects, and the stream continues", async () => {
  const world = new SmallWorld();
  const { resident, consumer } = await world.stream("b", "bar");
  await assert.rejects(
    resident.change(async () => Promise.reject(new Error("no such agent"))),
    /no such agent/,
  );
  world.send(world.shell("a"), "bar", ["1"]);
  await world.run(10);
  assert.deepEqual(consumer.texts, ["1"]);
});

test("[M7] what a handler sends leaves when it has ended well, in the order of the calls; a timer's handler too", async () => {
  const world = new SmallWorld();
  const bar = await world.stream("b", "bar");
  const foo = await world.stream("a", "foo");
  foo.consumer.handle = () => consumed({ appends: [append("bar", "1"), append("bar", "2")] });
  foo.consumer.onEvent = () => ({ ...NO_EFFECTS, appends: [append("bar", "3")] });
  world.send(world.shell("a"), "foo", ["go"]);
  await world.run(10);
  await world.until(foo.resident.tell({ type: "siteJoined", site: "x" }));
  await world.run(10);
  assert.deepEqual(bar.consumer.texts, ["1", "2", "3"]);
  assert.deepEqual(
    [...bar.resident.pairs.values()].map(({ sourceName }) => sourceName),
    ["foo"],
  );
});

test("a handler that relocates tells so, once its message is consumed", async () => {
  const world = new SmallWorld();
  const { consumer } = await world.stream("b", "bar");
  consumer.handle = () => consumed({ relocate: "a" });
  world.send(world.shell("a"), "bar", ["1"]);
  await world.run(10);
  const { events } = world.site("b");
  assert.deepEqual(
    events.map(({ type }) => type),
    ["consumed", "relocate"],
  );
});

test("timers ring once, between messages, and what their handlers send goes with it", async () => {
  const world = new SmallWorld();
  const bar = await world.stream("b", "bar");
  const foo = await world.stream("a", "foo");
  const timers = [
    { agent: "x", delayMs: 500, payload: packValue("late") },
    { agent: "y", delayMs: 100, payload: packValue("soon") },
  ];
  foo.consumer.handle = () => consumed({ timers });
  foo.consumer.onEvent = (event) => ({
    ...NO_EFFECTS,
    appends: event.type === "timer" ? [append("bar", event.agent)] : [],
  });
  world.send(world.shell("a"), "foo", ["1"]);
  await world.run(2_000);
  assert.deepEqual(bar.consumer.texts, ["y", "x"]);
  assert.deepEqual(foo.resident.state().timers, []);
});

test("[M5] timers move with the stream and expire at the new site on time", async () => {
  const world = new SmallWorld();
  const foo = await world.stream("a", "foo");
  foo.consumer.handle = () =>
    consumed({ timers: [{ agent: "x", delayMs: 1_000, payload: packValue("t") }] });
  world.send(world.shell("b"), "foo", ["1"]);
  await world.run(400);
  const there = await world.move("foo", "b");
  const rang: number[] = [];
  there.consumer.onEvent = (event) => {
    if (event.type === "timer") rang.push(Math.round(world.clock.now()));
    return NO_EFFECTS;
  };
  await world.run(5_000);
  assert.equal(rang.length, 1);
  assert.ok(Math.abs((rang[0] ?? 0) - 1_000) < 20, `at ${rang[0]}`);
  assert.deepEqual(
    foo.consumer.told.map(({ type }) => type),
    ["departure"],
  );
});

test("a stream takes 1 000 timers; more are counted", async () => {
  const world = new SmallWorld();
  const foo = await world.stream("a", "foo");
  const timer = { agent: "x", delayMs: 1_000, payload: new Uint8Array() };
  foo.consumer.handle = () =>
    consumed({ timers: Array.from({ length: LIMITS.streamTimersMax + 5 }, () => timer) });
  world.send(world.shell("b"), "foo", ["1"]);
  await world.run(100);
  assert.equal(foo.resident.state().timers.length, LIMITS.streamTimersMax);
  assert.equal(foo.resident.counts["timers-full"], 5);
});

test("what people see: the message that runs, those that wait, and the one that is tried again", async () => {
  const world = new SmallWorld();
  const { consumer, end } = patient();
  const { resident } = await world.stream("b", "bar", { consumer });
  world.send(world.shell("a"), "bar", ["1", "2", "3"]);
  await world.run(51);
  assert.deepEqual(resident.current(), {
    id: "shell-1>bar#1",
    attempt: 1,
    state: "running",
    forMs: 50,
    error: undefined,
  });
  assert.deepEqual(
    resident.mailbox(10).map(({ id }) => id),
    ["shell-1>bar#2", "shell-1>bar#3"],
  );
  end(failed({ type: "retry", afterMs: 1_000 }));
  await world.run(10);
  assert.deepEqual(resident.current(), {
    id: "shell-1>bar#1",
    attempt: 1,
    state: "retrying",
    forMs: 0,
    error: "as the test says",
  });
  assert.deepEqual(
    resident.mailbox(1).map(({ id }) => id),
    ["shell-1>bar#1"],
  );
});

test("[M25] a sender that was silent for ten minutes is forgotten, and goes on when it comes back", async () => {
  const world = new SmallWorld();
  const { resident, consumer } = await world.stream("b", "bar");
  const shell = world.shell("a");
  world.send(shell, "bar", ["1"]);
  await world.run(LIMITS.senderForgottenMs + 120_000);
  assert.equal(resident.pairs.size, 0);
  world.send(shell, "bar", ["2"]);
  await world.run(100);
  assert.deepEqual(consumer.texts, ["1", "2"]);
  assert.ok(shell.isEmpty);
  assert.equal(world.site("b").kernel.counts.get("lost-with-source"), 0);
});
