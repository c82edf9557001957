import assert from "node:assert/strict";
import { test } from "node:test";
import { MeanderError } from "../base/index.ts";
import { defineAgent, type Shell, type ShellStream } from "../session/shell/index.ts";
import { createSimulation } from "./create-simulation.ts";
import type { Engine, Machine, Simulation, SimulationResult } from "./simulation.ts";

/** Answers with when it was, by the clock of its site, and with all that it has got. */
const remembering = defineAgent({
  briefcase: { got: [] as unknown[] },
  on: {
    append: (ctx, message) => {
      ctx.briefcase.got.push(message);
      return { at: ctx.now(), got: ctx.briefcase.got, site: ctx.location };
    },
    failure: (ctx, { lostSite }) => ctx.log(`lost ${lostSite}`),
  },
});

interface Remembered {
  readonly at: number;
  readonly got: readonly unknown[];
  readonly site: string;
}

interface Pair {
  readonly sim: Simulation;
  readonly machines: readonly [Machine, Machine];
  readonly engines: readonly [Engine, Engine];
}

/** Two engines m0 and m1, on machines of these names. */
function pair(options: { readonly seed?: number; readonly drop?: number } = {}): Pair {
  const { seed = 7, drop = 0 } = options;
  const sim = createSimulation({ seed, trace: true });
  const machines = [sim.machine("m0"), sim.machine("m1")] as const;
  const [m0, m1] = machines;
  return {
    sim,
    machines,
    engines: [sim.createEngine(m0, { drop }), sim.createEngine(m1, { drop })],
  };
}

/** A shell at m0 and a stream `there` at m1 that remembers; the run ends with the script. */
async function withStream(
  { sim, engines }: Pair,
  script: (shell: Shell, stream: ShellStream) => Promise<unknown>,
  options: Parameters<Shell["createStream"]>[1] = {},
): Promise<SimulationResult> {
  sim.createShell(engines[0], async (shell) => {
    const stream = await shell.createStream("there", { at: "m1", ...options });
    await stream.registerAgent(remembering);
    await script(shell, stream);
    sim.conclude();
  });
  const result = await sim.run(600);
  assert.equal(result.concluded, true, "the script came to its end");
  assert.deepEqual(result.violations, []);
  return result;
}

async function ask(stream: ShellStream, message: unknown): Promise<Remembered> {
  return (await stream.append(message, { until: "consumed" })).reply as Remembered;
}

/** How long a message and its answer take, s. */
async function roundTrip(world: Pair): Promise<number> {
  let seconds = Number.NaN;
  await withStream(world, async (_shell, stream) => {
    const begin = world.sim.clock();
    await ask(stream, "x");
    seconds = world.sim.clock() - begin;
  });
  return seconds;
}

function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-6, `${actual} is ${expected}`);
}

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

function count({ trace }: SimulationResult, type: string): number {
  return trace.filter((entry) => entry.type === type).length;
}

const WORLD = [
  "partitioned",
  "repaired",
  "held",
  "released",
  "crashed",
  "restarted",
  "paused",
  "resumed",
];

/** What happened to the world, in order. */
function typesOfWorld({ trace }: SimulationResult): string[] {
  return trace.map(({ type }) => type).filter((type) => WORLD.includes(type));
}
