import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { MeanderError } from "../base/index.ts";
import { packValue } from "../wire/index.ts";
import { encodeFrame, type Frame } from "./frames.ts";
import { siteEndpoint } from "./model.ts";
import { append, consumed, ScriptedConsumer, SmallWorld } from "./small-world.test.support.ts";

test("[M20] malformed bytes are counted and have no other effect", async () => {
  const world = new SmallWorld();
  const { consumer } = await world.stream("b", "bar");
  const { siteInstance } = world.site("a");
  for (const bytes of [[1], [0, 0, 0, 4], [0, 0, 0, 5, 77], [255, 255, 255, 255, 1]])
    world.bring(siteInstance, "b", Uint8Array.from(bytes));
  assert.equal(world.site("b").kernel.counts.get("frame-malformed"), 4);
  world.send(world.shell("a"), "bar", ["1"]);
  await world.run(10);
  assert.deepEqual(consumer.texts, ["1"]);
});

test("[M20] whatever a site says, no frame makes the kernel throw, and other streams go on", async () => {
  const small = fc.integer({ min: -3, max: 5 });
  const site = fc.constantFrom(
    siteEndpoint({ site: "a", instance: 1 }),
    siteEndpoint({ site: "b", instance: 2 }),
    2 ** 40,
  );
  const endpoint = fc.oneof(
    small,
    site,
    site.map((id) => -id),
    fc.maxSafeInteger(),
  );
  const epoch = fc.constantFrom(0, 1, 2, 0xffff_ffff);
  const number = fc.oneof(fc.integer({ min: -2, max: 40 }), fc.maxSafeInteger());
  const ends = { source: endpoint, target: endpoint, targetEpoch: epoch };
  const segment = fc.record({
    flags: fc.nat(7),
    bytes: fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.constant(packValue("text"))),
  });
  const frame = fc.oneof(
    fc.record({
      type: fc.constant("append" as const),
      ...ends,
      sourceEpoch: epoch,
      base: number,
      first: number,
      sourceName: fc.constantFrom("foo", "bar", "x"),
      segments: fc.array(segment, { maxLength: 4 }),
    }),
    fc.record({
      type: fc.constant("ack" as const),
      ...ends,
      consumed: number,
      received: number,
      credit: fc.constantFrom(0, 1, 0xffff_ffff),
      beyondGap: number,
    }),
    fc.record({
      type: fc.constant("moved" as const),
      ...ends,
      siteInstance: fc.constantFrom({ site: "a", instance: 1 }, { site: "nowhere", instance: 9 }),
    }),
    fc.record({
      type: fc.constant("refused" as const),
      ...ends,
      code: fc.constant("x"),
      message: fc.constant("y"),
    }),
    fc.record({ type: fc.constant("resync" as const), ...ends, sourceEpoch: epoch }),
    fc.record({
      type: fc.constant("resynced" as const),
      ...ends,
      sourceEpoch: epoch,
      received: number,
    }),
  ) as fc.Arbitrary<Frame>;
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 30 }), async (frames) => {
      const world = new SmallWorld();
      const consumer = new ScriptedConsumer();
      consumer.handle = (text) =>
        consumed({ appends: [append("bar", text), append("nobody", text)] });
      const foo = await world.stream("b", "foo", { consumer });
      await world.stream("b", "bar");
      world.send(foo.resident, "bar", ["x", "y"]);
      for (const each of frames) {
        world.bring(world.site("a").siteInstance, "b", encodeFrame(each));
        await world.run(1);
      }
      await world.run(6_000);
      const well = await world.stream("b", "well");
      world.send(world.shell("a"), "well", ["1"]);
      await world.run(5_000);
      assert.deepEqual(well.consumer.texts, ["1"]);
    }),
    { numRuns: 60 },
  );
});

test("[M23] what another site refuses with is counted under names of this program alone", async () => {
  const world = new SmallWorld();
  const { id } = await world.stream("b", "bar");
  world.loses = (frame) => frame.type === "append";
  const shell = world.shell("a");
  world.send(shell, "bar", ["1"]);
  const refused = {
    type: "refused",
    source: shell.id,
    target: id,
    targetEpoch: 1,
    message: "no",
  } as const;
  world.bring(world.site("b").siteInstance, "a", encodeFrame({ ...refused, code: "made up" }));
  assert.ok(shell.isEmpty);
  const { counts } = world.site("a").kernel;
  assert.deepEqual([counts.get("append-refused"), counts.get("made up")], [1, 0]);
});

test("what comes for a shell that has gone is refused, and given up by its sender", async () => {
  const world = new SmallWorld();
  const { resident } = await world.stream("b", "bar");
  const shell = world.shell("a");
  world.send(shell, "bar", ["1"], { resolve: () => {}, reject: () => {} });
  await world.run(1);
  world.site("a").kernel.closeShell(shell);
  await world.run(1_000);
  assert.ok(resident.isEmpty);
  assert.equal(world.site("b").kernel.counts.get("endpoint-gone"), 1);
  assert.deepEqual(
    world.site("b").events.map(({ type }) => type),
    ["consumed"],
    "a reply is no message",
  );
});

test("a stream that is removed, or replaced, is closed; callers that wait there are rejected", async () => {
  const world = new SmallWorld();
  const bar = await world.stream("b", "bar");
  void bar.resident.change(() => new Promise(() => {}));
  const refused = assert.rejects(bar.resident.tell({ type: "siteJoined", site: "x" }), {
    code: "stream-gone",
  });
  const again = new ScriptedConsumer();
  await world.stream("b", "bar", { consumer: again, streamEpoch: 2 });
  await refused;
  assert.ok(bar.consumer.isClosed && !again.isClosed);
  world.site("b").kernel.remove(bar.id);
  assert.ok(again.isClosed);
  assert.equal(world.site("b").kernel.residents.size, 0);
});

test("a site that stops says nothing any more, and tells those who wait", async () => {
  const world = new SmallWorld();
  await world.stream("b", "bar");
  world.loses = () => true;
  const shell = world.shell("a");
  const errors: string[] = [];
  world.send(shell, "bar", ["1"], {
    resolve: () => {},
    reject: (error: MeanderError) => void errors.push(error.code),
  });
  const asked = world.site("a").kernel.request(world.site("b").siteInstance, "x", packValue(null));
  world.site("a").kernel.close();
  assert.deepEqual(errors, ["site-stopped"]);
  await assert.rejects(asked, { code: "site-stopped" });
  const before = world.sent.length;
  await world.run(10_000);
  assert.equal(world.sent.length, before);
});

test("frames that one turn causes are sent when it ends, one acknowledgement for all that came", async () => {
  const world = new SmallWorld();
  await world.stream("b", "bar");
  world.send(
    world.shell("a"),
    "bar",
    Array.from({ length: 20 }, (_, index) => `${index}`),
  );
  await world.run(100);
  assert.equal(world.framesOf("append").length, 1);
  assert.equal(world.framesOf("ack").length, 1);
});
