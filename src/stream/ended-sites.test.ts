import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../base/index.ts";
import { EndedSites } from "./ended-sites.ts";
import { SmallWorld } from "./small-world.test.support.ts";

test("a process has ended when its site is listed as another instance, and not when it is only not listed", () => {
  const ended = new EndedSites();
  const at = (site: string, instance: number) => ({ site, instance });
  assert.equal(ended.update([at("a", 1), at("b", 2)]), false);
  assert.equal(ended.update([at("a", 1)]), false);
  assert.equal(ended.has(at("b", 2)), false);
  // It was cut off, and is back.
  assert.equal(ended.update([at("a", 1), at("b", 2)]), false);
  assert.equal(ended.update([at("a", 1)]), false);
  assert.equal(ended.update([at("a", 1), at("b", 3)]), true);
  assert.deepEqual([ended.has(at("b", 2)), ended.has(at("b", 3))], [true, false]);
  assert.equal(ended.update([at("a", 1), at("b", 3)]), false);
});

test("a process that is only heard of has ended when its site is listed as another one for long", () => {
  const ended = new EndedSites();
  const heard = [
    { site: "a", instance: 7 },
    { site: "c", instance: 8 },
  ];
  ended.update([{ site: "a", instance: 1 }]);
  ended.review(heard);
  ended.update([{ site: "a", instance: 7 }]);
  ended.review(heard);
  ended.update([{ site: "a", instance: 9 }]);
  ended.review(heard);
  assert.ok(heard.every((each) => !ended.has(each) || each.instance === 7));
  const late = [{ site: "a", instance: 5 }];
  ended.review(late);
  assert.equal(ended.has({ site: "a", instance: 5 }), false);
  ended.review(late);
  assert.equal(ended.has({ site: "a", instance: 5 }), true);
});

const waiter = { resolve: () => {}, reject: () => {} };

/** A stream at `b` with a reply for a shell of `a` that does not get it. */
async function unheard() {
  const world = new SmallWorld();
  const { resident } = await world.stream("b", "bar");
  const shell = world.shell("a");
  world.send(shell, "bar", ["1"], waiter);
  world.loses = (frame) => frame.target === -shell.id;
  await world.run(100);
  assert.equal(resident.isEmpty, false);
  return { world, resident, kernel: world.site("b").kernel };
}

test("[M29] a reply for a shell is given up when the process of its site has ended", async () => {
  const { world, resident, kernel } = await unheard();
  const { siteInstance } = world.site("b");
  kernel.setSites([siteInstance]);
  await world.run(5_000);
  assert.equal(resident.isEmpty, false, "it may be cut off");
  kernel.setSites([siteInstance, { site: "a", instance: 77 }]);
  assert.equal(resident.isEmpty, true);
  assert.equal(kernel.counts.get("endpoint-gone"), 1);
  const before = world.sent.length;
  await world.run(5_000);
  assert.equal(world.sent.length, before);
});

test("[M29] a reply for a shell is given up when nothing was heard of it for 10 minutes", async () => {
  const { world, resident, kernel } = await unheard();
  kernel.setSites([world.site("b").siteInstance]);
  world.loses = (_frame, from) => from === "a";
  await world.run(LIMITS.senderForgottenMs - 60_000);
  assert.equal(resident.isEmpty, false);
  await world.run(180_000);
  assert.equal(resident.isEmpty, true);
});
