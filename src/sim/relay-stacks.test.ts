import assert from "node:assert/strict";
import { test } from "node:test";
import {
  accountOf,
  RelayWorld,
  type RelayWorldOptions,
  WorldPublisher,
  type WorldViewer,
} from "./index.ts";

/** origin > north > south, the last with a way around north. */
function chain(options: RelayWorldOptions): { world: RelayWorld; publisher: WorldPublisher } {
  const world = new RelayWorld(options);
  for (const name of ["origin", "north", "south"]) world.addSite(name);
  world.openChannel("origin", "clip");
  world.openChannel("north", "clip", ["origin"]);
  world.openChannel("south", "clip", ["north", "origin"]);
  return { world, publisher: new WorldPublisher(world, "origin", "clip") };
}

/** Each number from the first to the last exactly once. */
function assertComplete(viewer: WorldViewer, atLeast: number): void {
  const { received, ...wrong } = accountOf(viewer);
  assert.ok(received >= atLeast, `expected at least ${atLeast} packets, got ${received}`);
  assert.deepEqual(wrong, { missing: 0, repeated: 0 });
}

const STACKS: readonly (RelayWorldOptions & { readonly stack: string })[] = [
  { seed: 1, reliable: true, stack: "crypt:memory" },
  { seed: 2, reliable: false, stack: "crypt:memory" },
  { seed: 3, reliable: false, stack: "crypt(renew=64):memory" },
  {
    seed: 4,
    reliable: false,
    stack: "crypt:memory",
    lossRatio: 0.05,
    duplicateRatio: 0.05,
    reorderRatio: 0.05,
  },
  { seed: 5, reliable: false, stack: "crypt:fault(loss=5%,burst=3,jitter=5ms,reorder=2%):memory" },
  { seed: 6, reliable: false, stack: "trace:fault(loss=5%,side=receive,delay=10ms):memory" },
  { seed: 7, reliable: true, stack: "crypt:fault(loss=2%,delay=5ms,retry=40ms):memory" },
];

for (const { stack, ...options } of STACKS) {
  const kind = options.reliable ? "reliable" : `lossy (${options.lossRatio ?? 0})`;

  test(`a viewer behind two relays gets every packet over ${stack}, ${kind}`, async () => {
    const { world, publisher } = chain({ ...options, stack });
    await world.run(2_000);
    const viewer = world.addViewer("clip", ["south"]);
    await world.run(3_000);
    publisher.stop();
    await world.run(1_000);
    assertComplete(viewer, 250);
    assert.equal(viewer.client.stats.packetsLost, 0);
    world.close();
  });

  test(`a relay that is killed and comes back costs no packet over ${stack}, ${kind}`, async () => {
    const { world, publisher } = chain({ ...options, stack });
    await world.run(2_000);
    const viewer = world.addViewer("clip", ["south"]);
    await world.run(2_000);
    world.kill("north");
    await world.run(1_000);
    world.restart("north");
    await world.run(9_000);
    publisher.stop();
    await world.run(1_000);
    assertComplete(viewer, 900);
    assert.deepEqual(viewer.client.stats.path, ["origin", "north", "south"]);
    world.close();
  });
}

test("flows that share a bottleneck share its rate, and what it drops is repaired", async () => {
  // 90 packets of 865 bytes a second to each of two relays: together 152 KiB/s.
  const world = new RelayWorld({
    seed: 8,
    reliable: false,
    stack: "crypt:fault(side=receive,rate=200K,queue=line,limit=16K):memory",
  });
  for (const name of ["origin", "north", "south"]) world.addSite(name);
  world.openChannel("origin", "clip");
  world.openChannel("north", "clip", ["origin"]);
  world.openChannel("south", "clip", ["origin"]);
  const publisher = new WorldPublisher(world, "origin", "clip");
  await world.run(2_000);
  const viewers = ["north", "south"].map((site) => world.addViewer("clip", [site]));
  await world.run(4_000);
  publisher.stop();
  await world.run(1_000);
  for (const viewer of viewers) assertComplete(viewer, 300);
  world.close();
});
