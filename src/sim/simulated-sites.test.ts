import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimulation } from "./create-simulation.ts";
import {
  ask,
  near,
  pair,
  remembering,
  typesOfWorld,
  withStream,
} from "./simulated-pair.test.support.ts";

test("a site that crashes loses its streams to another, and is there again when it is restarted", async () => {
  const world = pair();
  const { sim, engines } = world;
  const result = await withStream(
    world,
    async (shell, stream) => {
      await ask(stream, 1);
      sim.crash(engines[1]);
      const taken = await ask(stream, 2);
      assert.deepEqual([taken.site, taken.got], ["m0", [1, 2]]);
      sim.restart(engines[1]);
      while ((await shell.sites()).length < 2) await shell.sleep(100);
      await stream.move("m1");
      const back = await ask(stream, 3);
      assert.deepEqual([back.site, back.got], ["m1", [1, 2, 3]]);
    },
    { durability: { type: "message" }, failureManagers: ["m0"] },
  );
  assert.deepEqual(
    result.output.map(({ site, line }) => `${site}: ${line}`),
    ["m0: lost m1"],
  );
  assert.deepEqual(typesOfWorld(result), ["crashed", "restarted"]);
});

test("a site that is paused does nothing until it is resumed, and then goes on", async () => {
  const world = pair();
  const { sim, engines } = world;
  await withStream(world, async (_shell, stream) => {
    const pausedAt = sim.clock();
    sim.pause(engines[1]);
    sim.at(pausedAt + 5, () => sim.resume(engines[1]));
    const { got, site } = await ask(stream, 1);
    assert.ok(sim.clock() >= pausedAt + 5);
    assert.deepEqual([got, site], [[1], "m1"]);
  });
});

test("a machine's clock can be wrong, and go wrong", async () => {
  const world = pair();
  const { sim, machines } = world;
  await withStream(world, async (shell, stream) => {
    const wrongBy = async (): Promise<number> => {
      const { at } = await ask(stream, "when");
      return (at - shell.now()) / 1_000;
    };
    assert.ok(Math.abs(await wrongBy()) < 0.01);
    sim.clockSkew(machines[1], 100, 1_000);
    assert.ok(Math.abs((await wrongBy()) - 100) < 0.01);
    await shell.sleep(100_000);
    assert.ok(Math.abs((await wrongBy()) - 100.1) < 0.01, "1 ms more each second");
    sim.clockSkew(machines[1], 0, 0);
    assert.ok(Math.abs(await wrongBy()) < 0.01);
  });
});

test("a site that is created while it runs joins the session", async () => {
  const world = pair();
  const { sim } = world;
  await withStream(world, async (shell, stream) => {
    sim.createEngine(sim.machine("m2"));
    assert.deepEqual(
      sim.engines.map(({ name }) => name),
      ["m0", "m1", "m2"],
    );
    while ((await shell.sites()).length < 3) await shell.sleep(10);
    await stream.move("m2");
    assert.equal((await ask(stream, 1)).site, "m2");
  });
});

test("two engines share a machine, and so its link and its clock", async () => {
  const sim = createSimulation({ seed: 1 });
  const machine = sim.machine("box");
  const first = sim.createEngine(machine);
  sim.createEngine(machine, { name: "second" });
  sim.sendLatency(machine, 10);
  let seconds = Number.NaN;
  sim.createShell(first, async (shell) => {
    const stream = await shell.createStream("there", { at: "second" });
    await stream.registerAgent(remembering);
    const begin = sim.clock();
    await ask(stream, 1);
    seconds = sim.clock() - begin;
    sim.conclude();
  });
  await sim.run(100);
  near(seconds, 0);
});
