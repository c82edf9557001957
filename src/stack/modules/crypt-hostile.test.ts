import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LIMITS } from "../../base/index.ts";
import { testCipher } from "../crypt/cipher.conformance.ts";
import { HandshakeBudget } from "../crypt/handshake-budget.ts";
import { FORM, formOf } from "../crypt/sealed-unit.ts";
import { packetArbitrary } from "../module.conformance.ts";
import { CryptWorld, counted, packetOf, SECRET } from "./crypt.test.support.ts";

test("[S35] whichever bit is flipped in transit, the unit is refused", () => {
  const world = new CryptWorld();
  world.agree();
  world.send(world.left, packetOf(1, 30));
  const [unit] = world.left.collect() as [Uint8Array];
  const before = world.right.module.stats();
  world.right.upper.length = 0;
  let flipped = 0;
  for (let bit = 0; bit < unit.byteLength * 8; bit++) {
    // Version, kind and length are the frame of what follows: changed, it is another packet or none.
    if (bit < 8 || (bit >= 16 && bit < 32)) continue;
    const changed = unit.slice();
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
    world.right.module.up(changed, 0);
    flipped++;
  }
  assert.deepEqual(world.right.upper, []);
  const counts = counted(world.right, before);
  const refused = Object.values(counts).reduce((sum, count) => sum + count, 0);
  assert.equal(refused, flipped);
  assert(
    Object.keys(counts).every((key) =>
      ["forged", "old-salt", "malformed", "replayed"].includes(key),
    ),
    JSON.stringify(counts),
  );
  // And the true one is not worse for it.
  world.right.module.up(unit, 0);
  assert.equal(world.right.upper.length, 1);
});

test("[S35] cut, repeated, old, plain and reflected units are counted by reason", () => {
  const world = new CryptWorld();
  world.agree();
  world.send(world.left, packetOf(1));
  const [unit] = world.left.collect() as [Uint8Array];
  const cut = unit.slice(0, 40);
  cut[2] = 40;
  cut[3] = 0;
  const before = world.right.module.stats();
  const leftBefore = world.left.module.stats();
  world.right.take([cut, unit, unit, packetOf(5)], 0);
  world.left.take([unit], 0);
  world.send(world.left, ...Array.from({ length: 3_000 }, (_, at) => packetOf(at)));
  const many = world.left.collect();
  world.right.take(many.slice(1), 0);
  world.right.take(many.slice(0, 1), 0);
  assert.deepEqual(counted(world.right, before), {
    truncated: 1,
    replayed: 1,
    plain: 1,
    "too-old": 1,
  });
  assert.deepEqual(counted(world.left, leftBefore), { reflected: 1 });
});

test("[S37] what was recorded before either end was restarted is refused afterwards", () => {
  for (const restarted of ["left", "right"] as const) {
    const world = new CryptWorld();
    world.agree();
    world.send(world.left, packetOf(1));
    const kept = world.left.collect();
    const recorded = { left: [...world.left.handedDown], right: [...world.right.handedDown] };
    world[restarted] = world.start();
    // Either may speak first: who was restarted says hello, or notices that it is dialled.
    world.send(world[restarted], packetOf(2));
    world.settle();
    world.agree();
    const [left, right] = [world.left.module.stats(), world.right.module.stats()];
    world.left.upper.length = world.right.upper.length = 0;
    world.right.take([...recorded.left, ...kept], world.clock.now());
    world.left.take(recorded.right, world.clock.now());
    world.settle();
    assert.deepEqual([world.left.upper, world.right.upper], [[], []]);
    const refusedLeft = counted(world.left, left);
    const refusedRight = counted(world.right, right);
    assert((refusedRight["old-salt"] ?? 0) >= 2, JSON.stringify(refusedRight));
    assert((refusedLeft["old-salt"] ?? 0) >= 1, JSON.stringify(refusedLeft));
    // And both still understand each other, by the same keys.
    world.agree();
    assert.deepEqual(counted(world.left, left)["keys-agreed"], undefined);
    assert.deepEqual(counted(world.right, right)["keys-agreed"], undefined);
  }
});

test("[S34] a recorded handshake, however often it comes, opens nothing and ends nothing", () => {
  const world = new CryptWorld();
  world.agree();
  const recorded = world.left.handedDown.filter((each) => formOf(each) === FORM.hello);
  world.left = world.start();
  world.agree();
  world.right.upper.length = 0;
  for (let round = 0; round < 200; round++) {
    world.right.take(recorded, world.clock.now());
    // Its answers reach the true left end, which did not send that hello.
    world.left.take(world.right.collect(), world.clock.now());
    world.clock.advance(100);
  }
  world.send(world.left, packetOf(77));
  world.settle();
  assert.deepEqual(world.right.upper, [packetOf(77)]);
});

test("[S39] another secret opens nothing, and none at all waits until there is one", () => {
  const stranger = new CryptWorld();
  stranger.right = stranger.start({ secret: () => new Uint8Array(32) });
  stranger.send(stranger.left, packetOf(1));
  for (let round = 0; round < 5; round++) {
    stranger.right.take(stranger.left.collect(), stranger.clock.now());
    stranger.left.take(stranger.right.collect(), stranger.clock.now());
    stranger.clock.advance(100);
  }
  assert.deepEqual(stranger.right.upper, []);
  assert((stranger.right.module.stats()["forged"] ?? 0) >= 4);

  let secret: Uint8Array | undefined;
  const early = new CryptWorld();
  early.right = early.start({ secret: () => secret });
  early.send(early.left, packetOf(1));
  early.right.take(early.left.collect(), early.clock.now());
  assert.equal(early.right.module.stats()["keyless"], 1);
  secret = SECRET;
  early.settle();
  assert.deepEqual(early.right.upper, [packetOf(1)]);
});

test("[S39] a flood of handshakes costs a bounded number of derivations", () => {
  let derived = 0;
  const cipher = {
    ...testCipher,
    derive: (...args: Parameters<typeof testCipher.derive>) => {
      derived++;
      return testCipher.derive(...args);
    },
  };
  const handshakes = new HandshakeBudget(LIMITS.handshakesPerSite);
  const world = new CryptWorld({ ports: { cipher, handshakes } });
  world.agree();
  const [hello] = world.left.handedDown as [Uint8Array];
  derived = 0;
  for (let number = 0; number < 10_000; number++) {
    const forged = hello.slice();
    new DataView(forged.buffer).setUint32(21, number);
    world.right.module.up(forged, world.clock.now());
  }
  assert.equal(derived, LIMITS.handshakesPerConnection);
  const stats = world.right.module.stats();
  assert.equal(stats["forged"], LIMITS.handshakesPerConnection);
  assert.equal(stats["greeting-limited"], 10_000 - LIMITS.handshakesPerConnection);
});

test("[S39] arbitrary bytes, before and after keys were agreed, change nothing", () => {
  fc.assert(
    fc.property(fc.array(packetArbitrary(300), { maxLength: 30 }), fc.boolean(), (bytes, first) => {
      const world = new CryptWorld();
      if (!first) world.agree();
      // As sealed units of all forms, too.
      const hostile = bytes.flatMap((each, at) => {
        const unit = each.slice();
        unit[0] = 0x16;
        if (unit.byteLength > 20) unit[20] = ((at % 8) << 4) | 5;
        return [each, unit];
      });
      world.right.take(hostile, 0);
      world.left.take(hostile, 0);
      world.right.upper.length = 0;
      world.send(world.left, packetOf(3));
      world.settle();
      assert.deepEqual(world.right.upper, [packetOf(3)]);
    }),
  );
});
