/** [M13] What becomes of an event whose handlers fail. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../base/index.ts";
import { packValue } from "../wire/index.ts";
import {
  type Effects,
  type EventCall,
  type FailureAction,
  type LifecycleEvent,
  NO_EFFECTS,
} from "./consumer.ts";
import { EVENT_SOURCE } from "./model.ts";
import {
  append,
  consumed,
  failedEvent,
  ScriptedConsumer,
  SmallWorld,
} from "./small-world.test.support.ts";

const again = (afterMs: number): FailureAction => ({ type: "retry", afterMs });
const DEAD: FailureAction = { type: "dead-letter" };
const HALT: FailureAction = { type: "halt" };

function callOf(event: LifecycleEvent): EventCall {
  const { type: handler, ...rest } = event;
  return { agent: "x", handler, argument: packValue(rest) };
}

/** A consumer whose agent `x` fails on events of one type as often as given, with what its policy then says. */
function failing(type: LifecycleEvent["type"], ...then: FailureAction[]): ScriptedConsumer {
  const consumer = new ScriptedConsumer();
  const next = (call: EventCall): Effects => {
    const action = then.shift();
    return action === undefined ? { ...NO_EFFECTS, changed: true } : failedEvent(call, action);
  };
  consumer.onEvent = (event) => (event.type === type ? next(callOf(event)) : NO_EFFECTS);
  consumer.onRecall = (call) => next(call);
  return consumer;
}

const LEFT = { type: "siteLeft", site: "c" } as const;

test("[M13] a handler of an event that fails is tried again after its pause, alone, before all that waits", async () => {
  const world = new SmallWorld();
  const consumer = failing("siteLeft", again(100), again(300));
  const { resident } = await world.stream("b", "bar", { consumer });
  await world.until(resident.tell(LEFT));
  world.send(world.shell("a"), "bar", ["1"]);
  void resident.tell({ type: "siteJoined", site: "d" });
  await world.run(350);
  assert.deepEqual(consumer.texts, []);
  assert.deepEqual(resident.current(), {
    ...{ id: "x:siteLeft>bar#1", attempt: 2, state: "retrying", forMs: 0 },
    error: "as the test says",
  });
  await world.run(300);
  assert.deepEqual(
    consumer.recalled.map(({ attempt }) => attempt),
    [2, 3],
  );
  assert.deepEqual(consumer.recalled[0]?.call, callOf(LEFT));
  assert.deepEqual(
    consumer.told.map(({ type }) => type),
    ["siteLeft", "siteJoined"],
  );
  assert.deepEqual(consumer.texts, ["1"]);
  assert.deepEqual([resident.current(), resident.hasEvents], [undefined, false]);
  assert.equal(resident.counts["failed"], 2);
});

test("[M13] an event that fails too often is a dead letter with a name, counted and told of", async () => {
  const world = new SmallWorld();
  const consumer = failing("siteLeft", again(1), DEAD);
  const { resident } = await world.stream("b", "bar", { consumer });
  await world.until(resident.tell(LEFT));
  world.send(world.shell("a"), "bar", ["1"]);
  await world.run(100);
  assert.deepEqual(resident.deadLetters, [
    {
      ...{ source: EVENT_SOURCE, sourceName: "x:siteLeft", seq: 1, attempts: 2 },
      fault: { code: "handler-failed", message: "as the test says", agent: "x" },
      deaths: [],
      payload: packValue({ site: "c" }),
    },
  ]);
  assert.deepEqual([resident.counts["failed"], resident.counts["dead-lettered"]], [2, 1]);
  assert.deepEqual(
    world
      .site("b")
      .events.flatMap((event) => ("message" in event ? [[event.type, event.message]] : [])),
    [
      ["failed", "x:siteLeft>bar#1"],
      ["failed", "x:siteLeft>bar#1"],
      ["dead-lettered", "x:siteLeft>bar#1"],
      ["consumed", "shell-1>bar#1"],
    ],
  );
  assert.deepEqual(consumer.texts, ["1"]);
});

test("[M13] a timer whose handler fails is not lost: what it did counts when it ends well, once", async () => {
  const world = new SmallWorld();
  const bar = await world.stream("b", "bar");
  const consumer = new ScriptedConsumer();
  const timer = { agent: "x", delayMs: 50, payload: packValue("tick") };
  consumer.handle = () => consumed({ timers: [timer] });
  const call: EventCall = { agent: "x", handler: "timer", argument: timer.payload };
  consumer.onEvent = () => failedEvent(call, again(20));
  consumer.onRecall = () => ({ ...NO_EFFECTS, appends: [append("bar", "rung")] });
  const foo = await world.stream("a", "foo", { consumer });
  world.send(world.shell("a"), "foo", ["go"]);
  await world.run(1_000);
  assert.equal(consumer.told.length, 1);
  assert.deepEqual(consumer.recalled, [{ call, attempt: 2 }]);
  assert.deepEqual(bar.consumer.texts, ["rung"]);
  assert.deepEqual(foo.resident.state().timers, []);
});

test("[M13] what waits to be tried again delays no move, and travels with its attempts and all that waits behind it", async () => {
  const world = new SmallWorld();
  const consumer = failing("siteLeft", again(60_000));
  const { resident } = await world.stream("b", "bar", { consumer });
  await world.until(resident.tell(LEFT));
  void resident.tell({ type: "clientAttached", client: "shell-9" });
  await world.run(10);
  const there = new ScriptedConsumer();
  const before = world.clock.now();
  const moved = await world.move("bar", "a", { consumer: there });
  await world.run(100);
  assert.ok(world.clock.now() - before < 500);
  assert.deepEqual(there.recalled, [{ call: callOf(LEFT), attempt: 2 }]);
  assert.deepEqual(
    there.told.map(({ type }) => type),
    ["arrival", "clientAttached"],
  );
  assert.equal(moved.resident.hasEvents, false);
});

test("[M13] a timer that rings while another event is tried again travels, and rings once", async () => {
  const world = new SmallWorld();
  const consumer = failing("siteLeft", again(60_000));
  const timer = { agent: "x", delayMs: 50, payload: packValue("tick") };
  consumer.handle = () => consumed({ timers: [timer] });
  const { resident } = await world.stream("b", "bar", { consumer });
  world.send(world.shell("a"), "bar", ["go"]);
  await world.run(20);
  await world.until(resident.tell(LEFT));
  await world.run(100);
  assert.ok(consumer.told.every(({ type }) => type !== "timer"));
  const there = new ScriptedConsumer();
  await world.move("bar", "a", { consumer: there });
  await world.run(1_000);
  assert.deepEqual(
    there.told.map(({ type }) => type),
    ["arrival", "timer"],
  );
});

test("[M13] an event halts its stream where the policy says so, and a person says what becomes of it", async () => {
  for (const verdict of ["again", "edited", "skip"] as const) {
    const world = new SmallWorld();
    const consumer = failing("siteLeft", HALT);
    const { resident } = await world.stream("b", "bar", { consumer });
    await world.until(resident.tell(LEFT));
    world.send(world.shell("a"), "bar", ["1"]);
    await world.run(5_000);
    assert.equal(resident.current()?.state, "halted");
    assert.deepEqual(consumer.texts, []);
    const which = { source: EVENT_SOURCE, seq: 1 };
    const edited = verdict === "edited" ? packValue({ site: "z" }) : undefined;
    assert.ok(
      !resident.operator.settleHalt({ ...which, seq: 2 }, true, undefined),
      "another event",
    );
    assert.ok(resident.operator.settleHalt(which, verdict === "skip", edited));
    assert.ok(!resident.operator.settleHalt(which, true, undefined), "it halts no more");
    await world.run(100);
    const call = { ...callOf(LEFT), ...(edited !== undefined && { argument: edited }) };
    assert.deepEqual(consumer.recalled, verdict === "skip" ? [] : [{ call, attempt: 2 }]);
    assert.equal(resident.counts["skipped"], verdict === "skip" ? 1 : undefined);
    assert.deepEqual(consumer.texts, ["1"]);
  }
});

test("[M13] a halted event moves with its stream, and halts it there", async () => {
  const world = new SmallWorld();
  const consumer = failing("siteLeft", HALT);
  const { resident: here } = await world.stream("b", "bar", { consumer });
  await world.until(here.tell(LEFT));
  const { resident } = await world.move("bar", "a", { consumer: new ScriptedConsumer() });
  await world.run(1_000);
  assert.equal(resident.current()?.id, "x:siteLeft>bar#1");
  assert.equal(resident.current()?.state, "halted");
});

test("[M13] a dead letter that was an event can be played again, as it was or edited, or be removed", async () => {
  const world = new SmallWorld();
  const consumer = failing("siteLeft", DEAD, DEAD, DEAD);
  const { resident } = await world.stream("b", "bar", { consumer });
  for (const _ of [1, 2, 3]) await world.until(resident.tell(LEFT));
  const seqs = (): number[] => resident.deadLetters.map(({ seq }) => seq);
  assert.deepEqual(seqs(), [1, 2, 3]);
  const which = (seq: number) => ({ source: EVENT_SOURCE, seq });
  assert.ok(resident.operator.settleLetter(which(3), true, undefined));
  assert.ok(resident.operator.settleLetter(which(1), false, undefined));
  assert.ok(resident.operator.settleLetter(which(2), false, packValue({ site: "z" })));
  assert.ok(!resident.operator.settleLetter(which(4), false, undefined));
  await world.run(100);
  assert.deepEqual(seqs(), []);
  assert.deepEqual(consumer.recalled, [
    { call: callOf(LEFT), attempt: 2 },
    { call: { ...callOf(LEFT), argument: packValue({ site: "z" }) }, attempt: 2 },
  ]);
});

test("[M13] a played event that fails again stays a dead letter, and holds nothing up, whatever the policy says then", async () => {
  const world = new SmallWorld();
  const consumer = failing("siteLeft", DEAD, HALT);
  const { resident } = await world.stream("b", "bar", { consumer });
  await world.until(resident.tell(LEFT));
  resident.operator.settleLetter({ source: EVENT_SOURCE, seq: 1 }, false, undefined);
  world.send(world.shell("a"), "bar", ["1"]);
  await world.run(100);
  assert.deepEqual(
    resident.deadLetters.map(({ seq, attempts }) => [seq, attempts]),
    [[1, 2]],
  );
  assert.deepEqual(consumer.texts, ["1"]);
});

test("[M13] a departure handler that fails is tried again for a while, and then its stream moves without it", async () => {
  const world = new SmallWorld();
  const consumer = failing("departure", again(10), again(20));
  await world.stream("b", "bar", { consumer });
  const { resident } = await world.move("bar", "a");
  assert.deepEqual(
    consumer.recalled.map(({ attempt }) => attempt),
    [2, 3],
  );
  assert.deepEqual(resident.deadLetters, []);

  const stubborn = failing("departure", ...Array.from({ length: 99 }, () => again(400)));
  await world.stream("b", "foo", { consumer: stubborn });
  const before = world.clock.now();
  const foo = await world.move("foo", "a");
  assert.ok(world.clock.now() - before <= LIMITS.departureRetryMsMax + 10);
  assert.deepEqual(
    foo.resident.deadLetters.map(({ sourceName, attempts }) => [sourceName, attempts]),
    [["x:departure", 3]],
  );
});

test("[M13] a move that is given up while a departure handler is tried again leaves no dead letter", async () => {
  const world = new SmallWorld();
  const consumer = failing("departure", again(100), again(100), again(100));
  const { resident } = await world.stream("b", "bar", { consumer });
  let isCancelled = false;
  const frozen = resident.freeze("a", () => isCancelled);
  await world.run(50);
  isCancelled = true;
  assert.equal(await world.until(frozen), undefined);
  world.send(world.shell("a"), "bar", ["1"]);
  await world.run(100);
  assert.deepEqual([resident.deadLetters, resident.hasEvents], [[], false]);
  assert.deepEqual(consumer.texts, ["1"]);
});

test("[M13] an arrival handler that fails is tried again before the first message, and delays no further move", async () => {
  const world = new SmallWorld();
  await world.stream("b", "bar");
  const consumer = failing("arrival", again(50));
  const { resident } = await world.move("bar", "a", { consumer });
  world.send(world.shell("b"), "bar", ["1"]);
  await world.run(30);
  assert.deepEqual([consumer.texts, resident.hasEvents], [[], true]);
  await world.run(100);
  assert.deepEqual(consumer.texts, ["1"]);

  const slow = failing("arrival", again(60_000));
  await world.move("bar", "b", { consumer: slow });
  const last = new ScriptedConsumer();
  await world.move("bar", "a", { consumer: last });
  await world.run(10);
  // It arrived there, too, before it was told again of the arrival that was.
  assert.deepEqual(
    last.told.map(({ type }) => type),
    ["arrival"],
  );
  assert.equal(last.recalled[0]?.attempt, 2);
});

test("[M13] handlers that are told of a change of agents are tried again, too", async () => {
  const world = new SmallWorld();
  const consumer = new ScriptedConsumer();
  const { resident } = await world.stream("b", "bar", { consumer });
  const call = callOf({ type: "agentAttached", agent: "y" });
  await world.until(resident.change(async () => failedEvent(call, again(10))));
  await world.run(100);
  assert.deepEqual(consumer.recalled, [{ call, attempt: 2 }]);
});

test("[M13] what a record has of an event that is tried again is tried again after a takeover", async () => {
  const world = new SmallWorld();
  const consumer = failing("siteLeft", again(60_000));
  let kept: Uint8Array | undefined;
  const keep = async (state: Uint8Array): Promise<void> => {
    kept = state;
  };
  const durability = { type: "message" } as const;
  const { resident } = await world.stream("b", "bar", { consumer, durability, keep });
  await world.until(resident.tell(LEFT));
  await world.run(100);
  const { decodeState } = await import("./stream-state.ts");
  const { events, lastEvent } = decodeState(kept as Uint8Array) ?? {};
  assert.deepEqual([events?.length, lastEvent], [1, 1]);
});

test("[M13] a stream whose box of dead letters is full halts at an event instead of losing one", async () => {
  const world = new SmallWorld();
  const consumer = new ScriptedConsumer();
  consumer.onEvent = (event) =>
    event.type === "siteLeft" ? failedEvent(callOf(event), DEAD) : NO_EFFECTS;
  const { resident } = await world.stream("b", "bar", { consumer });
  for (let count = 0; count < LIMITS.deadLettersMax; count++)
    await world.until(resident.tell(LEFT));
  assert.equal(resident.current(), undefined);
  await world.until(resident.tell(LEFT));
  assert.equal(resident.deadLetters.length, LIMITS.deadLettersMax);
  assert.equal(resident.current()?.state, "halted");
});

test("[M13] events beyond what is kept of them are counted, not told", async () => {
  const world = new SmallWorld();
  const consumer = failing("siteLeft", HALT);
  const { resident } = await world.stream("b", "bar", { consumer });
  await world.until(resident.tell(LEFT));
  for (let count = 1; count < LIMITS.streamEventsMax; count++)
    void resident.tell({ type: "siteJoined", site: "d" });
  await world.run(10);
  assert.equal(resident.counts["events-full"], undefined);
  await world.until(resident.tell({ type: "siteJoined", site: "d" }));
  assert.equal(resident.counts["events-full"], 1);
});
