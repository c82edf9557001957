import assert from "node:assert/strict";
import { test } from "node:test";
import { MeanderError } from "../base/index.ts";
import { defineAgent } from "../session/shell/index.ts";
import { createSimulation } from "./create-simulation.ts";
import { pair } from "./simulated-pair.test.support.ts";
import type { SimulationResult } from "./simulation.ts";

/** Figure 4 of the AGNI paper. Only the numbers of sites are names here, and `bar` moves to another site than it is at. */
async function figure4(seed: number): Promise<SimulationResult> {
  const sim = createSimulation({ seed, trace: true });
  const drop = 10;
  const m0 = sim.machine("m0");
  const m1 = sim.machine("m1");
  const e0 = sim.createEngine(m0, { drop });
  sim.createEngine(m1, { drop });
  sim.sendLatency(m0, 0.0005);
  sim.sendLatency(m1, 0.0005);
  sim.executionTime("receive", 0.000015);
  sim.executionTime("send", 0.000015);
  sim.executionTime("arrival", 0.000015);
  sim.createShell(e0, async (shell) => {
    const foo = await shell.createStream("foo");
    const bar = await shell.createStream("bar");
    await foo.registerAgent(
      defineAgent({
        on: {
          append: async (ctx, message) => {
            await ctx.open("bar").append(message);
          },
        },
      }),
    );
    await bar.registerAgent(
      defineAgent({
        on: {
          append: (ctx, message) => {
            ctx.log(message);
            ctx.relocate("m0");
          },
          arrival: (ctx) => {
            if (ctx.location === "m0") ctx.log(`I am at ${ctx.location} at ${ctx.now()}`);
          },
        },
      }),
    );
    await foo.move("m0");
    await bar.move("m1");
    await foo.append("bar");
  });
  sim.onOutput(({ line }) => line.startsWith("I am at") && sim.conclude());
  return sim.run(100_000);
}

test("the program of figure 4 prints what the paper says, at the sites where it says it", async () => {
  const { output, concluded, consumed, violations } = await figure4(7);
  assert.deepEqual(
    output.map(({ site, stream, line }) => [site, stream, line.replace(/ at \d.*/, "")]),
    [
      ["m1", "bar", "bar"],
      ["m0", "bar", "I am at m0"],
    ],
  );
  assert.equal(concluded, true);
  assert.equal(consumed, 2);
  assert.deepEqual(violations, []);
});

test("the same seed gives the same trace, another seed another one", async () => {
  const [first, again, other] = [await figure4(3), await figure4(3), await figure4(4)];
  assert.ok(first.trace.length > 10);
  assert.deepEqual(again, first);
  assert.notDeepEqual(other.trace, first.trace);
});

test("shells have the names they were given, and may be many", async () => {
  const { sim, engines } = pair();
  const names: string[] = [];
  sim.createShell(engines[0], async ({ name }) => names.push(name));
  sim.createShell(engines[1], async ({ name, site }) => names.push(`${name} at ${site}`), "driver");
  assert.equal(sim.shellCount, 2);
  const { concluded, seconds, packetRatio } = await sim.run(5);
  assert.deepEqual(names.sort(), ["driver at m1", "shell-1"]);
  assert.equal(concluded, false, "it was not concluded: the time was up");
  assert.equal(seconds, 5);
  assert.ok(Number.isNaN(packetRatio), "no message was consumed");
});

test("a script that rejects ends the run with its error", async () => {
  const { sim, engines } = pair();
  const error = new Error("by the script");
  sim.createShell(engines[0], async (shell) => {
    await shell.sleep(1_000);
    throw error;
  });
  await assert.rejects(sim.run(100), error);
  assert.ok(sim.clock() < 1.1, "at once");
});

test("a promise that a script leaves rejected ends the run too; an agent's is the agent's", async () => {
  // The test runner's own would take it for a failed test.
  const listeners = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  try {
    const { sim, engines } = pair();
    sim.createShell(engines[0], async (shell) => {
      await shell.createStream("careless", { at: "m1" });
      await shell.registerAgent("careless", {
        source: `export default { on: { append: () => { Promise.reject(new Error("dropped")); } } };`,
      });
      await shell.append("careless", 1);
      await shell.sleep(1_000);
      void Promise.reject(new Error("by the script"));
      await shell.sleep(10_000);
    });
    const lines: string[] = [];
    sim.onOutput(({ line }) => lines.push(line));
    await assert.rejects(sim.run(100), /by the script/);
    assert.ok(sim.clock() < 1.1, "at once");
    assert.match(lines.join(), /^a promise was rejected and not handled.*dropped/);
  } finally {
    for (const listener of listeners) process.on("unhandledRejection", listener);
  }
  assert.deepEqual(process.listeners("unhandledRejection"), listeners, "the world left none");
});

test("a shell whose site crashes is told so", async () => {
  const { sim, engines } = pair();
  sim.createShell(engines[1], async (shell) => {
    sim.at(sim.clock() + 1, () => sim.crash(engines[1]));
    await shell.sleep(5_000);
  });
  await assert.rejects(
    sim.run(100),
    (thrown) => thrown instanceof MeanderError && thrown.code === "shell-disconnected",
  );
});

test("actions run at their time, and an error of one ends the run", async () => {
  const { sim } = pair();
  const times: number[] = [];
  sim.at(2, () => times.push(sim.clock()));
  sim.at(1, () => {
    times.push(sim.clock());
    sim.at(0.5, () => times.push(sim.clock()));
  });
  sim.at(3, () => {
    throw new Error("by the action");
  });
  await assert.rejects(sim.run(10), /by the action/);
  assert.deepEqual(times, [1, 1, 2]);
});

test("what a world cannot have is refused, and says what is expected", async () => {
  const { sim, machines, engines } = pair();
  const [m0] = machines;
  const stranger = createSimulation({ seed: 1 }).machine("m0");
  const refused: [string, () => unknown][] = [
    ["seed", () => createSimulation({ seed: -1 })],
    ["seed", () => createSimulation({ seed: 1.5 })],
    ["machine", () => sim.machine("No Machine")],
    ["createEngine", () => sim.createEngine(m0)],
    ["createEngine", () => sim.createEngine(m0, { name: "m3", drop: 101 })],
    ["machine", () => sim.createEngine(stranger, { name: "m3" })],
    ["createShell", () => sim.createShell(engines[0], async () => {}, "a b")],
    ["engine", () => sim.createShell({ name: "m0", machine: m0 }, async () => {})],
    ["sendLatency", () => sim.sendLatency(m0, -1)],
    ["bandwidth", () => sim.bandwidth(m0, 0)],
    ["executionTime", () => sim.executionTime("think" as "append", 1)],
    ["executionTime", () => sim.executionTime("append", Number.NaN)],
    ["duplicate", () => sim.duplicate(-1)],
    ["reorder", () => sim.reorder(200)],
    ["machine", () => sim.partition(m0, m0)],
    ["crash", () => sim.crash(engines[0])],
    ["clockSkew", () => sim.clockSkew(m0, Number.NaN, 0)],
  ];
  for (const [where, call] of refused) {
    assert.throws(call, (thrown) => {
      assert.ok(thrown instanceof MeanderError, `${where}: ${thrown}`);
      assert.equal(thrown.code, "simulation-invalid");
      assert.ok(thrown.where?.startsWith(where), `${thrown.where} begins with ${where}`);
      return true;
    });
  }
  await assert.rejects(createSimulation({ seed: 1 }).run(1), /there is no engine/);
  await sim.run(0.001);
  await assert.rejects(sim.run(1), /it has run already/);
});
