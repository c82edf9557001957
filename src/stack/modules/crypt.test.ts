import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LIMITS, SeededRandom } from "../../base/index.ts";
import { decodeHeader } from "../../wire/index.ts";
import { testCipher } from "../crypt/cipher.conformance.ts";
import { FORM, formOf, UNIT_OVERHEAD_BYTES } from "../crypt/sealed-unit.ts";
import { moduleConformance } from "../module.conformance.ts";
import { CryptWorld, PORTS, packetOf } from "./crypt.test.support.ts";
import { cryptModule } from "./crypt.ts";

moduleConformance(cryptModule, { belowBytesMax: LIMITS.datagramBytesMax, ports: PORTS });
moduleConformance(cryptModule, { belowBytesMax: 1_472, ports: PORTS, parameters: { renew: 16 } });
moduleConformance(cryptModule, {
  belowBytesMax: LIMITS.batchBytesMax,
  ports: PORTS,
  reliable: true,
});
moduleConformance(cryptModule, {
  belowBytesMax: LIMITS.batchBytesMax,
  ports: PORTS,
  reliable: true,
  parameters: { renew: 16 },
});

test("[S31] the header of a packet stands in clear, its payload does not, and 25 bytes are added", () => {
  const world = new CryptWorld();
  world.agree();
  const packet = packetOf(1_234, 1_000);
  world.send(world.left, packet);
  const [unit] = world.left.collect() as [Uint8Array];
  assert.equal(unit.byteLength, packet.byteLength + 25);
  assert.equal(UNIT_OVERHEAD_BYTES, 25);
  const [sealed, plain] = [decodeHeader(unit), decodeHeader(packet)];
  assert(typeof sealed !== "string" && typeof plain !== "string");
  assert.deepEqual({ ...sealed, kind: plain.kind, length: plain.length }, plain);
  assert.equal(Buffer.from(unit).includes(Buffer.from(packet.subarray(20, 40))), false);
});

test("[S34] one round trip, then what waited goes; the first unit of each end binds both salts", () => {
  const world = new CryptWorld();
  world.send(world.left, packetOf(1), packetOf(2));
  const handshakes = world.left.collect();
  assert.deepEqual(handshakes.map(formOf), [FORM.hello]);
  world.right.take(handshakes, 0);
  const answers = world.right.collect();
  assert.deepEqual(answers.map(formOf), [FORM.answer]);
  assert.equal(answers[0]?.byteLength, handshakes[0]?.byteLength);
  world.left.take(answers, 0);
  const units = world.left.collect();
  assert.deepEqual(units.map(formOf), [FORM.packet, FORM.packet]);
  world.right.take(units, 0);
  assert.deepEqual(world.right.upper, [packetOf(1), packetOf(2)]);
  world.send(world.right, packetOf(3));
  assert.deepEqual(world.right.lower.map(formOf), [FORM.packet]);
});

test("[S33] each datagram decodes alone, in any order", () => {
  const world = new CryptWorld();
  world.agree();
  const packets = Array.from({ length: 300 }, (_, at) => packetOf(at));
  world.send(world.left, ...packets);
  const units = world.left.collect();
  world.right.upper.length = 0;
  world.right.take(units.toReversed(), 0);
  assert.deepEqual(world.right.upper.toReversed(), packets);
});

test("[S36] both ends start the handshake at once: they agree on one pair of salts, whichever is received first", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const world = new CryptWorld({ seed });
    world.send(world.left, packetOf(1));
    world.send(world.right, packetOf(2));
    const [there, back] = [world.left.collect(), world.right.collect()];
    // Sometimes one hello is lost.
    if (seed % 3 !== 0) world.right.take(there, 0);
    if (seed % 3 !== 1) world.left.take(back, 0);
    world.settle();
    assert.deepEqual(world.right.upper, [packetOf(1)]);
    assert.deepEqual(world.left.upper, [packetOf(2)]);
    const agreed = [world.left, world.right].map(
      ({ module }) => module.stats()["keys-agreed"] ?? 0,
    );
    assert.equal(
      agreed.reduce((sum, count) => sum + count),
      1,
    );
  }
});

test("[S33] no number of a key is used twice, through any number of renewals", () => {
  const nonces = new Set<string>();
  const cipher = {
    ...testCipher,
    aead: (key: Uint8Array) => {
      const aead = testCipher.aead(key);
      const name = Buffer.from(key).toString("hex");
      return {
        ...aead,
        seal: (...args: Parameters<typeof aead.seal>) => {
          const used = `${name} ${Buffer.from(args[0]).toString("hex")}`;
          assert(!nonces.has(used), "a nonce came twice");
          nonces.add(used);
          aead.seal(...args);
        },
      };
    },
  };
  for (const reliable of [false, true]) {
    nonces.clear();
    const world = new CryptWorld({ renew: 32, reliable, ports: { cipher } });
    const [there, back]: [Uint8Array[], Uint8Array[]] = [[], []];
    for (let at = 0; at < 1_000; at++) {
      there.push(packetOf(at));
      world.send(world.left, packetOf(at));
      if (at % 3 === 0) {
        back.push(packetOf(at, 3));
        world.send(world.right, packetOf(at, 3));
      }
      if (at % 5 === 0) world.settle();
    }
    world.settle();
    assert.deepEqual(world.right.upper, there);
    assert.deepEqual(world.left.upper, back);
    assert(nonces.size >= 1_300);
    assert((world.left.module.stats()["keys-agreed"] ?? 0) > 20);
  }
});

test("[S32] several packets in one write are one record, and a batch larger than a record is one write", () => {
  const world = new CryptWorld({ reliable: true });
  world.agree();
  const few = [packetOf(1), packetOf(2, 1_000), packetOf(3, 0)];
  world.send(world.left, Buffer.concat(few));
  const [write, ...others] = world.left.collect() as [Uint8Array];
  assert.deepEqual(others, []);
  assert.equal(write.byteLength, 120 + 1_020 + 20 + 29 + 16);
  world.right.upper.length = 0;
  world.right.take([write], 0);
  assert.deepEqual(world.right.upper, few);

  const many = Array.from({ length: 50 }, (_, at) => packetOf(at, 19_980));
  world.send(world.left, Buffer.concat(many));
  assert.equal(world.left.lower.length, 1);
  world.right.upper.length = 0;
  world.settle();
  assert.deepEqual(world.right.upper, many);
});

test("[S38] on a stream, what is refused ends the connection", () => {
  for (const disturb of [
    (units: Uint8Array[]) => units.slice(1),
    (units: Uint8Array[]) => [units[0] as Uint8Array, ...units],
    (units: Uint8Array[]) => {
      const changed = (units[0] as Uint8Array).slice();
      changed[60] = (changed[60] as number) ^ 1;
      return [changed, ...units.slice(1)];
    },
    () => [packetOf(9)],
  ]) {
    const world = new CryptWorld({ reliable: true });
    world.agree();
    world.send(world.left, packetOf(1), packetOf(2), packetOf(3));
    world.right.take(disturb(world.left.collect()), 0);
    assert.equal(world.right.endedWith?.code, "seal-refused");
  }
});

test("[S38] what the layer below refuses on a stream goes later, under the number that it has", () => {
  const world = new CryptWorld({ reliable: true });
  world.agree();
  world.right.upper.length = 0;
  world.left.isOpen = false;
  world.send(world.left, packetOf(1));
  assert.equal(world.left.module.down(packetOf(2), 0), false);
  assert((world.left.module.held?.(0).bytes ?? 0) > 100);
  world.left.isOpen = true;
  world.settle();
  world.send(world.left, packetOf(3));
  world.settle();
  assert.deepEqual(world.right.upper, [packetOf(1), packetOf(3)]);
  assert.equal(world.left.module.held?.(0).bytes, 0);
});

test("[S34] loss, repetition, reordering and restarts at any time: what arrives was sent, once, and it heals", () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom("left", "right") },
    { weight: 1, arbitrary: fc.constantFrom("restart left", "restart right") },
  );
  fc.assert(
    fc.property(
      fc.nat({ max: 1e6 }),
      fc.array(step, { minLength: 20, maxLength: 150 }),
      fc.constantFrom(0, 0.1, 0.4),
      fc.constantFrom(16, 200, LIMITS.sealedUnitsMax),
      (seed, steps, troubleAtFirst, renew) => {
        let trouble = troubleAtFirst;
        const world = new CryptWorld({ seed: seed + 1, renew });
        const chance = new SeededRandom(seed);
        const flying: { to: "left" | "right"; unit: Uint8Array; at: number }[] = [];
        const sent = { left: new Set<number>(), right: new Set<number>() };
        let sequence = 0;
        const carry = (): void => {
          for (const from of ["left", "right"] as const) {
            const to = from === "left" ? "right" : "left";
            for (const unit of world[from].collect()) {
              if (chance.float() < trouble) continue;
              const copies = chance.float() < trouble ? 2 : 1;
              for (let copy = 0; copy < copies; copy++) {
                const late = chance.float() < trouble ? chance.below(40) : 0;
                flying.push({ to, unit, at: world.clock.now() + 5 + late });
              }
            }
          }
        };
        const arrive = (): void => {
          flying.sort((a, b) => a.at - b.at);
          while (flying[0] !== undefined && flying[0].at <= world.clock.now()) {
            const { to, unit } = flying.shift() as (typeof flying)[0];
            world[to].take([unit], world.clock.now());
          }
        };
        const pass = (ms: number): void => {
          for (let passed = 0; passed < ms; passed += 5) {
            carry();
            world.clock.advance(5);
            arrive();
          }
        };
        const check = (): void => {
          for (const to of ["left", "right"] as const) {
            const from = to === "left" ? "right" : "left";
            const numbers = world[to].upper.map(
              (each) => (each[16] as number) + 256 * (each[17] as number),
            );
            assert(numbers.every((each) => sent[from].has(each)));
            assert.equal(new Set(numbers).size, numbers.length, "a packet came twice");
          }
        };
        for (const each of steps) {
          if (each === "left" || each === "right") {
            sequence++;
            sent[each].add(sequence);
            world[each].module.down(packetOf(sequence), world.clock.now());
          } else {
            const who = each === "restart left" ? "left" : "right";
            world[who].module.ended?.();
            const { upper } = world[who];
            world[who] = world.start();
            world[who].upper.push(...upper);
          }
          pass(10);
          check();
        }
        // A quiet network, and each end repeats itself as a hello does: within half a second both arrive.
        trouble = 0;
        const [left, right] = [world.left.upper.length, world.right.upper.length];
        for (let round = 0; round < 5; round++) {
          for (const from of ["left", "right"] as const) {
            sequence++;
            sent[from].add(sequence);
            world[from].module.down(packetOf(sequence), world.clock.now());
          }
          carry();
          for (const each of flying) each.at = Math.min(each.at, world.clock.now() + 5);
          world.clock.advance(100);
          arrive();
          carry();
          world.clock.advance(5);
          arrive();
        }
        check();
        assert(world.left.upper.length > left, "left receives from right again");
        assert(world.right.upper.length > right, "right receives from left again");
      },
    ),
    { numRuns: 150 },
  );
});
