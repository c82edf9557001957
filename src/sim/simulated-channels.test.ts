import assert from "node:assert/strict";
import { test } from "node:test";
import { defineAgent } from "../session/shell/index.ts";
import { createSimulation } from "./create-simulation.ts";
import type { Engine, SimulatedViewer, Simulation } from "./simulation.ts";

const SITES = ["origin", "north", "south"] as const;

/** origin > north > south, with a publisher at origin and a viewer at south. */
function chain(seed: number): {
  readonly sim: Simulation;
  readonly engines: readonly [Engine, Engine, Engine];
  readonly viewer: SimulatedViewer;
} {
  const sim = createSimulation({ seed, trace: true });
  const make = (name: string): Engine => sim.createEngine(sim.machine(name));
  const engines = [make(SITES[0]), make(SITES[1]), make(SITES[2])] as const;
  const [origin, north, south] = engines;
  sim.channel(north, "clip", [origin]);
  sim.channel(south, "clip", [north]);
  sim.publisher(origin, "clip");
  return { sim, engines, viewer: sim.viewer("clip", [south]) };
}

test("a channel of a simulation takes the way of the session's configuration, and another one when a site dies", async () => {
  const { sim, engines, viewer } = chain(1);
  const ways: string[] = [];
  const note = (seconds: number): void => sim.at(seconds, () => ways.push(viewer.path.join(" > ")));
  note(4);
  sim.at(5, () => sim.crash(engines[1]));
  note(8);
  sim.at(9, () => sim.restart(engines[1]));
  note(25);
  const { violations } = await sim.run(26);
  assert.deepEqual(violations, []);
  assert.deepEqual(ways, ["origin > north > south", "origin > south", "origin > north > south"]);
  assert.ok(viewer.received > 90 * 20, `${viewer.received}`);
  assert.deepEqual([viewer.missing, viewer.repeated], [0, 0]);
  assert.ok(viewer.longestGap(4) < 0.5, `${viewer.longestGap(4)} s`);
});

test("what befalls a site befalls its streams and its channels alike", async () => {
  const { sim, engines } = chain(2);
  const [origin, , south] = engines;
  const only = sim.viewer("clip", [south]);
  const answers: number[] = [];
  const echo = defineAgent({ on: { append: () => "here" } });
  sim.createShell(origin, async (shell) => {
    const stream = await shell.createStream("echo", { at: "south" });
    await stream.registerAgent(echo);
    for (;;) {
      await stream.append("ask", { until: "consumed" });
      answers.push(sim.clock());
      await shell.sleep(100);
    }
  });
  let meanwhile: readonly string[] = [];
  sim.at(6, () => sim.pause(south));
  sim.at(7.5, () => {
    meanwhile = only.path;
  });
  sim.at(8, () => sim.resume(south));
  await sim.run(12);
  const silent = answers.findIndex((at, index) => at - (answers[index - 1] ?? at) > 1.9);
  assert.ok(silent > 0, "no stream of a frozen site answers");
  assert.ok(meanwhile.length > 0 && !meanwhile.includes("south"), "its viewer went elsewhere");
  assert.ok((answers.at(-1) ?? 0) > 11.5, "both go on");
  assert.deepEqual([only.missing, only.repeated], [0, 0]);
});

test("a site that leaves takes nothing with it: its streams, and who watched there, are elsewhere before it ends", async () => {
  const { sim, engines, viewer } = chain(4);
  const [origin, north, south] = engines;
  let site: string | undefined;
  sim.createShell(origin, async (shell) => {
    const stream = await shell.createStream("echo", { at: "north" });
    const echo = defineAgent({
      briefcase: { got: [] as unknown[] },
      on: {
        append: (ctx, message) => {
          ctx.briefcase.got.push(message);
          return [ctx.location, ctx.briefcase.got.length];
        },
      },
    });
    await stream.registerAgent(echo);
    await stream.append(1, { until: "consumed" });
    await shell.sleep(5_000);
    sim.leave(north);
    await shell.sleep(2_000);
    const { reply } = await stream.append(2, { until: "consumed" });
    assert.ok(Array.isArray(reply));
    assert.equal(reply[1], 2, "with its briefcase");
    site = reply[0];
    sim.restart(north);
  });
  const { violations } = await sim.run(25);
  assert.deepEqual(violations, []);
  assert.ok(site === "origin" || site === "south", site);
  assert.deepEqual([viewer.missing, viewer.repeated], [0, 0]);
  assert.ok(viewer.longestGap(4) < 0.1, `${viewer.longestGap(4)} s`);
  assert.deepEqual(viewer.path, ["origin", "north", south.name]);
});

test("a link of which one direction works is gone around, and streams wait no longer than it takes to notice", async () => {
  const { sim, engines, viewer } = chain(5);
  const [origin, north, south] = engines;
  const answers: number[] = [];
  sim.createShell(origin, async (shell) => {
    const stream = await shell.createStream("echo", { at: "south" });
    await stream.registerAgent(defineAgent({ on: { append: () => "here" } }));
    for (;;) {
      await stream.append("ask", { until: "consumed" });
      answers.push(sim.clock());
      await shell.sleep(200);
    }
  });
  let path: readonly string[] = [];
  sim.at(5, () => sim.cut(north.machine, south.machine));
  sim.at(8, () => {
    path = viewer.path;
    sim.heal(north.machine, south.machine);
  });
  const { violations } = await sim.run(20);
  assert.deepEqual(violations, []);
  assert.deepEqual(path, ["origin", "south"]);
  assert.ok(viewer.longestGap(4) < 0.6, `${viewer.longestGap(4)} s`);
  assert.deepEqual([viewer.missing, viewer.repeated], [0, 0]);
  assert.ok((answers.at(-1) ?? 0) > 19, "no frame of the stream takes that way");
});

test("the same seed gives the same packets at the same times", async () => {
  const [first, again] = [chain(3), chain(3)];
  for (const { sim, engines } of [first, again]) {
    sim.reorder(5);
    sim.at(5, () => sim.crash(engines[1]));
  }
  const results = [await first.sim.run(10), await again.sim.run(10)];
  assert.deepEqual(results[1], results[0]);
  assert.equal(again.viewer.received, first.viewer.received);
  assert.equal(again.viewer.longestGap(), first.viewer.longestGap());
});
