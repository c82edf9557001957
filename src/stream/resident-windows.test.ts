import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, type MeanderError } from "../base/index.ts";
import { type Denial, UNDECIDED } from "./resident-options.ts";
import type { Sender } from "./sender.ts";
import {
  append,
  consumed,
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

test("[M10] a stream whose window is full begins no message until there is room", async () => {
  const world = new SmallWorld();
  const { consumer: slow, end } = patient();
  slow.batchMax = 1;
  await world.stream("b", "slow", { consumer: slow });
  const foo = await world.stream("a", "foo");
  const most = LIMITS.streamWindowSegmentsMax;
  foo.consumer.handle = () => consumed({ appends: [append("slow", "x")] });
  const shell = world.shell("a");
  world.send(shell, "foo", names(most));
  await world.run(2_000);
  world.send(shell, "foo", names(10, most + 1));
  await world.run(2_000);
  assert.equal(foo.consumer.texts.length, most);
  assert.equal(foo.resident.waiting, 10);
  end();
  await world.run(100);
  assert.equal(foo.consumer.texts.length, most + 1);
});

test("[M12] several receivers each acknowledge for themselves: one that is slow holds up no other", async () => {
  const world = new SmallWorld(["a", "b", "c"]);
  const { consumer: slow, end } = patient();
  await world.stream("b", "slow", { consumer: slow });
  const quick = await world.stream("c", "quick");
  const foo = await world.stream("a", "foo");
  foo.consumer.handle = (text) =>
    consumed({ appends: [append("slow", text), append("quick", text)] });
  world.send(world.shell("a"), "foo", names(100));
  await world.run(1_000);
  assert.deepEqual(quick.consumer.texts, names(100));
  const windows = [...foo.resident.sendWindows.values()].map(({ targetName, unacknowledged }) => [
    targetName,
    unacknowledged,
  ]);
  assert.deepEqual(windows, [
    ["slow", 100],
    ["quick", 0],
  ]);
  end();
  await world.run(10);
  assert.deepEqual(slow.texts, ["1"]);
});

test("[M10] a mailbox takes 8 192 messages; the senders keep the rest, and all come in order", async () => {
  const world = new SmallWorld();
  const { consumer, end } = patient();
  const { resident } = await world.stream("b", "bar", { consumer });
  const shells = names(6).map((name) => world.shell("a", `shell-${name}`));
  for (const shell of shells) world.send(shell, "bar", names(2_000));
  await world.run(5_000);
  assert.ok(resident.waiting <= LIMITS.mailboxMessagesMax, `${resident.waiting} wait`);
  assert.ok(world.site("b").kernel.counts.get("mailbox-full") > 0);
  consumer.handle = () => consumed();
  end();
  assert.ok(await world.waitFor(() => shells.every((shell) => shell.isEmpty)));
  for (const { name } of shells)
    assert.deepEqual(
      consumer.begun.filter(({ from }) => from === name).map(({ text }) => text),
      names(2_000),
    );
});

test("[M28] a sender that the full mailbox gave no credit is not forgotten", async () => {
  const world = new SmallWorld();
  const { consumer, end } = patient();
  const kept: Signal[] = [];
  const keep = (): Promise<void> => {
    const signal = new Signal();
    kept.push(signal);
    return signal.promise;
  };
  const installed = world.stream("b", "bar", { consumer, keep, durability: { type: "message" } });
  await world.run(1);
  kept.shift()?.end();
  await installed;
  const first = world.shell("a", "shell-first");
  world.send(first, "bar", ["0"]);
  await world.run(10);
  // Its message is consumed; the record is on its way while others fill the mailbox.
  end();
  await world.run(1);
  const shells = names(5).map((name) => world.shell("a", `shell-${name}`));
  for (const shell of shells) world.send(shell, "bar", names(2_000));
  await world.run(3_000);
  kept.shift()?.end();
  await world.run(10);
  assert.ok(first.isEmpty);
  world.send(first, "bar", ["last"]);
  await world.run(10);
  consumer.handle = () => consumed();
  end();
  const answering = async (): Promise<void> => {
    for (let round = 0; round < 1_000; round++) {
      for (const signal of kept.splice(0)) signal.end();
      await world.run(50);
      if (consumer.texts.includes("last") && first.isEmpty) return;
    }
    assert.fail("its last message never came");
  };
  await answering();
});

test("[M11] a stream that takes nothing from a sender says why, and its messages are given up there", async () => {
  const world = new SmallWorld();
  const denies = ({ name }: Sender): string | undefined =>
    name === "shell-eve" ? "not from you" : undefined;
  const { consumer, resident } = await world.stream("b", "bar", { denies });
  const eve = world.shell("a", "shell-eve");
  const errors: string[] = [];
  const waiter = {
    resolve: () => {},
    reject: (error: MeanderError) => void errors.push(`${error.code}: ${error.what}`),
  };
  world.send(eve, "bar", ["1", "2"], waiter);
  world.send(world.shell("a", "shell-bob"), "bar", ["3"]);
  await world.run(100);
  assert.deepEqual(consumer.texts, ["3"]);
  assert.deepEqual(errors, ["append-denied: not from you", "append-denied: not from you"]);
  assert.ok(eve.isEmpty);
  assert.equal(resident.counts["denied"], 2);
  assert.equal(world.site("a").kernel.counts.get("append-denied"), 2);
});

test("[M11] messages of a sender wait in order until it is judged, and those of others pass", async () => {
  const world = new SmallWorld();
  const verdicts = new Map<string, (denied: string | undefined) => void>();
  let asked = 0;
  const denies = ({ name }: Sender): Promise<string | undefined> | undefined => {
    if (name === "shell-bob") return undefined;
    asked++;
    return new Promise((resolve) => void verdicts.set(name, resolve));
  };
  const { consumer, resident } = await world.stream("b", "bar", { denies });
  const alice = world.shell("a", "shell-alice");
  const eve = world.shell("a", "shell-eve");
  world.send(alice, "bar", ["1", "2"]);
  world.send(eve, "bar", ["no"]);
  world.send(world.shell("a", "shell-bob"), "bar", ["bob"]);
  world.send(alice, "bar", ["3"]);
  await world.run(20);
  assert.deepEqual(consumer.texts, ["bob"]);
  assert.equal(asked, 2, "each is asked about once");
  verdicts.get("shell-alice")?.(undefined);
  verdicts.get("shell-eve")?.("not you");
  await world.run(20);
  assert.deepEqual(consumer.texts, ["bob", "1", "2", "3"]);
  assert.ok(eve.isEmpty);
  assert.equal(resident.counts["denied"], 1);
});

test("[M11] what nothing can be said of is neither taken nor refused: it is sent again", async () => {
  const world = new SmallWorld();
  let denial: Denial | Promise<Denial> = UNDECIDED;
  const { consumer, resident } = await world.stream("b", "bar", { denies: () => denial });
  const shell = world.shell("a", "shell-1");
  world.send(shell, "bar", ["1", "2"]);
  await world.run(500);
  denial = Promise.resolve(UNDECIDED);
  world.send(shell, "bar", ["3"]);
  await world.run(500);
  assert.deepEqual(consumer.texts, []);
  assert.ok(!shell.isEmpty);
  assert.ok((resident.counts["verdict-waits"] ?? 0) >= 3);
  assert.equal(resident.counts["denied"], undefined);
  denial = undefined;
  for (let round = 0; round < 100 && !shell.isEmpty; round++) await world.run(100);
  assert.deepEqual(consumer.texts, ["1", "2", "3"]);
});

test("[M11] what waits for verdicts is bounded for a stream: the rest is sent again", async () => {
  const world = new SmallWorld();
  const judges: ((denied: string | undefined) => void)[] = [];
  let isJudged = false;
  const denies = (): Promise<string | undefined> | undefined => {
    if (isJudged) return undefined;
    return new Promise((resolve) => void judges.push(resolve));
  };
  const { consumer, resident } = await world.stream("b", "bar", { denies });
  const texts = names(128).map((name) => name.padEnd(LIMITS.appendsHeldBytesMax / 64, "."));
  for (const text of texts)
    world.send(world.shell("a", `shell-${text.slice(0, 3)}`), "bar", [text]);
  await world.run(200);
  assert.deepEqual(consumer.texts, []);
  assert.ok((resident.counts["verdict-waits"] ?? 0) > 0);
  isJudged = true;
  for (const judge of judges) judge(undefined);
  for (let round = 0; round < 100 && consumer.texts.length < texts.length; round++)
    await world.run(100);
  assert.deepEqual([...consumer.texts].sort(), [...texts].sort());
});
