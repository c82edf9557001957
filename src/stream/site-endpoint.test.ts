import assert from "node:assert/strict";
import { test } from "node:test";
import { MeanderError, SeededRandom } from "../base/index.ts";
import { packValue, unpackValue } from "../wire/index.ts";
import type { Frame } from "./frames.ts";
import { Signal, SmallWorld } from "./small-world.test.support.ts";

const ask = (
  world: SmallWorld,
  from: string,
  to: string,
  kind: string,
  value: unknown = null,
): Promise<Uint8Array | undefined> =>
  world.site(from).kernel.request(world.site(to).siteInstance, kind, packValue(value));

test("[M32] a site asks another, or itself, and gets the answer", async () => {
  const world = new SmallWorld();
  const asked: unknown[] = [];
  world.onRequest = async (from, kind, payload) => {
    asked.push([from.site, kind, unpackValue(payload)]);
    return kind === "nothing" ? undefined : packValue("yes");
  };
  assert.deepEqual(await world.until(ask(world, "a", "b", "may I", 5)), packValue("yes"));
  assert.deepEqual(await world.until(ask(world, "a", "a", "may I", 6)), packValue("yes"));
  assert.equal(await world.until(ask(world, "b", "a", "nothing")), undefined);
  assert.deepEqual(asked, [
    ["a", "may I", 5],
    ["a", "may I", 6],
    ["b", "nothing", null],
  ]);
});

test("[M32] a refusal comes with its code and words; a bug at the other site as `internal`", async () => {
  const world = new SmallWorld();
  world.onRequest = async (_from, kind) => {
    if (kind === "bug") throw new TypeError("x is not a function");
    throw new MeanderError("site-full", "it has 3 streams already");
  };
  await assert.rejects(world.until(ask(world, "a", "b", "install")), {
    code: "site-full",
    what: "it has 3 streams already",
  });
  await assert.rejects(world.until(ask(world, "a", "b", "bug")), { code: "internal" });
});

test("[M32] requests begin in the order in which they are made, and do not wait for each other", async () => {
  const world = new SmallWorld();
  const slow = new Signal<Uint8Array>();
  const begun: string[] = [];
  world.onRequest = async (_from, kind) => {
    begun.push(kind);
    return kind === "slow" ? await slow.promise : packValue(kind);
  };
  const first = ask(world, "a", "b", "slow");
  assert.deepEqual(await world.until(ask(world, "a", "b", "quick")), packValue("quick"));
  assert.deepEqual(begun, ["slow", "quick"]);
  slow.end(packValue("late"));
  assert.deepEqual(await world.until(first), packValue("late"));
});

test("[M32] a request is done once, though frames are lost both ways", async () => {
  const world = new SmallWorld();
  const random = new SeededRandom(7);
  let done = 0;
  world.loses = () => random.below(2) === 0;
  world.onRequest = async (_from, _kind, payload) => {
    done++;
    return payload;
  };
  for (let index = 0; index < 5; index++)
    assert.deepEqual(await world.until(ask(world, "a", "b", "echo", index)), packValue(index));
  assert.equal(done, 5);
});

test("[M32] a large request and a large answer travel in many frames", async () => {
  const world = new SmallWorld();
  const large = Uint8Array.from({ length: 300_000 }, (_, index) => index % 251);
  world.onRequest = async (_from, _kind, payload) => payload;
  const answer = await world.until(ask(world, "a", "b", "install", large));
  assert.deepEqual(answer, packValue(large));
  assert.ok(world.sent.every(({ bytes }) => bytes <= 1_200));
});

test("[M32] what was asked of a site that ends fails with `site-gone`; so does asking one that is not there", async () => {
  const world = new SmallWorld();
  const { siteInstance } = world.site("b");
  world.onRequest = () => new Promise(() => {});
  const asked = ask(world, "a", "b", "install");
  await world.run(10);
  world.kill("b");
  await assert.rejects(world.until(asked), { code: "site-gone" });
  await assert.rejects(world.site("a").kernel.request(siteInstance, "install", packValue(null)), {
    code: "site-gone",
  });
  const windows = world.sent.length;
  await world.run(10_000);
  assert.equal(world.sent.length, windows, "nothing is sent to it any more");
});

test("[M32] another instance of a site is another site", async () => {
  const world = new SmallWorld();
  const { kernel, siteInstance } = world.site("a");
  await assert.rejects(kernel.request({ site: "b", instance: 99 }, "install", packValue(null)), {
    code: "site-gone",
  });
  assert.equal(siteInstance.instance, 1);
});

test("[M32] a malformed request is counted, and answered when the sender waits", async () => {
  const world = new SmallWorld();
  const shell = world.shell("a");
  const { siteInstance, kernel } = world.site("b");
  const target = 2 ** 49 + siteInstance.instance;
  const errors: unknown[] = [];
  const waiter = { resolve: () => {}, reject: (error: unknown) => void errors.push(error) };
  world.site("a").kernel.turn(() => {
    shell.send({ target, targetName: "b" }, packValue([5, "x"]), { waiter });
    shell.send({ target, targetName: "b" }, Uint8Array.of(1, 2, 3));
  });
  await world.run(100);
  assert.equal(kernel.counts.get("request-malformed"), 2);
  assert.equal(errors.length, 1);
  assert.ok(errors[0] instanceof MeanderError && errors[0].code === "request-invalid");
});

test("[M32] a site that was given up and comes back as it was is asked, and asks, like any other", async () => {
  const world = new SmallWorld();
  const [a, b] = [world.site("a"), world.site("b")];
  for (let index = 0; index < 5; index++) {
    await world.until(ask(world, "a", "b", "before", index));
    await world.until(ask(world, "b", "a", "before", index));
  }
  const silent = new Signal<Uint8Array>();
  world.onRequest = () => silent.promise;
  const unanswered = ask(world, "b", "a", "unanswered");
  await world.run(100);

  // `a` hears that `b` has ended, which only stood still: its lease ran out.
  a.kernel.setSites([a.siteInstance]);
  b.kernel.setLease(world.clock.now());
  a.kernel.setSites([a.siteInstance, b.siteInstance]);
  b.kernel.setLease(1e9);
  silent.end(packValue("nobody hears this"));
  await assert.rejects(world.until(unanswered), { code: "site-gone" });
  world.onRequest = async (_from, _kind, payload) => payload;
  for (let index = 0; index < 5; index++) {
    assert.deepEqual(await world.until(ask(world, "a", "b", "after", index)), packValue(index));
    assert.deepEqual(await world.until(ask(world, "b", "a", "after", index)), packValue(index));
  }
});

test("[M32] a request that another site had in part when it gave this one up is sent again as a whole", async () => {
  const world = new SmallWorld();
  const [a, b] = [world.site("a"), world.site("b")];
  await world.until(ask(world, "b", "a", "before"));
  const isFirst = (frame: Frame): boolean => frame.type === "append" && frame.first === 2;
  world.loses = (frame, from) => from === "b" && frame.type === "append" && !isFirst(frame);
  const large = ask(world, "b", "a", "large", "x".repeat(5_000));
  await world.run(100);

  a.kernel.setSites([a.siteInstance]);
  b.kernel.setLease(world.clock.now());
  a.kernel.setSites([a.siteInstance, b.siteInstance]);
  b.kernel.setLease(1e9);
  world.loses = () => false;
  await assert.rejects(world.until(large), { code: "site-gone" });
  assert.deepEqual(await world.until(ask(world, "b", "a", "after", 5)), packValue(5));
});
