import assert from "node:assert/strict";
import { test } from "node:test";
import { Shell } from "../../session/shell/index.ts";
import { Storm } from "../storm/storm.ts";
import { World } from "./world.ts";

for (const seed of [1, 2, 8]) {
  test(`storm ${seed} happens twice in the same way`, async () => {
    const run = () => new Storm({ seed, durationMs: 800, trace: true }).run();
    const { world, ...first } = await run();
    const { world: again, ...second } = await run();
    assert.ok(world.trace.length > 100);
    assert.deepEqual(second, first);
    assert.deepEqual(again.trace, world.trace);
  });
}

test("the first promise that is broken ends the run, and comes with what happened last to its streams", async () => {
  const world = new World({ seed: 5 });
  for (const name of ["m0", "m1"]) world.addSite({ name });
  await world.start();
  world.run(async () => {
    const shell = new Shell(world.shell(world.site("m0"), "tester"));
    for (const name of ["foo", "bar"]) {
      await shell.createStream(name, { at: "m1" });
      await shell.registerAgent(name, { source: "export default { on: { append() {} } };" });
    }
    for (let count = 0; count < 30; count++)
      for (const name of ["foo", "bar"]) await shell.append(name, count, { until: "consumed" });
    world.note("m1", "crashed", {});
    world.invariants.broken("I0", "for this test", ["foo"]);
    await shell.append("foo", "no agent handles this");
    await shell.sleep(1_000);
    world.fail(new Error("the run went on"));
  });
  await world.advance(60_000);
  const [violation, ...others] = world.invariants.violations;
  assert.deepEqual(others, []);
  assert.deepEqual([violation?.invariant, violation?.streams], ["I0", ["foo"]]);
  assert.equal(violation?.seconds, world.clock.now() / 1_000);
  const log = violation?.log ?? [];
  assert.equal(log.length, 40, "of much that happened, the end");
  assert.equal(log.at(-1)?.type, "crashed", "and what happened to the world");
  const about = log
    .slice(0, -1)
    .map(({ detail }) => [detail["stream"], detail["source"], detail["target"]]);
  assert.ok(
    about.every((names) => names.includes("foo")),
    JSON.stringify(about),
  );
  assert.ok(
    log.some(({ type, detail }) => type === "consumed" && detail["message"] === "tester>foo#30"),
  );
  assert.deepEqual(world.trace, [], "all of it is kept only when it is asked for");
});
