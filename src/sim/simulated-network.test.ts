import assert from "node:assert/strict";
import { test } from "node:test";
import type { Shell, ShellStream } from "../session/shell/index.ts";
import {
  ask,
  count,
  near,
  pair,
  remembering,
  roundTrip,
  typesOfWorld,
  withStream,
} from "./simulated-pair.test.support.ts";

test("latency is that of the machine that sends", async () => {
  const world = pair();
  world.sim.sendLatency(world.machines[0], 0.1);
  world.sim.sendLatency(world.machines[1], 0.02);
  near(await roundTrip(world), 0.12);
});

test("handlers and steps of the kernel take their time", async () => {
  const idle = await roundTrip(pair());
  const world = pair();
  world.sim.executionTime("append", 0.5);
  near((await roundTrip(world)) - idle, 0.5);
  const steps = pair();
  steps.sim.executionTime("send", 0.01);
  steps.sim.executionTime("receive", 0.02);
  // The answer leaves behind the acknowledgement of the message, or before it.
  const added = (await roundTrip(steps)) - idle;
  assert.ok(added > 0.0599, `a message and its answer are two frames: ${added}`);
});

test("commands, starts of agents and writes of records take their time", async () => {
  const timesOf = async (
    step?: "control" | "load" | "store",
  ): Promise<{ create: number; register: number; write: number }> => {
    const world = pair();
    const { sim, engines } = world;
    if (step !== undefined) sim.executionTime(step, 1);
    const times = { create: Number.NaN, register: Number.NaN, write: Number.NaN };
    sim.createShell(engines[0], async (shell) => {
      const timed = async <T>(action: () => Promise<T>): Promise<[T, number]> => {
        const begin = sim.clock();
        return [await action(), sim.clock() - begin];
      };
      const options = { at: "m1", durability: { type: "message" } } as const;
      const [stream, create] = await timed(() => shell.createStream("there", options));
      const [, register] = await timed(() => stream.registerAgent(remembering));
      const [, write] = await timed(() => ask(stream, "x"));
      Object.assign(times, { create, register, write });
      sim.conclude();
    });
    await sim.run(100);
    return times;
  };
  const [free, control, load, store] = [
    await timesOf(),
    await timesOf("control"),
    await timesOf("load"),
    await timesOf("store"),
  ];
  near(control.create - free.create, 1);
  near(control.write - free.write, 0);
  near(load.register - free.register, 1);
  near(load.create - free.create, 0);
  assert.ok(store.write - free.write > 0.99, "a message is acknowledged when its record is kept");
});

test("a link carries so many bytes a second, each way", async () => {
  const world = pair();
  let seconds = Number.NaN;
  await withStream(world, async (_shell, stream) => {
    world.sim.bandwidth(world.machines[0], 10_000);
    const begin = world.sim.clock();
    await ask(stream, new Uint8Array(20_000));
    seconds = world.sim.clock() - begin;
  });
  assert.ok(seconds > 2 && seconds < 6, `20 kB at 10 kB/s took ${seconds} s`);
  const inward = pair();
  await withStream(inward, async (_shell, stream) => {
    inward.sim.bandwidth(inward.machines[1], 10_000);
    const begin = inward.sim.clock();
    await ask(stream, new Uint8Array(20_000));
    seconds = inward.sim.clock() - begin;
  });
  assert.ok(seconds > 2 && seconds < 6, `20 kB through the receiver's link took ${seconds} s`);
});

test("without loss each message is one frame; what an engine drops is sent again", async () => {
  const numbers = Array.from({ length: 100 }, (_, index) => index);
  const sendAll = async (_shell: Shell, stream: ShellStream): Promise<void> => {
    for (const number of numbers) await ask(stream, number);
    const { got } = await ask(stream, "end");
    assert.deepEqual(got, [...numbers, "end"], "once each, in order");
  };
  const whole = await withStream(pair(), sendAll);
  assert.equal(whole.consumed, 101);
  assert.equal(whole.packetRatio, 1);
  assert.equal(count(whole, "frame-lost"), 0);
  const lossy = await withStream(pair({ drop: 30 }), sendAll);
  assert.equal(lossy.consumed, 101);
  assert.ok(lossy.packetRatio > 1.3 && lossy.packetRatio < 3, `${lossy.packetRatio}`);
  assert.ok(count(lossy, "frame-lost") > 50);
});

test("frames that come twice or late change nothing for the stream", async () => {
  const world = pair();
  world.sim.duplicate(100);
  world.sim.reorder(50);
  const result = await withStream(world, async (_shell, stream) => {
    const numbers = Array.from({ length: 200 }, (_, index) => index);
    for (const number of numbers) await stream.append(number);
    const { got } = await ask(stream, "end");
    assert.deepEqual(got, [...numbers, "end"]);
  });
  assert.ok(count(result, "frame-doubled") > 3);
  assert.equal(count(result, "frame-sent"), 0, "every frame was doubled");
  const late = pair();
  late.sim.reorder(100);
  const overtaken = await withStream(late, async (_shell, stream) => {
    assert.deepEqual((await ask(stream, 1)).got, [1]);
  });
  assert.ok(count(overtaken, "frame-late") > 1);
});

test("nothing passes a partition until it is repaired", async () => {
  const world = pair();
  const { sim, machines } = world;
  const result = await withStream(world, async (_shell, stream) => {
    const cutAt = sim.clock();
    sim.partition(...machines);
    sim.at(cutAt + 3, () => sim.repair(...machines));
    const { got, site } = await ask(stream, "x");
    const seconds = sim.clock() - cutAt;
    assert.ok(seconds > 3 && seconds < 10, `the answer came ${seconds} s after the cut`);
    assert.equal(site, "m1", "no takeover was needed");
    assert.deepEqual(got, ["x"]);
  });
  assert.ok(count(result, "frame-cut") > 0);
  assert.deepEqual(typesOfWorld(result), ["partitioned", "repaired"]);
});

test("what is held between two machines comes when it is released, and nothing is lost", async () => {
  const world = pair();
  const { sim, machines } = world;
  const result = await withStream(world, async (_shell, stream) => {
    const heldAt = sim.clock();
    sim.hold(...machines);
    sim.at(heldAt + 0.05, () => sim.release(...machines));
    await stream.append(1);
    const { got } = await ask(stream, 2);
    near(sim.clock(), heldAt + 0.05 + 0.0005);
    assert.deepEqual(got, [1, 2]);
  });
  assert.equal(count(result, "frame-cut") + count(result, "frame-lost"), 0);
  assert.deepEqual(typesOfWorld(result), ["held", "released"]);
});
