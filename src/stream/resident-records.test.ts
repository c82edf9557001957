import assert from "node:assert/strict";
import { test } from "node:test";
import { MeanderError } from "../base/index.ts";
import type { Location } from "./locations.ts";
import {
  append,
  consumed,
  ScriptedConsumer,
  Signal,
  SmallWorld,
} from "./small-world.test.support.ts";
import { decodeState, freshState, type StreamState, withoutNumbers } from "./stream-state.ts";

const MESSAGE = { type: "message" } as const;
const names = (count: number, first = 1): string[] =>
  Array.from({ length: count }, (_, index) => `${first + index}`);

/** A keeper that answers when the test says so. */
class SlowKeeper {
  readonly records: StreamState[] = [];
  readonly #waiting: { readonly state: StreamState; readonly signal: Signal }[] = [];
  readonly keep = (bytes: Uint8Array): Promise<void> => {
    const signal = new Signal();
    this.#waiting.push({ state: decodeState(bytes) as StreamState, signal });
    return signal.promise;
  };

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Keeps what is on its way, and what follows while it does. */
  async answer(world: SmallWorld): Promise<void> {
    for (;;) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.records.push(next.state);
      next.signal.end();
      await world.run(0);
    }
  }
}

function passesOn(state?: Uint8Array): ScriptedConsumer {
  const consumer = new ScriptedConsumer(state);
  consumer.handle = (text) => consumed({ appends: [append("bar", text)] });
  return consumer;
}

async function open() {
  const world = new SmallWorld(["a", "b", "c"]);
  const bar = await world.stream("b", "bar");
  const keeper = new SlowKeeper();
  const consumer = passesOn();
  const installing = world.stream("a", "foo", { consumer, keep: keeper.keep, durability: MESSAGE });
  await world.run(10);
  await keeper.answer(world);
  const foo = await installing;
  return { world, bar, foo, keeper, shell: world.shell("c") };
}

test("[M7] a message is acknowledged, and what it led to leaves, when the state after it is kept", async () => {
  const { world, bar, foo, keeper, shell } = await open();
  world.send(shell, "foo", names(3));
  await world.run(2_000);
  assert.deepEqual(foo.consumer.texts, names(3), "it does not wait with consuming");
  assert.deepEqual(bar.consumer.texts, []);
  assert.equal(shell.windowTo(foo.id)?.unacknowledged, 3);
  await keeper.answer(world);
  await world.run(100);
  assert.deepEqual(bar.consumer.texts, names(3));
  assert.ok(shell.isEmpty);
});

test("[M7] outcomes that are told together are one turn: one record, which agrees with the agents", async () => {
  const { world, bar, foo, keeper, shell } = await open();
  const { consumer } = foo;
  consumer.batchMax = 10;
  let end = (): void => {};
  consumer.consume = (batch, done) => {
    end = () => {
      const last = batch.length - 1;
      for (const [index] of batch.entries()) {
        const outcome = consumed({ appends: [append("bar", `${index}`)] });
        done(index, outcome, index < last);
      }
    };
  };
  world.send(shell, "foo", names(3));
  await world.run(10);
  end();
  assert.equal(keeper.waiting, 1);
  await keeper.answer(world);
  await world.run(10);
  assert.deepEqual(
    keeper.records.slice(-1).map(({ inbound }) => inbound.map((pair) => pair.consumed)),
    [[3]],
  );
  assert.deepEqual(bar.consumer.texts, ["0", "1", "2"]);
});

test("[M7] the record has all of it: numbers, agents, and every message that is not consumed", async () => {
  const { world, bar, foo, keeper, shell } = await open();
  world.loses = (frame) => frame.type === "append" && frame.target === bar.id;
  world.send(shell, "foo", names(3));
  await world.run(100);
  await keeper.answer(world);
  const record = keeper.records.at(-1) as StreamState;
  assert.deepEqual(
    record.inbound.map(({ source, consumed: seq }) => [source, seq]),
    [[shell.id, 3]],
  );
  assert.deepEqual(
    record.outbound.map(({ target, base, next, segments }) => [
      target,
      base,
      next,
      segments.length,
    ]),
    [[bar.id, 1, 4, 3]],
  );
  assert.deepEqual(new ScriptedConsumer(record.consumer).texts, names(3));
  assert.equal(foo.id, 2);
});

test("[M7] taken over from its record, a stream repeats, loses and reorders nothing, wherever its site stopped", async () => {
  for (let stopAt = 0; stopAt < 12; stopAt++) {
    const { world, bar, foo, keeper, shell } = await open();
    world.send(shell, "foo", names(6));
    // Its site stops somewhere between the steps of records and messages.
    for (let step = 0; step < stopAt; step++) {
      await world.run(1);
      if (step % 3 === 2) await keeper.answer(world);
    }
    const record = keeper.records.at(-1) as StreamState;
    world.kill("a");
    const next: Location = {
      id: foo.id,
      name: "foo",
      siteInstance: world.site("c").siteInstance,
      streamEpoch: 2,
      live: true,
    };
    const there = passesOn(record.consumer);
    const { started } = world.install(next, {
      consumer: there,
      durability: MESSAGE,
      state: record,
      first: { type: "failure", lostSite: "a" },
    });
    world.tell(next);
    await world.until(started);
    world.send(shell, "foo", names(3, 7));
    await world.run(5_000);
    assert.deepEqual(bar.consumer.texts, names(9), `stopped after ${stopAt} steps`);
    assert.deepEqual(there.told, [{ type: "failure", lostSite: "a" }]);
    assert.ok(shell.isEmpty);
  }
});

test("[M7] nothing is sent before the record is kept at the new site", async () => {
  const { world, foo, keeper, shell } = await open();
  await world.run(10);
  const state = decodeState(
    (await world.until(foo.resident.freeze("b", () => false))) as Uint8Array,
  ) as StreamState;
  world.site("a").kernel.remove(foo.id);
  const next: Location = {
    id: foo.id,
    name: "foo",
    siteInstance: world.site("b").siteInstance,
    streamEpoch: 2,
    live: true,
  };
  const there = passesOn(state.consumer);
  const { started } = world.install(next, {
    consumer: there,
    keep: keeper.keep,
    durability: MESSAGE,
    state,
    first: { type: "arrival", from: "a" },
  });
  world.tell(next);
  world.send(shell, "foo", ["1"]);
  await world.run(3_000);
  assert.deepEqual([there.told, there.texts], [[], []]);
  assert.ok(!world.framesOf("ack").some(({ frame }) => frame.target === foo.id));
  await keeper.answer(world);
  await world.until(started);
  await world.run(100);
  assert.deepEqual(there.texts, ["1"]);
});

test("[M9] a site whose record is refused stops, and reports it", async () => {
  const world = new SmallWorld();
  let fenced = false;
  const keep = async (): Promise<void> => {
    if (fenced) throw new MeanderError("record-fenced", "epoch 2 is kept");
  };
  const bar = await world.stream("b", "bar");
  const foo = await world.stream("a", "foo", { consumer: passesOn(), keep, durability: MESSAGE });
  fenced = true;
  const shell = world.shell("b");
  world.send(shell, "foo", ["1"]);
  await world.run(5_000);
  assert.deepEqual(bar.consumer.texts, []);
  assert.equal(shell.windowTo(foo.id)?.unacknowledged, 1);
  assert.equal(world.site("a").events.filter(({ type }) => type === "superseded").length, 1);
});

test("[M7] a message that was held for an unknown stream leaves when the stream is there", async () => {
  const world = new SmallWorld();
  const consumer = passesOn();
  await world.stream("a", "foo", { consumer, durability: MESSAGE });
  world.send(world.shell("a"), "foo", ["1"]);
  await world.run(1_000);
  const bar = await world.stream("b", "bar");
  await world.run(1_000);
  assert.deepEqual(bar.consumer.texts, ["1"]);
});

test("[M7] with checkpoints nothing waits for the record, and every so many messages one is written", async () => {
  const world = new SmallWorld();
  const bar = await world.stream("b", "bar");
  const keeper = new SlowKeeper();
  const durability = { type: "checkpoint", every: 5 } as const;
  const foo = await world.stream("a", "foo", {
    consumer: passesOn(),
    keep: keeper.keep,
    durability,
  });
  await keeper.answer(world);
  const written = keeper.records.length;
  const shell = world.shell("b");
  for (const text of names(12)) {
    world.send(shell, "foo", [text]);
    await world.run(10);
    await keeper.answer(world);
  }
  assert.deepEqual(bar.consumer.texts, names(12));
  assert.ok(shell.isEmpty);
  const texts = keeper.records
    .slice(written)
    .map((state) => new ScriptedConsumer(state.consumer).texts.length);
  assert.deepEqual(texts, [5, 10]);
  assert.equal(foo.id, 2);
});

test("[M6] a stream that lost its numbers goes on behind what its receivers have, and nothing is repeated", async () => {
  const world = new SmallWorld(["a", "b", "c"]);
  const bar = await world.stream("b", "bar");
  const foo = await world.stream("a", "foo", { consumer: passesOn() });
  const shell = world.shell("c");
  world.send(shell, "foo", names(5));
  await world.run(100);
  world.kill("a");
  const next: Location = {
    id: foo.id,
    name: "foo",
    siteInstance: world.site("c").siteInstance,
    streamEpoch: 2,
    live: true,
  };
  const consumer = passesOn();
  const { started } = world.install(next, {
    consumer,
    state: withoutNumbers(freshState(consumer.snapshot())),
  });
  world.tell(next);
  await world.until(started);
  // What it had consumed is known to its senders alone: they go on where they are.
  world.send(shell, "foo", names(3, 6));
  await world.run(1_000);
  assert.deepEqual(consumer.texts, names(3, 6));
  assert.deepEqual(bar.consumer.texts, names(8));
  assert.deepEqual(
    [...bar.resident.pairs.values()].map(({ consumed: seq }) => seq),
    [8],
  );
  assert.ok(world.framesOf("resync").length > 0);
});

test("[M6] new numbers are kept before anything leaves under them", async () => {
  for (const first of ["number", "record"]) {
    const world = new SmallWorld(["a", "b", "c"]);
    const bar = await world.stream("b", "bar");
    const before = await world.stream("a", "foo", { consumer: passesOn() });
    const shell = world.shell("c");
    world.send(shell, "foo", names(5));
    await world.run(100);
    world.kill("a");
    // Its record is gone with its keeper's disk.
    const keeper = new SlowKeeper();
    const consumer = passesOn();
    const next: Location = {
      id: before.id,
      name: "foo",
      siteInstance: world.site("c").siteInstance,
      streamEpoch: 2,
      live: true,
    };
    const state = freshState(consumer.snapshot(), true);
    const { started } = world.install(next, {
      consumer,
      keep: keeper.keep,
      durability: MESSAGE,
      state,
    });
    world.tell(next);
    await world.run(10);
    await keeper.answer(world);
    await world.until(started);
    world.loses = (frame) => frame.type === "resynced" && first === "record";
    world.send(shell, "foo", ["6"]);
    await world.run(20);
    for (let round = 0; round < 20 && bar.consumer.texts.length < 6; round++) {
      await keeper.answer(world);
      world.loses = () => false;
      await world.run(200);
      const left = world
        .framesOf("append")
        .some(({ frame }) => frame.source === before.id && frame.sourceEpoch === 2);
      const [kept] = keeper.records.at(-1)?.outbound ?? [];
      if (left)
        assert.deepEqual([kept?.base, kept?.next, kept?.resync], [6, 7, false], `${first} first`);
    }
    assert.deepEqual(bar.consumer.texts, names(6), `${first} first`);
  }
});
