import assert from "node:assert/strict";
import { test } from "node:test";
import { KernelWorld } from "./kernel-world.test.support.ts";
import type { Durability } from "./model.ts";

const SEEDS = Number(process.env["MEANDER_SEEDS"] ?? 30);
const FROM = Number(process.env["MEANDER_FROM"] ?? 0);

async function storm(
  seed: number,
  options: { crashes: boolean; moves: boolean; durability: Durability; failures?: number },
): Promise<KernelWorld> {
  const world = new KernelWorld({
    seed,
    sites: 4,
    streams: 5,
    trouble: { loss: (seed % 5) * 0.05, duplicate: (seed % 3) * 0.1, reorder: (seed % 4) * 0.1 },
    ...options,
  });
  const { random, clock } = world;
  for (let at = 0; at < 2_000; at += 5 + random.float() * 40) {
    clock.after("shell", at, () => {
      const shell = world.shells[random.below(world.shells.length)];
      shell?.send(world.names[random.below(world.names.length)] as string);
    });
  }
  if (options.moves)
    for (let at = 0; at < 2_000; at += random.float() * 100)
      clock.after("move", at, () => void world.move(1 + random.below(world.names.length)));
  if (options.crashes)
    for (let at = 100; at < 2_000; at += 100 + random.float() * 600)
      clock.after("crash", at, () =>
        world.crash(world.sites[1 + random.below(world.sites.length - 1)] as never),
      );
  await world.run(2_500);
  for (let round = 0; round < 60 && !world.isQuiet; round++) await world.run(1_000);
  return world;
}

function check(world: KernelWorld, seed: number): void {
  const again = `MEANDER_FROM=${seed} MEANDER_SEEDS=1`;
  assert.deepEqual(world.violations, [], again);
  assert.ok(world.isQuiet, `everything comes to rest: ${again}`);
  for (const name of world.names) {
    const counter = world.counterOf(name);
    for (const other of world.names)
      assert.equal(
        world.counterOf(other)?.seen[name] ?? 0,
        counter?.sent[other] ?? 0,
        `${name}>${other} ${again}`,
      );
    for (const shell of world.shells)
      assert.equal(
        counter?.seen[shell.name] ?? 0,
        shell.sent[name] ?? 0,
        `${shell.name}>${name} ${again}`,
      );
  }
}

test("[M1] [M5] moving streams lose, repeat and reorder nothing over a bad network", async () => {
  for (let seed = FROM; seed < FROM + SEEDS; seed++)
    check(await storm(seed, { crashes: false, moves: true, durability: { type: "none" } }), seed);
});

test("[M7] streams whose messages are kept survive the crashes of their sites", async () => {
  for (let seed = FROM; seed < FROM + SEEDS; seed++)
    check(
      await storm(seed, {
        crashes: true,
        moves: true,
        durability: { type: "message" },
        failures: seed % 2 === 0 ? 0.05 : 0,
      }),
      seed,
    );
});
